"""What an audit says: totals, and whatever does not add up."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

MAX_LISTED = 1_000

What = Literal["no_ending", "no_conversion", "no_receipt", "not_deferred", "told_twice", "counts", "no_state"]

MEANINGS: dict[What, str] = {
    "no_ending": "the order was read, but is neither pending nor ended",
    "no_conversion": "the order was decided, but its conversion is missing",
    "no_receipt": "delivery passed the conversion, but there is no receipt or dead letter of it",
    "not_deferred": "the receipt says that the conversion was put off, but it is not there to be tried again",
    "told_twice": "the order record has a second ending",
    "counts": "the counts do not add up",
    "no_state": "state and committed offsets do not belong together",
}


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that does not add up, and where."""

    what: What
    topic: str
    partition: int
    offset: int | None = None
    order_ref: str | None = None
    detail: str = ""


class Findings:
    """Collects findings; keeps the first 1,000 and counts the rest."""

    def __init__(self) -> None:
        self.listed: list[Finding] = []
        self.total = 0

    def add(self, finding: Finding) -> None:
        """Take one more."""
        self.total += 1
        if len(self.listed) < MAX_LISTED:
            self.listed.append(finding)


class OrderTotals(Struct, frozen=True, kw_only=True):
    """One partition of the orders, by its ledger; pending as the changelog has it."""

    partition: int
    read: int
    decided: int
    duplicates: int
    conflicts: int
    before_cut_over: int
    not_reportable: int
    dead_letters: int
    replayed: int
    """Of dead letters and conflicts, those whose records came again: the ending of the new record holds."""
    pending: int
    checked: int
    """Order records that were still there and looked at one by one."""
    compared: bool
    """Whether the counts were also held against those records: all are there, and none was read meanwhile."""


class OutboxTotals(Struct, frozen=True, kw_only=True):
    """One partition of the outbox, by its records that are still there."""

    partition: int
    conversions: int
    delivered: int
    exported: int
    """Handed over by file."""
    shadow: int
    dead_letters: int
    replayed: int
    """Of dead letters, those whose conversions came again: the ending of the new record holds."""
    repeats: int
    for_export: int
    """Outstanding for `awin-consumer export-offline`."""
    deferred: int
    """Put off, to be tried again."""
    outstanding: int
    """Not taken in by delivery yet, or not finished."""
    compared: bool
    """Whether the endings were held against the counts in the commit metadata."""


class Report(Struct, frozen=True, kw_only=True):
    """The result of an audit."""

    ok: bool
    orders: tuple[OrderTotals, ...]
    outbox: tuple[OutboxTotals, ...]
    findings: tuple[Finding, ...]
    findings_total: int
    """More than are listed when there are over 1,000."""
    notes: tuple[str, ...]
    """What could not be looked at."""
