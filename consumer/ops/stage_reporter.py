"""`consumer.stage_metrics.StageMetrics` over the process's metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

import structlog
from prometheus_client import Counter

from consumer.ops import catalogue
from consumer.ops.catalogue import Metric
from consumer.ops.gauges import Series
from consumer.ops.metrics import Metrics
from consumer.stage_metrics import AbortReason, Behind, RebalanceEvent
from consumer.stream.log import TopicPartition

_log = cast("structlog.typing.FilteringBoundLogger", structlog.get_logger(__name__))


class Counters:
    """The children of one counter, each looked up once."""

    def __init__(self, metrics: Metrics, metric: Metric, *first: str) -> None:
        self._child: Callable[..., Counter] = lambda *labels: metrics.counter(metric, *first, *labels)
        self._children: dict[tuple[str, ...], Counter] = {}

    def add(self, amount: float, *labels: str) -> None:
        """Add to the child with these label values, behind those that all have."""
        child = self._children.get(labels)
        if child is None:
            child = self._children[labels] = self._child(*labels)
        child.inc(amount)


class StageReporter:
    """Reports what every stage does. Belongs to the stage's thread."""

    def __init__(self, metrics: Metrics, stage: str) -> None:
        self._stage = stage
        self._gauges = metrics.gauges
        self._records = Counters(metrics, catalogue.RECORDS, stage)
        self._written = Counters(metrics, catalogue.WRITTEN, stage)
        self._dead_letters = Counters(metrics, catalogue.DEAD_LETTERS, stage)
        self._aborted = Counters(metrics, catalogue.ABORTED, stage)
        self._rebalanced = Counters(metrics, catalogue.REBALANCED, stage)
        self._loop = Counters(metrics, catalogue.LOOP_SECONDS, stage)
        self._committed = metrics.distribution(catalogue.COMMIT_SECONDS, stage)
        self._restores = metrics.counter(catalogue.RESTORES, stage)
        self._restore_seconds = metrics.counter(catalogue.RESTORE_SECONDS, stage)
        self._restored_changes = metrics.counter(catalogue.RESTORED_CHANGES, stage)

    def records(self, topic: str, count: int) -> None:
        """See the port."""
        self._records.add(count, topic)

    def written(self, topic: str, count: int) -> None:
        """See the port."""
        self._written.add(count, topic)

    def dead_letters(self, reason: str, count: int) -> None:
        """See the port."""
        self._dead_letters.add(count, reason)
        _log.warning("dead_letters.written", reason=reason)

    def behind(self, inputs: Mapping[TopicPartition, Behind]) -> None:
        """See the port."""
        lag: dict[tuple[str, ...], float] = {}
        positions: dict[tuple[str, ...], float] = {}
        for (topic, partition), behind in inputs.items():
            labels = self._stage, topic, str(partition)
            lag[labels] = behind.records
            if behind.position_ms is not None:
                positions[labels] = behind.position_ms / 1000
        self._gauges.tell(catalogue.LAG, self._stage, lag)
        self._gauges.tell(catalogue.POSITION, self._stage, positions)

    def oldest(self, entered_at_ms: Mapping[int, int]) -> None:
        """See the port."""
        oldest: Series = {(self._stage, str(partition)): at_ms / 1000 for partition, at_ms in entered_at_ms.items()}
        self._gauges.tell(catalogue.OLDEST, self._stage, oldest)

    def committed(self, seconds: float) -> None:
        """See the port."""
        self._committed.observe((seconds,))

    def aborted(self, reason: AbortReason) -> None:
        """See the port."""
        self._aborted.add(1, reason)

    def rebalanced(self, event: RebalanceEvent) -> None:
        """See the port."""
        self._rebalanced.add(1, event)

    def restored(self, seconds: float, changes: int) -> None:
        """See the port."""
        self._restores.inc()
        self._restore_seconds.inc(seconds)
        self._restored_changes.inc(changes)

    def released(self, partitions: Sequence[int]) -> None:
        """See the port."""
        self._gauges.forget(self._stage, partitions)

    def loop(self, seconds: Mapping[str, float]) -> None:
        """See the port."""
        for state, spent_s in seconds.items():
            self._loop.add(spent_s, state)
