"""What an export says when it is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from msgspec import Struct

SKIPPED: Mapping[str, str] = {
    "already_exported": "are in earlier files",
    "outside_dates": "wait, and were sold on other days",
    "other_programme": "wait, and belong to other programmes",
    "replayed": "were too old, and are to be sent all the same: their dead letters were replayed",
    "shadow": "were decided in shadow mode, and are never reported",
    "no_test_column": "are tests, and no column carries the field `test`: they would count as sales",
    "expired": "cannot be exported: their conversions have expired (topics.outbox_retention)",
    "undecodable": "cannot be exported: their conversions cannot be read",
    "negative_amount": "cannot be exported: an amount is negative",
    "bad_amount": "cannot be exported: an amount has more digits than its currency",
}
"""Why orders are not in the files, for people."""

LOST = frozenset({"expired", "undecodable", "negative_amount", "bad_amount"})
"""Those of `SKIPPED` that no further run will help."""

NOTES: Mapping[str, str] = {
    "neutralised": "have a text that a spreadsheet would take for a formula: an apostrophe stands before it now",
    "checksum_too_old": "have a click of a year ago or more: its checksum is left out",
    "may_have_arrived": "may have reached Awin before they were too old to be sent",
}
"""What was done to orders in the files, for people."""


class ExportedFile(Struct, frozen=True, kw_only=True):
    """A file that is there now."""

    name: str
    programme: str
    day: str
    """UK day of its sales."""
    orders: int
    interrupted: bool
    """An earlier export was interrupted between committing and naming it."""


class Outcome(Struct, frozen=True, kw_only=True):
    """What a run did."""

    files: tuple[ExportedFile, ...]
    skipped: dict[str, int]
    """Orders not in them, by `SKIPPED`."""
    notes: dict[str, int]
    """Orders in those made by this run, by `NOTES`."""

    @property
    def orders(self) -> dict[str, int]:
        """Orders in the files, by programme."""
        counts: Counter[str] = Counter()
        for each in self.files:
            counts[each.programme] += each.orders
        return dict(sorted(counts.items()))

    @property
    def lost(self) -> int:
        """How many orders were asked for and can never be exported."""
        return sum(count for why, count in self.skipped.items() if why in LOST)
