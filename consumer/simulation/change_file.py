"""The changed orders as CSV, for spreadsheets."""

from __future__ import annotations

import csv
import os
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from consumer import money
from consumer.errors import SettingsError
from consumer.simulation.decision import Decision
from consumer.simulation.report import Change
from consumer.spreadsheet import neutral

COLUMNS = (
    *("order_ref", "order_id", "completed_at", "currency", "amount", "change"),
    *("programme_before", "programme_after", "channel_before", "channel_after"),
    *("checksums_before", "checksums_after", "parts_before", "parts_after", "why_before", "why_after"),
    *("order_partition", "order_offset"),
)


class ChangeFile:
    """A file that is there, whole, once the ``with`` block has ended well; before, what was there stays.

    Raises:
        SettingsError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")

    def __enter__(self) -> Self:
        try:
            # Only for whoever asked: it holds click checksums.
            descriptor = os.open(self._unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as error:
            raise SettingsError(f"{self._path}: cannot be written: {error.strerror}") from None
        self._file = os.fdopen(descriptor, "w", encoding="utf-8", newline="")
        self._rows = csv.writer(self._file)
        self._rows.writerow(COLUMNS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()
        if kind is None:
            self._unfinished.replace(self._path)
        else:
            self._unfinished.unlink()

    def write(self, change: Change) -> None:
        """Add a row."""
        before, after, currency = change.before, change.after, change.currency
        self._rows.writerow(
            [
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
        )


def _parts(decision: Decision | None, currency: str) -> str:
    parts = () if decision is None else decision.parts
    return neutral("|".join(f"{part.code}:{money.written(part.amount, currency)}" for part in parts))
