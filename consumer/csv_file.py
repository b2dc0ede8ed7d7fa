"""A CSV file for spreadsheets, written as a whole or not at all."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from consumer.errors import SettingsError


class CsvFile:
    """A file that is there, whole, once the ``with`` block has ended well; before, what was there stays.

    Texts that a spreadsheet could take for a formula are the caller's to neutralise: `consumer.awin.offline.neutral`.

    Args:
        path: the file; for its owner alone to read.
        columns: its first row.

    Raises:
        SettingsError: it cannot be written.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._path = path
        self._columns = columns
        self._unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")

    def __enter__(self) -> Self:
        try:
            # Only for whoever asked: such files hold order references and click checksums.
            descriptor = os.open(self._unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as error:
            raise SettingsError(f"{self._path}: cannot be written: {error.strerror}") from None
        self._file = os.fdopen(descriptor, "w", encoding="utf-8", newline="")
        self._rows = csv.writer(self._file)
        self._rows.writerow(self._columns)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self._file.flush()
            os.fsync(self._file.fileno())
        self._file.close()
        if kind is None:
            self._unfinished.replace(self._path)
        else:
            self._unfinished.unlink()

    def write(self, cells: Sequence[object]) -> None:
        """Add a row; ``None`` is an empty cell."""
        self._rows.writerow(cells)
