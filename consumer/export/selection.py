"""Which of the waiting orders a run takes. Pure."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import NamedTuple

from msgspec import Struct

from consumer.awin.offline import day_of
from consumer.delivery.sent import waits_for_export
from consumer.events import Receipt


class Selection(Struct, frozen=True, kw_only=True):
    """What was asked for."""

    first: date
    """First day of sales, by UK time."""
    last: date
    programmes: frozenset[str] = frozenset()
    """Empty: all."""

    def refuses(self, receipt: Receipt) -> str:
        """Return why an order is not asked for, else ``""``."""
        if self.programmes and receipt.programme not in self.programmes:
            return "other_programme"
        try:
            day = day_of(receipt.completed_at_ms)
        except (ValueError, OverflowError, OSError):  # no year that a calendar has
            return "outside_dates"
        return "" if self.first <= day <= self.last else "outside_dates"


class Waiting(NamedTuple):
    """An order that is asked for and waits."""

    receipt: Receipt
    """The newest of its key."""
    partition: int
    """Where that stands."""


class ReceiptBook:
    """Takes every receipt, each partition's in order, and keeps what waits.

    Args:
        selection: what is asked for.
        watched: keys about whose newest receipt `file_of` will be asked.
    """

    def __init__(self, selection: Selection, watched: frozenset[bytes]) -> None:
        self.waiting: dict[bytes, Waiting] = {}
        """By key."""
        self._selection = selection
        self._watched = watched
        self._files: dict[bytes, str] = {}
        self._exported = 0
        self._refused: dict[bytes, str] = {}

    def take(self, key: bytes, partition: int, receipt: Receipt | None) -> None:
        """Take the next receipt; the newest of a key holds, and ``None`` deletes it."""
        self.waiting.pop(key, None)
        self._refused.pop(key, None)
        if key in self._watched:
            self._files.pop(key, None)
            if receipt is not None:
                self._files[key] = receipt.excerpt if receipt.ending == "exported" else ""
        if receipt is None:
            return
        refusal = self._selection.refuses(receipt)
        if receipt.ending == "exported":
            self._exported += not refusal
        elif waits_for_export(receipt):
            refusal = refusal or ("shadow" if receipt.mode == "shadow" else "")
            if refusal:
                self._refused[key] = refusal
            else:
                self.waiting[key] = Waiting(receipt, partition)

    def file_of(self, key: bytes) -> str | None:
        """Return the file that a watched order's newest receipt names, ``""`` if none, ``None`` without receipt."""
        return self._files.get(key)

    def skipped(self) -> Counter[str]:
        """Count what is not taken, by why; ``already_exported`` is of the days and programmes asked for."""
        counts = Counter(self._refused.values())
        if self._exported:
            counts["already_exported"] = self._exported
        return counts
