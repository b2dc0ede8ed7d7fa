"""How far a stage's inputs are ahead of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from consumer.stage_metrics import Behind
from consumer.stream.log import Source, TopicPartition


class Lag:
    """Reports how far behind a stage is, every ``interval_s``.

    Args:
        source: what the stage reads from.
        report: told where each input partition whose end is known stands.
        monotonic_s: the clock.
        interval_s: from one report to the next.
    """

    def __init__(
        self,
        source: Source,
        report: Callable[[Mapping[TopicPartition, Behind]], None],
        monotonic_s: Callable[[], float],
        interval_s: float = 1.0,
    ) -> None:
        self._source = source
        self._report = report
        self._monotonic_s = monotonic_s
        self._interval_s = interval_s
        self._due_s = 0.0

    def advance(self, inputs: Callable[[], Iterable[tuple[TopicPartition, int | None]]]) -> bool:
        """Report if it is time, and tell whether it was.

        ``inputs`` gives the partitions that are worked on now, each with the timestamp of the newest record taken.
        """
        now_s = self._monotonic_s()
        if now_s < self._due_s:
            return False
        self._due_s = now_s + self._interval_s
        ends = self._source.high_watermarks()
        self._report(
            {
                at: Behind(max(0, ends[at] - self._source.next_offset(at)), position_ms)
                for at, position_ms in inputs()
                if at in ends
            }
        )
        return True
