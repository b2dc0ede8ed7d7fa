"""Files that are written as a whole or not at all, for their owner alone to read: they hold personal data."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO

from consumer.errors import OutputError


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Give a file that is there, whole, once the ``with`` block has ended well; before, what was there stays.

    Raises:
        OutputError: it cannot be written.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def csv_file(path: Path, columns: Sequence[str]) -> Iterator[Callable[[Sequence[object]], object]]:
    """Give a function that adds a row to a CSV file with these columns; ``None`` is an empty cell.

    Texts that a spreadsheet could take for a formula are the caller's to neutralise: `consumer.awin.offline.neutral`.

    Raises:
        OutputError: as `whole_file`.
    """
    with whole_file(path) as file:
        text = TextIOWrapper(file, "utf-8", newline="")
        try:
            rows = csv.writer(text)
            rows.writerow(columns)
            yield rows.writerow
        finally:
            text.detach()
