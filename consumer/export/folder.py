"""A folder on disk, as `consumer.export.ports.Folder`."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from consumer.errors import OutputError

LOCK = ".awin-export.lock"


class DiskFolder:
    """An existing folder, ours alone until `close` or the end of the process, however it ends.

    Raises:
        OutputError: it cannot be written to, or another export is using it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._refusing("used"):
            self._lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            with self._refusing("locked"):
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OutputError as error:
            os.close(self._lock)
            if isinstance(error.__cause__, BlockingIOError):
                raise OutputError(f"another export is writing to {path}: wait for its end") from None
            raise

    def names(self) -> set[str]:
        """See `consumer.export.ports.Folder.names`."""
        with self._refusing("read"):
            return {each.name for each in self._path.iterdir()} - {LOCK}

    def read(self, name: str) -> bytes:
        """See `consumer.export.ports.Folder.read`."""
        with self._refusing("read", name):
            return (self._path / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        """See `consumer.export.ports.Folder.write`."""
        with self._refusing("written", name), (self._path / name).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def rename(self, old: str, new: str) -> None:
        """See `consumer.export.ports.Folder.rename`."""
        with self._refusing("renamed", old):
            (self._path / old).replace(self._path / new)

    def remove(self, name: str) -> None:
        """See `consumer.export.ports.Folder.remove`."""
        with self._refusing("removed", name):
            (self._path / name).unlink()

    def sync(self) -> None:
        """See `consumer.export.ports.Folder.sync`."""
        with self._refusing("synchronised"):
            descriptor = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def close(self) -> None:
        """Let other exports have it. May be repeated."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _refusing(self, done: str, name: str = "") -> Iterator[None]:
        """Translate what the system refuses."""
        try:
            yield
        except OSError as error:
            raise OutputError(f"{self._path / name} cannot be {done}: {error.strerror}") from error
