"""The port through which changelogs are read back."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import NamedTuple, Protocol

from consumer.stream.log import Committed, Record, TopicPartition


class Batch(NamedTuple):
    """Records in order, and the offset up to which everything has been read."""

    records: Sequence[Record]
    next_offset: int
    """After the last record and after what follows it unseen: markers, aborted records, gaps of compaction."""


class ChangelogReader(Protocol):
    """Reads committed records apart from any group. One thread makes all calls.

    Adapters: `consumer.stream.changelog_kafka` and `consumer.stream.changelog_memory`; one contract suite tests both.
    """

    def committed(self, partitions: Sequence[TopicPartition], timeout_s: float) -> dict[TopicPartition, Committed]:
        """Return the group's stable committed positions; partitions without one are left out.

        Raises:
            Unavailable: no stable answer in time. A dead writer's open transaction counts as none until it times out.
        """

    def bounds(self, partition: TopicPartition, timeout_s: float) -> tuple[int, int]:
        """Return the first offset and the end, records of open transactions included.

        Raises:
            Unavailable: no answer in time.
            TopicError: there is no such topic, or it may not be read.
        """

    def read(self, partition: TopicPartition, start: int, end: int) -> Generator[Batch]:
        """Yield what is committed from ``start`` on, until a batch reaches ``end``.

        While nothing comes it yields empty batches, several a second, so that the caller can give up. Close the
        iterator before reading something else.

        Raises:
            Unavailable: the broker refused for now, or what was asked for has meanwhile been deleted.
            TopicError: as `bounds`.
        """

    def close(self) -> None:
        """Let go of connections."""
