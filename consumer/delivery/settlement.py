"""Committing what is finished: receipts, dead letters and offsets in one transaction, then the local state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from consumer.delivery import mark, sent
from consumer.delivery.lane import Lane
from consumer.delivery.mark import Mark
from consumer.delivery.metrics import DeliverMetrics
from consumer.delivery.outstanding import Finished, Outstanding
from consumer.delivery.partition import OutboxPartition
from consumer.delivery.settings import DeliverSettings
from consumer.state.table import Table
from consumer.stream.log import Committed, TopicPartition, Transaction


class Settlement:
    """Writes endings. A failed commit changes nothing: the partitions keep what they hold, to be committed again."""

    def __init__(
        self,
        transaction: Transaction,
        table: Table,
        settings: DeliverSettings,
        metrics: DeliverMetrics,
        monotonic_s: Callable[[], float],
    ) -> None:
        self._transaction = transaction
        self._table = table
        self._settings = settings
        self._metrics = metrics
        self._monotonic_s = monotonic_s

    def commit(
        self,
        partitions: Sequence[OutboxPartition],
        mark_of: Callable[[OutboxPartition, Lane], Mark],
        orders: Mapping[bytes, bytes],
    ) -> list[tuple[OutboxPartition, Outstanding]]:
        """Commit every pending ending and both positions of each of these partitions, changed or not.

        ``orders`` go to the control topic with them, by key.

        Returns the conversions that waited for another of their key and may go on now.

        Raises:
            Rebalanced: the group refused; after the next poll it is clear which partitions are still ours.
            Unavailable: the broker did not answer.
            Fenced: another instance has our id.
        """
        started_s = self._monotonic_s()
        for partition in partitions:
            for lane in partition.lanes:
                for finished in lane.pending:
                    self._send(partition.number, finished)
        for key, value in orders.items():
            self._transaction.send(self._settings.control_topic, key, value)
        ends = self._transaction.commit(
            {
                lane.at: Committed(lane.position, mark.dump(mark_of(partition, lane)))
                for partition in partitions
                for lane in partition.lanes
            }
        )
        self._metrics.committed(self._monotonic_s() - started_s)
        return [(partition, item) for partition in partitions for item in self._committed(partition, ends)]

    def _send(self, partition: int, finished: Finished) -> None:
        settings = self._settings
        if finished.receipt is not None:
            self._transaction.send(settings.receipt_topic, finished.key, finished.receipt, partition)
        if finished.dead_letter is not None:
            self._transaction.send(settings.dead_letter_topic, finished.dead_letter_key, finished.dead_letter)
        if finished.deferred is not None:
            headers = finished.deferred_headers
            self._transaction.send(settings.deferred_topic, finished.key, finished.deferred, partition, headers)

    def _committed(self, partition: OutboxPartition, ends: Mapping[TopicPartition, int]) -> list[Outstanding]:
        changes = []
        written: Counter[str] = Counter()
        for finished in (each for lane in partition.lanes for each in lane.pending):
            if finished.key is not None and finished.receipt is not None:
                changes.append((finished.key, sent.pack(finished.receipt)))
            written.update(self._topics(finished))
            self._count(finished)
            if finished.ending == "deferred":
                partition.put_off.add(finished.entered_at_ms, self._monotonic_s())
        if changes:
            end = ends[TopicPartition(self._settings.receipt_topic, partition.number)]
            self._table.commit(partition.number, changes, end)
        for topic, count in written.items():
            self._metrics.written(topic, count)
        if any(finished.ending not in {"deferred", "known"} for finished in partition.deferred.pending):
            partition.delay.settled()
        return partition.committed()

    def _topics(self, finished: Finished) -> Iterator[str]:
        if finished.receipt is not None:
            yield self._settings.receipt_topic
        if finished.dead_letter is not None:
            yield self._settings.dead_letter_topic
        if finished.deferred is not None:
            yield self._settings.deferred_topic

    def _count(self, finished: Finished) -> None:
        metrics, programme = self._metrics, finished.programme
        if finished.ending == "known":
            return
        if finished.ending == "deferred":
            metrics.deferred(programme, finished.reason)
            return
        metrics.ending(programme, finished.ending)
        if finished.ending == "dead_letter":
            metrics.dead_letters(finished.reason, 1)
        if finished.possible_repeat:
            metrics.possible_repeat(programme)
        if finished.left_out:
            metrics.left_out(finished.left_out)
        if finished.sale is not None:
            metrics.delivered(finished.sale)
