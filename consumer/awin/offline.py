"""Batched offline tracking: a file of sales, one a row. Source: AWIN.md 7, docs/operations.md "Offline files".

What a spreadsheet would take for a formula gets an apostrophe before it (`consumer.spreadsheet`). Only texts of the
shop's can be so (references, vouchers, group codes, custom parameters): amounts, times and checksums are always written
as they are.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from io import StringIO
from typing import NamedTuple
from zoneinfo import ZoneInfo

from msgspec import Struct

from consumer.attribution.awc import parse
from consumer.awin import wording
from consumer.events import Conversion
from consumer.spreadsheet import neutral

MAX_CHECKSUM_AGE_MS = 365 * 86_400_000
"""Awin takes click checksums younger than a year."""

NEUTRALISED = "neutralised"
CHECKSUM_TOO_OLD = "checksum_too_old"

DEFAULT_COLUMNS: Mapping[str, str] = {
    "com_date": "completed_at",
    "order_ref": "order_ref",
    "sale_amount": "amount",
    "currency": "currency",
    "parts": "parts",
    "voucher": "voucher",
    "channel": "channel",
    "click_checksum": "click_checksum",
    "test": "test",
}
"""Header to field."""

_YEAR_2100_MS = 4_102_444_800_000
_TIME = "%d/%m/%Y %H:%M:%S"
_CUSTOM = re.compile(r"custom\.[1-9][0-9]*")


class Layout(Struct, frozen=True):
    """What the files look like."""

    columns: tuple[tuple[str, str], ...] = tuple(DEFAULT_COLUMNS.items())
    """Header and field (`is_field`), from left to right."""
    delimiter: str = ","

    def has(self, field: str) -> bool:
        """Say whether some column carries the field."""
        return any(each == field for _, each in self.columns)


class Row(NamedTuple):
    """One line of a file, its end included."""

    text: str
    notes: tuple[str, ...]
    """``neutralised``: a cell has apostrophes more. ``checksum_too_old``: a click is a year old, not told."""


def is_field(name: str) -> bool:
    """Say whether a column can carry a field of this name."""
    return name in _FIELDS or _CUSTOM.fullmatch(name) is not None


def fields() -> Sequence[str]:
    """Return the names of all fields but ``custom.N``."""
    return tuple(_FIELDS)


def head(layout: Layout) -> str:
    """Return the first line of a file."""
    return _line([neutral(header) for header, _ in layout.columns], layout)


def row(conversion: Conversion, layout: Layout, now_ms: int) -> Row:
    """Return the line of one sale.

    Args:
        conversion: the sale.
        layout: what goes where.
        now_ms: when the file is made: click checksums that are a year old by then are left out.

    Raises:
        Unreportable: an amount is negative, or has more digits than its currency.
    """
    fresh = tuple(each for each in conversion.click_checksums if _is_fresh(each, now_ms))
    said = _Said(conversion, fresh)
    cells = [_value(said, field) for _, field in layout.columns]
    harmless = [neutral(cell) for cell in cells]
    notes = []
    if harmless != cells:
        notes.append(NEUTRALISED)
    if len(fresh) < len(conversion.click_checksums):
        notes.append(CHECKSUM_TOO_OLD)
    return Row(_line(harmless, layout), tuple(notes))


def day_of(at_ms: int) -> date:
    """Return the day of a moment, by UK time."""
    return _uk(at_ms).date()


def written_time(at_ms: int) -> str:
    """Write a moment in UK time, summer time in its season, as Awin wants it: ``25/10/2026 01:30:00``."""
    return _uk(at_ms).strftime(_TIME)


class _Said(NamedTuple):
    conversion: Conversion
    checksums: tuple[str, ...]


_FIELDS: Mapping[str, Callable[[_Said], str]] = {
    "completed_at": lambda said: written_time(said.conversion.completed_at_ms),
    "order_ref": lambda said: said.conversion.order_ref,
    "amount": lambda said: wording.amount(said.conversion.amount, said.conversion.currency, "amount"),
    "currency": lambda said: said.conversion.currency,
    "parts": lambda said: wording.parts(said.conversion),
    "voucher": lambda said: wording.voucher(said.conversion),
    "channel": lambda said: said.conversion.channel,
    "click_checksum": lambda said: ",".join(said.checksums),
    "click_date": lambda said: _click_date(said.checksums),
    "customer_acquisition": lambda said: said.conversion.customer_acquisition or "",
    "programme": lambda said: said.conversion.programme,
    "test": lambda said: wording.flag(wording.is_test(said.conversion)),
}


def _value(said: _Said, field: str) -> str:
    if field in _FIELDS:
        return _FIELDS[field](said)
    return said.conversion.custom.get(field.removeprefix("custom."), "")


def _click_date(checksums: Sequence[str]) -> str:
    """Write when the first checksum's click was; nothing where it does not say, as the gclid form."""
    checksum = parse(checksums[0]) if checksums else None
    clicked_at_ms = None if checksum is None else checksum.clicked_at_ms
    return "" if clicked_at_ms is None or clicked_at_ms >= _YEAR_2100_MS else written_time(clicked_at_ms)


def _is_fresh(value: str, now_ms: int) -> bool:
    checksum = parse(value)
    if checksum is None or checksum.clicked_at_ms is None:
        return True
    return now_ms - checksum.clicked_at_ms < MAX_CHECKSUM_AGE_MS


def _line(cells: Sequence[str], layout: Layout) -> str:
    text = StringIO(newline="")
    csv.writer(text, delimiter=layout.delimiter, lineterminator="\r\n").writerow(cells)
    return text.getvalue()


def _uk(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms // 1000, _zone())


@cache
def _zone() -> ZoneInfo:
    """Return UK time. Where the system has no time zones, they are those of the package ``tzdata``, which we need."""
    return ZoneInfo("Europe/London")
