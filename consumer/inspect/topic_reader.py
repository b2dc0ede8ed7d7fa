"""The port through which topics are read back for people, apart from any group."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping
from typing import NamedTuple, Protocol

from consumer.stream.log import Committed, Record, TopicPartition


class Span(NamedTuple):
    """A piece of a partition: from ``start`` to before ``end``."""

    start: int
    end: int

    @property
    def size(self) -> int:
        """How many records it has at most."""
        return max(0, self.end - self.start)

    def newest(self, count: int) -> Span:
        """Return the last ``count`` offsets of this piece."""
        return Span(max(self.start, self.end - count), self.end)


class TopicReader(Protocol):
    """Reads what is committed. One thread makes all calls.

    Adapters: `consumer.inspect.kafka_reader`, and one in memory in the tests; one contract suite tests both.
    """

    def spans(self, topic: str) -> dict[int, Span]:
        """Return every partition's first offset and end, records of open transactions included.

        Raises:
            TopicError: there is no such topic, or it may not be read.
            Unavailable: no answer in time.
        """

    def offsets_at(self, topic: str, time_ms: int) -> dict[int, int]:
        """Return every partition's first offset of a record of this time or later, its end where there is none.

        Raises:
            TopicError: as `spans`.
            Unavailable: no answer in time.
        """

    def committed(self, group: str, topic: str) -> dict[int, Committed]:
        """Return a group's stable committed positions; partitions without one are left out.

        Raises:
            TopicError: there is no such topic, or the group may not be seen.
            Unavailable: no answer in time.
        """

    def read(
        self, spans: Mapping[TopicPartition, Span], keys: Collection[bytes] | None = None
    ) -> Generator[Record, None, None]:
        """Yield the committed records of these pieces, each partition's in order; with ``keys``, those alone.

        Waits for transactions that are open in these pieces. Exhaust or close it before the next call.

        Raises:
            TopicError: as `spans`.
            Unavailable: nothing came for too long, or the beginning has meanwhile been deleted.
        """

    def pick(self, at: TopicPartition, offsets: Collection[int]) -> list[Record]:
        """Return the committed records at these few offsets, in order; those that are not there any more are left out.

        Raises:
            TopicError: as `spans`.
            Unavailable: no answer in time.
        """
