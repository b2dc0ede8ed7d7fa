"""The newest of many things, in memory bounded by how many are wanted. Pure."""

from __future__ import annotations

from heapq import heappush, heappushpop
from itertools import count
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Newest(Generic[Thing]):
    """Takes things with their times, and keeps the newest.

    Args:
        most: how many.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: list[tuple[int, int, Thing]] = []
        self._numbers = count()

    def take(self, at_ms: int, thing: Thing) -> None:
        """Take one more."""
        # The number keeps things themselves from being compared.
        entry = (at_ms, next(self._numbers), thing)
        if len(self._kept) < self._most:
            heappush(self._kept, entry)
        elif self._most:
            heappushpop(self._kept, entry)

    def latest_first(self) -> tuple[Thing, ...]:
        """Return what was kept; of those of the same time the last taken comes first."""
        return tuple(thing for _, _, thing in sorted(self._kept, reverse=True))
