"""Polling, and taking in what was polled as far as there is room: fresh conversions first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import takewhile
from random import Random

from consumer.delivery import deferral
from consumer.delivery.intake import Intake
from consumer.delivery.lane import Lane
from consumer.delivery.metrics import DeliverMetrics
from consumer.delivery.outstanding import Outstanding
from consumer.delivery.partition import OutboxPartition
from consumer.delivery.settings import DeliverSettings
from consumer.events import programme_in
from consumer.stream.log import Record, Source

Partitions = Mapping[int, OutboxPartition]
Admit = Callable[[OutboxPartition, Outstanding], None]
"""Takes a conversion that is to be sent."""


class Reading:
    """Reads both lanes of every partition. What was polled and finds no room waits in its lane, which holds no slot.

    Args:
        settings: how much is polled and may be in hand.
        source: where from.
        intake: tells what a record is.
        metrics: where numbers go.
        random: so that no partition is always the last.
        now_ms: the wall clock.
    """

    def __init__(
        self,
        settings: DeliverSettings,
        source: Source,
        intake: Intake,
        metrics: DeliverMetrics,
        random: Random,
        now_ms: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._source = source
        self._intake = intake
        self._metrics = metrics
        self._random = random
        self._now_ms = now_ms

    def poll(self, partitions: Partitions, timeout_s: float) -> bool:
        """Poll those partitions of which nothing waits to be taken in; return whether anything came."""
        lanes = [lane for partition in partitions.values() for lane in partition.lanes]
        self._source.pause([lane.at for lane in lanes if lane.unread])
        self._source.resume([lane.at for lane in lanes if not lane.unread])
        taken: Counter[str] = Counter()
        for record in self._source.poll(self._settings.max_poll_records, timeout_s):
            partition = partitions.get(record.partition)
            if partition is not None:
                lane = partition.fresh if record.topic == self._settings.conversion_topic else partition.deferred
                lane.polled(record)
                taken[record.topic] += 1
        for topic, count in taken.items():
            self._metrics.records(topic, count)
        return bool(taken)

    def suspected(self, lane: Lane) -> int:
        """Return how many of a lane's first unfinished conversions a successor suspects to have been sent by us."""
        most = self._settings.max_outstanding
        return most if lane.at.topic == self._settings.conversion_topic else most // 2

    def may_be_sent(self, item: Outstanding) -> bool:
        """Return whether a successor would suspect that we have sent it, should we die now."""
        return item.lane.rank(item.record.offset) <= self.suspected(item.lane)

    def read(self, partitions: Partitions, admit: Admit) -> None:
        """Take in records while there is room; half of it is kept for fresh ones."""
        turns = list(partitions.values())
        self._random.shuffle(turns)
        _in_turn([each for each in turns if each.fresh.unread], lambda each: self._fresh(each, partitions, admit))
        deferred = [each for each in turns if each.deferred.unread]
        _in_turn(deferred, lambda each: self._deferred(each, partitions, admit))
        for partition in turns:
            for lane in partition.lanes:
                lane.passed(self._source.next_offset(lane.at))

    def room(self, partitions: Partitions) -> int:
        """Return how many more conversions may be in hand."""
        return self._settings.max_outstanding - sum(partition.slots for partition in partitions.values())

    def waiting(self, partitions: Partitions) -> set[str]:
        """Return the programmes of what waits for room, what still rests left out; ``""`` if not all of it is polled.

        Nothing waits while there is room.
        """
        found: set[str] = set()
        room, deferred_room = self.room(partitions), self._deferred_room(partitions)
        for partition in partitions.values():
            if room <= 0:
                found |= self._programmes(partition.fresh, list(partition.fresh.unread))
            if deferred_room <= 0:
                found |= self._programmes(partition.deferred, list(self._due(partition)))
        return found

    def _due(self, partition: OutboxPartition) -> Iterator[Record]:
        return takewhile(lambda record: self._is_due(partition, record), partition.deferred.unread)

    def _programmes(self, lane: Lane, wait: Sequence[Record]) -> set[str]:
        found = {programme_in(record.key or b"") for record in wait}
        # The last record of all would still be followed by the marker of its transaction.
        if wait and self._source.high_watermarks().get(lane.at, 0) > wait[-1].offset + 2:
            found.add("")
        return found

    def _deferred_room(self, partitions: Partitions) -> int:
        """Return how many more deferred conversions may be in hand: half of all, and no more than there is room."""
        half = self._settings.max_outstanding // 2
        taken = sum(partition.deferred.slots for partition in partitions.values())
        return min(self.room(partitions), half - taken)

    def _fresh(self, partition: OutboxPartition, partitions: Partitions, admit: Admit) -> bool:
        """Take in one record; return whether that could be done."""
        unread = partition.fresh.unread
        if not unread or partition.held or self.room(partitions) <= 0:
            return False
        item = self._intake.read(partition, unread.popleft())
        if item is not None:
            admit(partition, item)
        return True

    def _deferred(self, partition: OutboxPartition, partitions: Partitions, admit: Admit) -> bool:
        """Take in one record if it is due; return whether that could be done."""
        lane = partition.deferred
        if not lane.unread or partition.held or self._deferred_room(partitions) <= 0:
            return False
        if not self._is_due(partition, lane.unread[0]):
            return False
        record = lane.unread.popleft()
        partition.delay.taking(record.offset, self._source.high_watermarks().get(lane.at, 0))
        item = self._intake.read_deferred(partition, record)
        if item is not None:
            admit(partition, item)
        return True

    def _is_due(self, partition: OutboxPartition, record: Record) -> bool:
        return deferral.is_due_at_once(record.headers) or partition.delay.left_ms(record, self._now_ms()) <= 0


def _in_turn(partitions: list[OutboxPartition], read: Callable[[OutboxPartition], bool]) -> None:
    """Read a record of each in turn until none has one that can be read now."""
    while partitions:
        partitions = [partition for partition in partitions if read(partition)]
