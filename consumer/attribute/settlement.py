"""Committing what a stage has done: changelogs, results and offsets in one transaction, then the local state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from consumer.attribute.noticed import Noticed
from consumer.attribute.partition import AttributePartition
from consumer.attribute.ports import AttributeMetrics, AttributeSettings
from consumer.attribute.tally import Tally
from consumer.stream.log import Committed, TopicPartition, Transaction


class Settlement:
    """Writes what partitions hold beside their results. A failed commit changes nothing of them."""

    def __init__(
        self,
        transaction: Transaction,
        settings: AttributeSettings,
        tally: Tally,
        metrics: AttributeMetrics,
        monotonic_s: Callable[[], float],
    ) -> None:
        self._transaction = transaction
        self._settings = settings
        self._tally = tally
        self._metrics = metrics
        self._monotonic_s = monotonic_s

    def commit(self, dirty: Sequence[AttributePartition]) -> None:
        """Commit the open transaction with the changes and positions of these partitions, and tell the metrics.

        Raises:
            Rebalanced: the group refused.
            Unavailable: the broker did not answer.
            Fenced: another instance has our id.
        """
        started_s = self._monotonic_s()
        offsets: dict[TopicPartition, Committed] = {}
        for worker in dirty:
            self._send(worker)
            sessions, orders = self._settings.inputs(worker.state.partition)
            offsets[sessions] = Committed(worker.next_session, "")
            offsets[orders] = Committed(worker.next_order, "")
        ends = self._transaction.commit(offsets)
        for worker in dirty:
            self._apply(worker, ends)
        self._tally.report()
        self._metrics.committed(self._monotonic_s() - started_s)

    def _send(self, worker: AttributePartition) -> None:
        state, settings = worker.state, self._settings
        for value in state.touch_records(settings.max_message_bytes // 4):
            self._transaction.send(settings.touches_topic, None, value, state.partition)
            self._tally.written[settings.touches_topic] += 1
        changed = state.order_records()
        for key, stored in changed:
            self._transaction.send(settings.orders_topic, key, stored, state.partition)
        self._tally.written[settings.orders_topic] += len(changed)

    def _apply(self, worker: AttributePartition, ends: Mapping[TopicPartition, int]) -> None:
        number = worker.state.partition
        worker.state.committed(
            ends.get(TopicPartition(self._settings.touches_topic, number)),
            ends[TopicPartition(self._settings.orders_topic, number)],
        )
        worker.mark_committed()
        self._metrics.noticed(worker.noticed)
        worker.noticed = Noticed()
