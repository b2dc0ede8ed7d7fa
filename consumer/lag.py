"""How far a stage's inputs are ahead of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from consumer.stream.log import Source, TopicPartition


class Lag:
    """Reports the records that are not taken yet, every ``interval_s``.

    Args:
        source: what the stage reads from.
        report: told the number of each input partition whose end is known.
        monotonic_s: the clock.
        interval_s: from one report to the next.
    """

    def __init__(
        self,
        source: Source,
        report: Callable[[Mapping[TopicPartition, int]], None],
        monotonic_s: Callable[[], float],
        interval_s: float = 1.0,
    ) -> None:
        self._source = source
        self._report = report
        self._monotonic_s = monotonic_s
        self._interval_s = interval_s
        self._due_s = 0.0

    def advance(self, inputs: Iterable[TopicPartition]) -> None:
        """Report if it is time; ``inputs`` are those worked on now."""
        now_s = self._monotonic_s()
        if now_s < self._due_s:
            return
        self._due_s = now_s + self._interval_s
        ends = self._source.high_watermarks()
        self._report({at: max(0, ends[at] - self._source.next_offset(at)) for at in inputs if at in ends})
