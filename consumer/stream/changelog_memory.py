"""Reading changelogs back from the in-memory log."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from consumer.errors import Unavailable
from consumer.state.changelog import Batch
from consumer.stream.log import Committed, TopicPartition
from consumer.stream.memory_log import MemoryLog


class MemoryChangelogReader:
    """A `consumer.state.changelog.ChangelogReader` on a `MemoryLog`. Nothing in it waits.

    Args:
        log: the log.
        group: whose committed positions count.
        batch_records: most records in a batch.
    """

    def __init__(self, log: MemoryLog, group: str = "group", *, batch_records: int = 1_000) -> None:
        self._log = log
        self._group = log.group(group)
        self._batch_records = batch_records

    def committed(self, partitions: Sequence[TopicPartition], timeout_s: float) -> dict[TopicPartition, Committed]:
        """Return the group's committed positions, of which the memory log has only stable ones.

        Raises:
            Unavailable: the log gives no answers at present.
        """
        self._require_answer(timeout_s)
        return {each: self._group.committed[each] for each in partitions if each in self._group.committed}

    def bounds(self, partition: TopicPartition, timeout_s: float) -> tuple[int, int]:
        """Return the first offset and the end, records of open transactions included.

        Raises:
            Unavailable: the log gives no answers at present.
            TopicError: there is no such topic.
        """
        self._require_answer(timeout_s)
        return self._log.start_offset(*partition), self._log.end_offset(*partition)

    def read(self, partition: TopicPartition, start: int, end: int) -> Generator[Batch]:
        """Yield what is committed from ``start`` on, until a batch reaches ``end``.

        Raises:
            Unavailable: the log gives no answers at present, ``start`` has meanwhile been deleted, or an open
                transaction lies before ``end``: waiting here would not end it.
        """
        position = start
        while position < end:
            self._require_answer(0)
            if position < self._log.start_offset(*partition):
                raise Unavailable(f"{partition.topic} [{partition.partition}]: offset {position} has been deleted")
            records = self._log.records(*partition, position)[: self._batch_records]
            reached = (
                records[-1].offset + 1 if len(records) == self._batch_records else self._log.stable_offset(*partition)
            )
            if reached <= position:
                raise Unavailable(f"{partition.topic} [{partition.partition}]: open transaction at offset {position}")
            position = reached
            yield Batch(records, position)

    def close(self) -> None:
        """Nothing to let go of."""

    def _require_answer(self, timeout_s: float) -> None:
        if not self._log.available:
            raise Unavailable(f"the broker did not answer in {timeout_s:g} s")
