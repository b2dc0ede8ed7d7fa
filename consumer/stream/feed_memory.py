"""Following a small topic of an in-memory log."""

from __future__ import annotations

from consumer.stream.log import Record
from consumer.stream.memory_log import MemoryLog


class MemoryFeed:
    """See `consumer.delivery.control.Feed`."""

    def __init__(self, log: MemoryLog, topic: str) -> None:
        self._log = log
        self._topic = topic
        self._next = 0
        self.caught_up = False

    def advance(self) -> list[Record]:
        """See `consumer.delivery.control.Feed.advance`."""
        if not self._log.available:
            return []
        records = self._log.records(self._topic, 0, self._next)
        self._next = self._log.stable_offset(self._topic, 0)
        self.caught_up = True
        return records

    def close(self) -> None:
        """See `consumer.delivery.control.Feed.close`."""
