"""Metrics of a stage that tell nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from consumer.stage_metrics import AbortReason, Behind, RebalanceEvent
from consumer.stream.log import TopicPartition


class SilentMetrics:
    """A `consumer.stage_metrics.StageMetrics` that forgets everything."""

    def records(self, topic: str, count: int) -> None:
        """See `StageMetrics`."""

    def written(self, topic: str, count: int) -> None:
        """See `StageMetrics`."""

    def dead_letters(self, reason: str, count: int) -> None:
        """See `StageMetrics`."""

    def behind(self, inputs: Mapping[TopicPartition, Behind]) -> None:
        """See `StageMetrics`."""

    def oldest(self, entered_at_ms: Mapping[int, int]) -> None:
        """See `StageMetrics`."""

    def committed(self, seconds: float) -> None:
        """See `StageMetrics`."""

    def aborted(self, reason: AbortReason) -> None:
        """See `StageMetrics`."""

    def rebalanced(self, event: RebalanceEvent) -> None:
        """See `StageMetrics`."""

    def restored(self, seconds: float, changes: int) -> None:
        """See `StageMetrics`."""

    def released(self, partitions: Sequence[int]) -> None:
        """See `StageMetrics`."""

    def loop(self, seconds: Mapping[str, float]) -> None:
        """See `StageMetrics`."""
