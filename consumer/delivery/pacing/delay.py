"""How long deferred conversions rest before they are tried again. Pure."""

from __future__ import annotations

from consumer.stream.log import Record


class Delay:
    """Doubles with every pass over a partition that settles nothing, so that a long halt costs little.

    Args:
        base_ms: the shortest.
        cap_ms: the longest.
    """

    def __init__(self, base_ms: int, cap_ms: int) -> None:
        self._base_ms = base_ms
        self._cap_ms = cap_ms
        self._pass_end = 0
        self._settled = True
        self.now_ms = base_ms
        """The present one, in milliseconds."""

    def left_ms(self, record: Record, clock_ms: int) -> int:
        """Return how long a record still rests: never longer than the delay, wherever the clock has stepped to."""
        return min(self.now_ms, max(0, record.timestamp_ms + self.now_ms - clock_ms))

    def taking(self, offset: int, end: int) -> None:
        """A record is taken in; the first that was not there when the last pass began begins another, to ``end``."""
        if offset >= self._pass_end:
            self.now_ms = self._base_ms if self._settled else min(2 * self.now_ms, self._cap_ms)
            self._pass_end = max(end, offset + 1)
            self._settled = False

    def settled(self) -> None:
        """A conversion of this partition has got its ending."""
        self._settled = True

    def reset(self) -> None:
        """Something works again that did not: begin anew with the shortest delay."""
        self._settled = True
        self.now_ms = self._base_ms
        self._pass_end = 0
