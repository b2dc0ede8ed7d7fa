"""The doors of a stage on an in-memory log: deterministic, for tests that choose what happens when.

::

    log = MemoryLog({"session.landed": 1, "order.completed": 1, "awin.conversion": 1})
    source = MemorySource(log, ["session.landed", "order.completed"], listener)
    transaction = MemoryTransaction(log, "attribute-0", source)
    log.rebalance({"member": log.partitions("session.landed", "order.completed")})
    source.poll(100, 0)  # calls listener.on_assigned
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from consumer.errors import Fenced, KafkaError, OffsetsLost, Rebalanced, RecordTooLarge, Unavailable
from consumer.stream.framing import Headers
from consumer.stream.log import Committed, RebalanceListener, Record, TopicPartition, record_bytes
from consumer.stream.memory_log import MemoryLog, Open

__all__ = ["Chooser", "MemoryLog", "MemorySource", "MemoryTransaction", "Shuffled", "in_order"]

Chooser = Callable[[Sequence[TopicPartition], int], Sequence[tuple[TopicPartition, int]]]
"""Given the partitions that have something to deliver and the most that a poll may return, says from which of them to
take how many at most, in which order. Taking nothing is allowed."""


def in_order(ready: Sequence[TopicPartition], max_records: int) -> list[tuple[TopicPartition, int]]:
    """Take as much as possible from one partition after the other."""
    return [(partition, max_records) for partition in ready]


class Shuffled:
    """A chooser that takes up to ``most`` records from partitions in any order: the same ones for the same seed."""

    def __init__(self, seed: int, most: int = 3) -> None:
        self._random = random.Random(seed)
        self._most = most

    def __call__(self, ready: Sequence[TopicPartition], max_records: int) -> list[tuple[TopicPartition, int]]:
        """Choose; about one time in four nothing of a partition."""
        chosen = self._random.sample(list(ready), len(ready))
        return [(partition, self._random.randint(0, min(self._most, max_records))) for partition in chosen]


class MemorySource:
    """A group member on a `MemoryLog`, as `consumer.stream.log.Source`. `poll` never waits."""

    def __init__(
        self,
        log: MemoryLog,
        topics: Sequence[str],
        listener: RebalanceListener,
        *,
        group: str = "group",
        member: str = "member",
        chooser: Chooser = in_order,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.member = member
        self.group = log.group(group)
        self._log = log
        self._topics = frozenset(topics)
        self._listener = listener
        self._chooser = chooser
        self._monotonic = monotonic
        self._polled_at = monotonic()
        self._generation = 0
        self._member_since = 0
        self._assigned: tuple[TopicPartition, ...] = ()
        self._positions: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._questions: list[Callable[[], None]] = []

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:  # noqa: ARG002  # nothing comes by waiting
        """See `consumer.stream.log.Source.poll`."""
        try:
            for question in self._questions:
                question()
            self._questions.clear()
            if not self._log.available or self._rebalanced():
                return []
            return self._deliver(max_records)
        finally:
            self._polled_at = self._monotonic()

    def start(self, partition: TopicPartition, offset: int) -> None:
        """See `consumer.stream.log.Source.start`."""
        if partition not in self._assigned:
            raise LookupError(f"{partition.topic} [{partition.partition}] is not assigned")
        self._positions[partition] = offset
        self._paused.discard(partition)

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        """See `consumer.stream.log.Source.pause`."""
        self._paused.update(each for each in partitions if each in self._positions)

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        """See `consumer.stream.log.Source.resume`."""
        self._paused.difference_update(partitions)

    def next_offset(self, partition: TopicPartition) -> int:
        """See `consumer.stream.log.Source.next_offset`."""
        if partition not in self._positions:
            raise LookupError(f"{partition.topic} [{partition.partition}] is not started")
        return self._positions[partition]

    def committed(self, partitions: Sequence[TopicPartition], timeout_s: float) -> dict[TopicPartition, Committed]:
        """See `consumer.stream.log.Source.committed`."""
        self._require_answer(timeout_s)
        return {each: self.group.committed[each] for each in partitions if each in self.group.committed}

    def ask_ends(self, partitions: Sequence[TopicPartition]) -> Callable[[], Mapping[TopicPartition, int] | None]:
        """See `consumer.stream.log.Source.ask_ends`. The answer comes with the next `poll`, as things are then."""
        answers: list[Mapping[TopicPartition, int] | None] = []

        def reach_broker() -> None:
            available = self._log.available
            answers.append({each: self._log.end_offset(*each) for each in partitions} if available else None)

        def answer() -> Mapping[TopicPartition, int] | None:
            if answers and answers[0] is None:
                raise Unavailable("the broker does not answer")
            return answers[0] if answers else None

        self._questions.append(reach_broker)
        return answer

    def offsets_at(self, times_ms: Mapping[TopicPartition, int], timeout_s: float) -> dict[TopicPartition, int]:
        """See `consumer.stream.log.Source.offsets_at`."""
        self._require_answer(timeout_s)
        return {
            each: next(
                (record.offset for record in self._log.records(*each) if record.timestamp_ms >= time_ms),
                self._log.end_offset(*each),
            )
            for each, time_ms in times_ms.items()
        }

    def high_watermarks(self) -> dict[TopicPartition, int]:
        """Return the ends of started partitions."""
        return {each: self._log.end_offset(*each) for each in self._positions}

    def last_poll_age_s(self) -> float:
        """See `consumer.stream.log.Source.last_poll_age_s`."""
        return self._monotonic() - self._polled_at

    def generation(self) -> int:
        """See `consumer.stream.log.Source.generation`."""
        return self._generation

    def check_membership(self, partitions: Iterable[TopicPartition]) -> None:
        """Do what the broker does with a transaction's offsets.

        Raises:
            Rebalanced: these partitions are not, or no longer, ours.
        """
        strangers = sorted(set(partitions).difference(self._assigned))
        if strangers:
            raise Rebalanced(f"{strangers[0].topic} [{strangers[0].partition}] is not assigned to us any more")
        self.group.check(self.member, self._member_since)

    def close(self) -> None:
        """See `consumer.stream.log.Source.close`."""
        member = self._member_since == self.group.generation and self.member in self.group.members
        self._give_up(lost=not member)
        if member:
            self.group.remove(self.member)

    def _rebalanced(self) -> bool:
        """Serve what the group wants of us; whether anything changed."""
        before = self._generation
        group = self.group
        # A member that took part has nothing left when the next generation begins.
        if self.member not in group.members or self._member_since != group.generation:
            self._give_up(lost=True)
        elif group.must_join(self.member):
            self._give_up(lost=False)
            group.join(self.member)
        if self.member in group.members and self._member_since != group.generation:
            self._generation += 1
            self._member_since = group.generation
            self._assigned = tuple(each for each in group.members[self.member] if each.topic in self._topics)
            self._listener.on_assigned(self._assigned)
        return before != self._generation

    def _give_up(self, *, lost: bool) -> None:
        gone = self._assigned
        if not gone:
            return
        self._generation += 1
        if not lost:
            self._listener.on_revoked(gone)
        self._assigned = ()
        self._positions.clear()
        self._paused.clear()
        if lost:
            self._listener.on_lost(gone)

    def _deliver(self, max_records: int) -> list[Record]:
        waiting = {each: self._visible(each) for each in sorted(self._positions) if each not in self._paused}
        taken: list[Record] = []
        for partition, number in self._chooser([each for each, records in waiting.items() if records], max_records):
            records = waiting[partition][: min(number, max_records - len(taken))]
            if records:
                del waiting[partition][: len(records)]
                self._positions[partition] = records[-1].offset + 1
                taken += records
        for partition, left in waiting.items():
            if not left:
                self._positions[partition] = self._log.stable_offset(*partition)
        return taken

    def _visible(self, partition: TopicPartition) -> list[Record]:
        position = self._positions[partition]
        start, end = self._log.start_offset(*partition), self._log.end_offset(*partition)
        if not start <= position <= end:
            raise OffsetsLost(
                f"{partition.topic} [{partition.partition}]: offset {position} is asked for, but the log holds {start} "
                f"to {end}"
            )
        return self._log.records(*partition, position)

    def _require_answer(self, timeout_s: float) -> None:
        if not self._log.available:
            raise Unavailable(f"the broker did not answer in {timeout_s:g} s")


class MemoryTransaction:
    """A transactional writer on a `MemoryLog`, as `consumer.stream.log.Transaction` and `LoneWriter`.

    A new one with the same id fences the old one and aborts what that left open. Dropping one unclosed is a crash.
    """

    def __init__(
        self,
        log: MemoryLog,
        transactional_id: str,
        source: MemorySource | None = None,
        *,
        max_record_bytes: int = 1_000_000,
    ) -> None:
        self._log = log
        self._id = transactional_id
        self._source = source
        self._max_record_bytes = max_record_bytes
        self._epoch = log.take_over(transactional_id)
        self._open: Open | None = None
        self._cut_off = False
        self._failure: tuple[KafkaError, bool] | None = None

    def fail_next_commit(self, error: KafkaError, *, applied: bool = False) -> None:
        """Make the next commit raise ``error``: after aborting, or (``applied``) after committing unnoticed."""
        self._failure = (error, applied)

    def send(
        self, topic: str, key: bytes | None, value: bytes | None, partition: int | None = None, headers: Headers = ()
    ) -> None:
        """See `consumer.stream.log.Transaction.send`."""
        opened = self._opened(topic, record_bytes(key, value, headers))
        if opened is not None:
            self._log.append(opened, topic, key, value, partition, headers)

    def send_record(self, record: Record) -> None:
        """See `consumer.stream.log.LoneWriter.send_record`."""
        opened = self._opened(record.topic, record_bytes(record.key, record.value, record.headers))
        if opened is not None:
            self._log.append_record(opened, record)

    def commit(self, offsets: Mapping[TopicPartition, Committed]) -> Mapping[TopicPartition, int]:
        """See `consumer.stream.log.Transaction.commit`."""
        if not offsets or min(each.offset for each in offsets.values()) < 0:
            raise ValueError(
                "a commit needs valid next offsets: without them the group does not check that we are a member"
            )
        return self._commit(offsets)

    def commit_alone(self) -> Mapping[TopicPartition, int]:
        """See `consumer.stream.log.LoneWriter.commit_alone`."""
        return self._commit({})

    def _commit(self, offsets: Mapping[TopicPartition, Committed]) -> Mapping[TopicPartition, int]:
        self._require_epoch()
        failure, self._failure = self._failure, None
        try:
            if self._cut_off or not self._log.available:
                raise Unavailable(f"{self._id}: the broker does not answer")
            if offsets:
                self._members().check_membership(offsets)
            if failure is not None and not failure[1]:
                raise failure[0]
        except KafkaError:
            self.abort()
            raise
        written = self._open
        if written is not None:
            self._log.finish(written, "committed")
        if offsets:
            self._members().group.committed.update(offsets)
        self._open = None
        if failure is not None:
            raise failure[0]
        return {} if written is None else {at: last + 1 for at, last in written.last.items()}

    def abort(self) -> None:
        """See `consumer.stream.log.Transaction.abort`."""
        if self._open is not None:
            self._log.finish(self._open, "aborted")
        self._open = None
        self._cut_off = False

    def hurry(self, seconds: float) -> None:
        """See `consumer.stream.log.Transaction.hurry`: here is nobody to wait for."""

    def close(self) -> None:
        """See `consumer.stream.log.Transaction.close`."""
        self.abort()

    def _opened(self, topic: str, size: int) -> Open | None:
        """Return the open transaction for a record of this size; ``None`` while the broker does not answer."""
        self._require_epoch()
        if size > self._max_record_bytes:
            raise RecordTooLarge(topic, size, self._max_record_bytes)
        if not self._log.available:
            self._cut_off = True
            return None
        if self._open is None:
            self._open = self._log.begin(self._id)
        return self._open

    def _members(self) -> MemorySource:
        if self._source is None:
            raise ValueError(f"{self._id}: a writer of no group has no offsets to commit")
        return self._source

    def _require_epoch(self) -> None:
        if self._epoch != self._log.epoch(self._id):
            raise Fenced(f"{self._id}: another instance has our transactional id")
