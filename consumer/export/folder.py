"""A folder on disk, as `consumer.export.ports.Folder`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from consumer.errors import OutputError
from consumer.locked_folder import LockedFolder

LOCK = ".awin-export.lock"


class DiskFolder(LockedFolder):
    """An existing folder, ours alone until `close` or the end of the process, however it ends.

    Raises:
        OutputError: it cannot be written to, or another export is using it.
    """

    def __init__(self, path: Path) -> None:
        try:
            super().__init__(path, LOCK)
        except BlockingIOError:
            raise OutputError(f"another export is writing to {path}: wait for its end") from None
        except OSError as error:
            raise OutputError(f"{path} cannot be used: {error.strerror}") from error

    def names(self) -> set[str]:
        """See `consumer.export.ports.Folder.names`."""
        with self._refusing("read"):
            return {each.name for each in self.path.iterdir()} - {LOCK}

    def read(self, name: str) -> bytes:
        """See `consumer.export.ports.Folder.read`."""
        with self._refusing("read", name):
            return (self.path / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        """See `consumer.export.ports.Folder.write`."""
        with self._refusing("written", name), (self.path / name).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def rename(self, old: str, new: str) -> None:
        """See `consumer.export.ports.Folder.rename`."""
        with self._refusing("renamed", old):
            (self.path / old).replace(self.path / new)

    def remove(self, name: str) -> None:
        """See `consumer.export.ports.Folder.remove`."""
        with self._refusing("removed", name):
            (self.path / name).unlink()

    def sync(self) -> None:
        """See `consumer.export.ports.Folder.sync`."""
        with self._refusing("synchronised"):
            descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    @contextmanager
    def _refusing(self, done: str, name: str = "") -> Iterator[None]:
        """Translate what the system refuses."""
        try:
            yield
        except OSError as error:
            raise OutputError(f"{self.path / name} cannot be {done}: {error.strerror}") from error
