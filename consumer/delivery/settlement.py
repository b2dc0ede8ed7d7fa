"""Committing what is finished: receipts, dead letters and offsets in one transaction, then the local state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from consumer.delivery import mark, sent
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
        self, partitions: Sequence[OutboxPartition], mark_of: Callable[[OutboxPartition], Mark]
    ) -> list[tuple[OutboxPartition, Outstanding]]:
        """Commit every pending ending and the position of each of these partitions, changed or not.

        Returns the conversions that waited for another of their key and may go on now.

        Raises:
            Rebalanced: the group refused; after the next poll it is clear which partitions are still ours.
            Unavailable: the broker did not answer.
            Fenced: another instance has our id.
        """
        started_s = self._monotonic_s()
        for partition in partitions:
            for finished in partition.pending:
                self._send(partition.number, finished)
        ends = self._transaction.commit(
            {
                self._settings.input(partition.number): Committed(partition.position, mark.dump(mark_of(partition)))
                for partition in partitions
            }
        )
        self._metrics.committed(self._monotonic_s() - started_s)
        written = Counter(topic for each in partitions for finished in each.pending for topic in self._topics(finished))
        for topic, count in written.items():
            self._metrics.written(topic, count)
        return [(partition, item) for partition in partitions for item in self._committed(partition, ends)]

    def _topics(self, finished: Finished) -> Iterator[str]:
        if finished.receipt is not None:
            yield self._settings.receipt_topic
        if finished.dead_letter is not None:
            yield self._settings.dead_letter_topic

    def _send(self, partition: int, finished: Finished) -> None:
        if finished.receipt is not None:
            self._transaction.send(self._settings.receipt_topic, finished.key, finished.receipt, partition)
        if finished.dead_letter is not None:
            self._transaction.send(self._settings.dead_letter_topic, finished.dead_letter_key, finished.dead_letter)

    def _committed(self, partition: OutboxPartition, ends: Mapping[TopicPartition, int]) -> list[Outstanding]:
        changes = []
        for finished in partition.pending:
            if finished.key is not None and finished.receipt is not None:
                changes.append((finished.key, sent.pack(finished.receipt)))
            self._count(finished)
        if changes:
            end = ends[TopicPartition(self._settings.receipt_topic, partition.number)]
            self._table.commit(partition.number, changes, end)
        return partition.committed()

    def _count(self, finished: Finished) -> None:
        if finished.ending == "known":
            return
        self._metrics.ending(finished.ending, finished.reason)
        if finished.ending == "delivered":
            self._metrics.latency(finished.since_completed_s, finished.since_decidable_s)
