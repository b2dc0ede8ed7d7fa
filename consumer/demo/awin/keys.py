"""The API keys that the stand-in takes."""

from __future__ import annotations

import threading
from collections.abc import Collection


class Keys:
    """Takes any key, or none, until keys are required. Its methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._required: frozenset[str] | None = None
        self._revoked: set[str] = set()

    def require(self, keys: Collection[str] | None) -> None:
        """Take these keys alone from now on; ``None`` takes any again."""
        with self._lock:
            self._required = None if keys is None else frozenset(keys)

    def revoke(self, programme: str) -> None:
        """Take no key for a programme."""
        with self._lock:
            self._revoked.add(programme)

    def restore(self, programme: str) -> None:
        """Undo `revoke`."""
        with self._lock:
            self._revoked.discard(programme)

    def opens(self, programme: str, key: str) -> bool:
        """Say whether a key, empty for none, is good for a programme."""
        with self._lock:
            return programme not in self._revoked and (self._required is None or key in self._required)
