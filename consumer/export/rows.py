"""The rows of the files, from the conversions of waiting orders. Pure."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from consumer.awin import offline, wording
from consumer.awin.offline import Layout
from consumer.errors import Undecodable, Unreportable
from consumer.export.selection import Waiting
from consumer.stream.avro import ConversionDecoder
from consumer.stream.framing import Headers


class Sale(NamedTuple):
    """An order with its row. Sorts by time, then by key."""

    completed_at_ms: int
    key: bytes
    waiting: Waiting
    text: str


class Rows:
    """Takes conversions and sorts their rows by file.

    Args:
        decode: reads a conversion.
        layout: what a file looks like.
        now_ms: when the files are made.
    """

    def __init__(self, decode: ConversionDecoder, layout: Layout, now_ms: int) -> None:
        self.sales: dict[tuple[str, str], list[Sale]] = {}
        """By programme and UK day."""
        self.skipped: Counter[str] = Counter()
        self.notes: Counter[str] = Counter()
        self._decode = decode
        self._layout = layout
        self._now_ms = now_ms

    def add(self, key: bytes, waiting: Waiting, value: bytes | None, headers: Headers) -> None:
        """Take the conversion that stands where the receipt of a waiting order says, under the order's key."""
        try:
            conversion = self._decode(value, headers)
        except Undecodable:
            self.skipped["undecodable"] += 1
            return
        if wording.is_test(conversion) and not self._layout.has("test"):
            self.skipped["no_test_column"] += 1
            return
        try:
            row = offline.row(conversion, self._layout, self._now_ms)
        except Unreportable as error:
            self.skipped[error.reason] += 1
            return
        self.notes.update(row.notes)
        if waiting.receipt.unknown_attempts or waiting.receipt.possible_repeat:
            self.notes["may_have_arrived"] += 1
        day = offline.day_of(conversion.completed_at_ms).isoformat()
        sale = Sale(conversion.completed_at_ms, key, waiting, row.text)
        self.sales.setdefault((conversion.programme, day), []).append(sale)
