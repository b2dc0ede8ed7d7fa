"""Where partitions and programmes stand, told to the metrics about once a second."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from consumer.delivery.dispatch import Dispatch
from consumer.delivery.lane import Lane
from consumer.delivery.metrics import DeliverMetrics, ProgrammeStanding
from consumer.delivery.pacing.gate import Stop
from consumer.delivery.partition import OutboxPartition
from consumer.delivery.settings import DeliverSettings
from consumer.lag import Lag
from consumer.stream.log import Source, TopicPartition

Partitions = Mapping[int, OutboxPartition]

_SEEN_AFTER_S = 10.0
"""What was put off is known to be there for sure after so long."""


class Reporting:
    """Looks at what the stage has in hand. Belongs to the polling thread."""

    def __init__(
        self,
        source: Source,
        dispatch: Dispatch,
        settings: DeliverSettings,
        metrics: DeliverMetrics,
        monotonic_s: Callable[[], float],
    ) -> None:
        self._source = source
        self._dispatch = dispatch
        self._settings = settings
        self._metrics = metrics
        self._monotonic_s = monotonic_s
        self._lag = Lag(source, metrics.behind, monotonic_s)
        self._stops: dict[str, Stop] = {}

    def advance(self, partitions: Partitions, stops: Mapping[str, Stop]) -> None:
        """Tell how much is in hand; the rest only if it is time, or the programmes' stops have changed."""
        outstanding = sum(partition.slots for partition in partitions.values())
        self._metrics.outstanding(outstanding, self._settings.max_outstanding)
        is_time = self._lag.advance(lambda: _inputs(partitions))
        if is_time:
            self._metrics.oldest(dict(self._oldest(partitions)))
        if is_time or stops != self._stops:
            self._stops = dict(stops)
            self._metrics.programmes(self._standings(stops))

    def _standings(self, stops: Mapping[str, Stop]) -> dict[str, ProgrammeStanding]:
        standings = self._dispatch.standings()
        return {
            programme: ProgrammeStanding(
                stop=stops.get(programme, ""),
                limits=standing.limits,
                waiting=standing.waiting,
                in_flight=standing.in_flight,
            )
            for programme in sorted(self._settings.limits.keys() | stops.keys() | standings.keys())
            for standing in (standings.get(programme, ProgrammeStanding()),)
        }

    def _oldest(self, partitions: Partitions) -> Iterator[tuple[int, int]]:
        now_s = self._monotonic_s()
        ends = self._source.high_watermarks()
        for number, partition in partitions.items():
            if self._is_read_to_the_end(partition.deferred, ends):
                partition.put_off.none_left(now_s, _SEEN_AFTER_S)
            known = (partition.fresh.oldest_ms, partition.deferred.oldest_ms, partition.put_off.oldest_ms(now_s))
            found = [entered_ms for entered_ms in known if entered_ms is not None]
            if found:
                yield number, min(found)

    def _is_read_to_the_end(self, lane: Lane, ends: Mapping[TopicPartition, int]) -> bool:
        return not lane.unread and not lane.unfinished and self._source.next_offset(lane.at) >= ends.get(lane.at, 0)


def _inputs(partitions: Partitions) -> Iterator[tuple[TopicPartition, int | None]]:
    for partition in partitions.values():
        for lane in partition.lanes:
            yield lane.at, lane.newest_ms
