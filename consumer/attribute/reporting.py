"""Where the stage's partitions stand, told to the metrics about once a second."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from consumer.attribute.partition import AttributePartition
from consumer.attribute.ports import AttributeMetrics, AttributeSettings, PartitionStanding
from consumer.lag import Lag
from consumer.stream.log import Source, TopicPartition


class Reporting:
    """Looks at the partitions when it is time. Belongs to the polling thread."""

    def __init__(
        self,
        source: Source,
        settings: AttributeSettings,
        metrics: AttributeMetrics,
        monotonic_s: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._lag = Lag(source, metrics.behind, monotonic_s, settings.lag_interval_s)

    def advance(self, partitions: Mapping[int, AttributePartition]) -> None:
        """Tell where these stand, if it is time."""
        if not self._lag.advance(lambda: self._inputs(partitions)):
            return
        self._metrics.partitions(
            {
                number: PartitionStanding(worker.state.ledger.watermark_ms, len(worker.pending))
                for number, worker in partitions.items()
            }
        )
        oldest = {number: worker.pending.oldest() for number, worker in partitions.items()}
        self._metrics.oldest(
            {number: waiting.entered_at_ms for number, waiting in oldest.items() if waiting is not None}
        )

    def _inputs(self, partitions: Mapping[int, AttributePartition]) -> Iterator[tuple[TopicPartition, int | None]]:
        for number, worker in partitions.items():
            sessions, orders = self._settings.inputs(number)
            yield sessions, worker.newest_session_ms
            yield orders, worker.newest_order_ms
