"""The changed orders as rows of CSV, for spreadsheets."""

from __future__ import annotations

from datetime import UTC, datetime

from consumer import money
from consumer.simulation.decision import Decision
from consumer.simulation.report import Change
from consumer.spreadsheet import neutral

COLUMNS = (
    *("order_ref", "order_id", "completed_at", "currency", "amount", "change"),
    *("programme_before", "programme_after", "channel_before", "channel_after"),
    *("checksums_before", "checksums_after", "parts_before", "parts_after", "why_before", "why_after"),
    *("order_partition", "order_offset"),
)


def cells(change: Change) -> list[object]:
    """Return the row of a changed order."""
    before, after, currency = change.before, change.after, change.currency
    return [
        neutral(change.order_ref),
        neutral(change.order_id),
        datetime.fromtimestamp(change.completed_at_ms / 1000, UTC).isoformat(timespec="milliseconds"),
        currency,
        money.written(change.amount, currency),
        " ".join(change.what),
        before.programme if before else "",
        after.programme if after else "",
        before.channel if before else "",
        after.channel if after else "",
        ",".join(before.click_checksums) if before else "",
        ",".join(after.click_checksums) if after else "",
        _parts(before, currency),
        _parts(after, currency),
        before.reason if before else "",
        after.reason if after else change.why_not,
        change.at.partition,
        change.at.offset,
    ]


def _parts(decision: Decision | None, currency: str) -> str:
    parts = () if decision is None else decision.parts
    return neutral("|".join(f"{part.code}:{money.written(part.amount, currency)}" for part in parts))
