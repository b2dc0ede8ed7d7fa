"""A partitioned log with groups and transactions, in one process's memory, in which nothing happens by itself.

It keeps what a stage may rely on from Kafka: offsets with gaps where transactions end, a last stable offset,
generations, fencing. Whoever holds the log says when members come, go or stall, and when the broker answers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from typing import Literal, NamedTuple

from confluent_kafka import murmur2

from consumer.errors import Rebalanced, TopicError
from consumer.stream.framing import Headers
from consumer.stream.log import Committed, Record, TopicPartition


class Open:
    """A transaction in the log: where it wrote, and what became of it."""

    def __init__(self) -> None:
        self.state: Literal["open", "committed", "aborted"] = "open"
        self.first: dict[TopicPartition, int] = {}
        self.last: dict[TopicPartition, int] = {}


class _Entry(NamedTuple):
    record: Record | None
    """``None``: a transaction marker."""
    transaction: Open | None


class Group:
    """A consumer group: who has what since which generation, and how far it has come."""

    def __init__(self) -> None:
        self.generation = 0
        self.members: dict[str, tuple[TopicPartition, ...]] = {}
        self.committed: dict[TopicPartition, Committed] = {}
        self._planned: dict[str, tuple[TopicPartition, ...]] | None = None
        self._joined: set[str] = set()

    def plan(self, assignment: Mapping[str, Iterable[TopicPartition]]) -> None:
        """Begin a rebalance. It ends once every member of now has joined, left or been expelled."""
        self._planned = {member: tuple(partitions) for member, partitions in assignment.items()}
        self._joined = set()
        self._complete()

    def must_join(self, member: str) -> bool:
        """Whether a rebalance waits for this member to give up what it has."""
        return self._planned is not None and member in self.members and member not in self._joined

    def join(self, member: str) -> None:
        """Say that the member has given up what it had."""
        self._joined.add(member)
        self._complete()

    def remove(self, member: str) -> None:
        """Take a member out at once; it may not know yet."""
        self.members.pop(member, None)
        self._complete()

    def check(self, member: str, generation: int) -> None:
        """Refuse a stranger.

        Raises:
            Rebalanced: no member of this generation has this name.
        """
        if generation != self.generation or member not in self.members:
            raise Rebalanced(f"{member} of generation {generation} is no member of generation {self.generation}")

    def _complete(self) -> None:
        if self._planned is not None and self._joined.issuperset(self.members):
            self.members, self._planned = self._planned, None
            self.generation += 1


class MemoryLog:
    """Topics, groups and transactional ids. ``topics`` gives each topic's number of partitions.

    While ``available`` is false, no source or transaction gets an answer; what is in the log can still be looked at.
    """

    def __init__(self, topics: Mapping[str, int], *, clock_ms: Callable[[], int] | None = None) -> None:
        self.available = True
        self._clock_ms = clock_ms or (lambda: time.time_ns() // 1_000_000)
        self._counts: dict[str, int] = {}
        self._entries: dict[TopicPartition, list[_Entry]] = {}
        self._starts: dict[TopicPartition, int] = {}
        self._open: dict[TopicPartition, list[Open]] = {}
        self._groups: dict[str, Group] = {}
        self._writers: dict[str, tuple[int, Open | None]] = {}
        self._unkeyed = count()
        for name, partitions in topics.items():
            self.create(name, partitions)

    def create(self, topic: str, partitions: int) -> None:
        """Make a topic, empty; one of the same name is replaced."""
        self._counts[topic] = partitions
        for each in self.partitions(topic):
            self._entries[each] = []
            self._starts[each] = 0
            self._open[each] = []

    def partitions(self, *topics: str) -> list[TopicPartition]:
        """Return all partitions of these topics, by number and then in the order given."""
        numbers = range(max((self._count(topic) for topic in topics), default=0))
        return [TopicPartition(topic, number) for number in numbers for topic in topics if number < self._count(topic)]

    def produce(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None = None,
        *,
        timestamp_ms: int | None = None,
        headers: Sequence[tuple[str, bytes | None]] = (),
    ) -> Record:
        """Append a record outside any transaction and return it."""
        return self._append(None, topic, key, value, partition, timestamp_ms, tuple(headers))

    def records(self, topic: str, partition: int, start: int = 0) -> list[Record]:
        """Return what a `read_committed` reader sees from ``start`` on."""
        at = TopicPartition(topic, partition)
        entries = self._of(at)[max(start, self._starts[at]) : self.stable_offset(topic, partition)]
        return [
            entry.record
            for entry in entries
            if entry.record is not None and (entry.transaction is None or entry.transaction.state == "committed")
        ]

    def start_offset(self, topic: str, partition: int) -> int:
        """Return the first offset that the log still has."""
        self._of(TopicPartition(topic, partition))
        return self._starts[TopicPartition(topic, partition)]

    def end_offset(self, topic: str, partition: int) -> int:
        """Return the offset after everything, uncommitted records and markers included."""
        return len(self._of(TopicPartition(topic, partition)))

    def stable_offset(self, topic: str, partition: int) -> int:
        """Return the first offset of a transaction that is still open, the end if there is none."""
        at = TopicPartition(topic, partition)
        end = len(self._of(at))
        return min((transaction.first[at] for transaction in self._open[at]), default=end)

    def truncate(self, topic: str, partition: int, start: int) -> None:
        """Forget everything before ``start``, as retention does."""
        self._of(TopicPartition(topic, partition))
        self._starts[TopicPartition(topic, partition)] = start

    def rebalance(self, assignment: Mapping[str, Iterable[TopicPartition]], group: str = "group") -> None:
        """Plan who gets what. Members give up and take over in their polls; one that does not poll holds all up."""
        self.group(group).plan(assignment)

    def expel(self, member: str, group: str = "group") -> None:
        """Remove a member as a session time-out does: it learns of it in its next poll."""
        self.group(group).remove(member)

    def group(self, name: str = "group") -> Group:
        """Return a group, made at first use."""
        return self._groups.setdefault(name, Group())

    def take_over(self, transactional_id: str) -> int:
        """Give out the next epoch of an id, abort what the last one left open, and return the new epoch."""
        epoch, left = self._writers.get(transactional_id, (0, None))
        if left is not None:
            self.finish(left, "aborted")
        self._writers[transactional_id] = (epoch + 1, None)
        return epoch + 1

    def epoch(self, transactional_id: str) -> int:
        """Return the id's current epoch."""
        return self._writers[transactional_id][0]

    def begin(self, transactional_id: str) -> Open:
        """Open a transaction for the id's current epoch."""
        opened = Open()
        self._writers[transactional_id] = (self.epoch(transactional_id), opened)
        return opened

    def append(
        self,
        transaction: Open,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        headers: Headers = (),
    ) -> None:
        """Append a record of an open transaction."""
        self._note(transaction, self._append(transaction, topic, key, value, partition, None, tuple(headers)))

    def append_record(self, transaction: Open, record: Record) -> None:
        """Append a record of an open transaction to its own partition, with its own time and headers."""
        topic, partition, at_ms = record.topic, record.partition, record.timestamp_ms
        appended = self._append(transaction, topic, record.key, record.value, partition, at_ms, record.headers)
        self._note(transaction, appended)

    def _note(self, transaction: Open, record: Record) -> None:
        at = TopicPartition(record.topic, record.partition)
        if at not in transaction.first:
            transaction.first[at] = record.offset
            self._open[at].append(transaction)
        transaction.last[at] = record.offset

    def finish(self, transaction: Open, state: Literal["committed", "aborted"]) -> None:
        """End an open transaction with a marker in every partition that it wrote to; no-op for one that has ended."""
        if transaction.state == "open":
            transaction.state = state
            for at in transaction.first:
                self._open[at].remove(transaction)
                self._entries[at].append(_Entry(None, None))

    def _append(
        self,
        transaction: Open | None,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        timestamp_ms: int | None,
        headers: tuple[tuple[str, bytes | None], ...],
    ) -> Record:
        if partition is None:
            partition = next(self._unkeyed) % self._count(topic) if key is None else murmur2(key, self._count(topic))
        entries = self._of(TopicPartition(topic, partition))
        at_ms = self._clock_ms() if timestamp_ms is None else timestamp_ms
        record = Record(topic, partition, len(entries), at_ms, key, value, headers)
        entries.append(_Entry(record, transaction))
        return record

    def _count(self, topic: str) -> int:
        if topic not in self._counts:
            raise TopicError(f"topic {topic} does not exist")
        return self._counts[topic]

    def _of(self, partition: TopicPartition) -> list[_Entry]:
        if partition not in self._entries:
            raise TopicError(f"{partition.topic} [{partition.partition}] does not exist")
        return self._entries[partition]
