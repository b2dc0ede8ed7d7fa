"""Which offset of a partition may be committed while its records finish out of order."""

from __future__ import annotations

from collections import deque


class Frontier:
    """Offsets of one partition from being read to being finished.

    Offsets are read in rising order and finished in any. The position is the lowest unfinished one, so nothing
    unfinished is ever behind it; what is finished beyond it is known by its receipt.
    """

    def __init__(self, start: int) -> None:
        self._next = start
        self._read: deque[int] = deque()
        self._finished: set[int] = set()

    def __len__(self) -> int:
        """Return how many offsets are read and unfinished."""
        return len(self._read) - len(self._finished)

    @property
    def lowest(self) -> int | None:
        """The lowest unfinished offset, if there is one."""
        return self._read[0] if self._read else None

    @property
    def position(self) -> int:
        """The offset to commit: everything below it is finished."""
        return self._read[0] if self._read else self._next

    def unfinished_to(self, offset: int) -> int:
        """Return how many unfinished offsets there are up to this one, itself included."""
        return sum(each <= offset for each in self._read if each not in self._finished)

    def read(self, offset: int) -> None:
        """Take in a record.

        Raises:
            ValueError: it is behind what was read already.
        """
        if offset < self._next:
            raise ValueError(f"offset {offset} was read after offset {self._next - 1}")
        self._read.append(offset)
        self._next = offset + 1

    def passed(self, next_offset: int) -> None:
        """Take note that nothing more will come below ``next_offset``: gaps count as read."""
        self._next = max(self._next, next_offset)

    def finish(self, offset: int) -> None:
        """Take note that a record which was read has its ending."""
        self._finished.add(offset)
        while self._read and self._read[0] in self._finished:
            self._finished.remove(self._read.popleft())
