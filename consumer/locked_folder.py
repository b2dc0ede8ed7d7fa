"""A folder that one process has to itself."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self


class LockedFolder:
    """A folder, ours alone until `close` or the end of the process, however it ends.

    Args:
        path: an existing folder.
        lock: name of the file in it that holds the lock; it stays there.

    Raises:
        BlockingIOError: another process has it.
        OSError: the file cannot be made or locked.
    """

    def __init__(self, path: Path, lock: str) -> None:
        self.path = path
        self._lock = os.open(path / lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Let others have it. May be repeated."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
