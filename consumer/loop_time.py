"""Where the time of a loop goes: seconds in each state, for a counter whose rate says what a stage is busy with."""

from __future__ import annotations

from collections.abc import Callable, Mapping


class LoopTime:
    """Adds up the seconds between changes of state. Belongs to the loop's thread.

    Args:
        report: told the seconds in each state since it was told last.
        monotonic_s: the clock.
        first: the state that the loop is in now.
        interval_s: from one report to the next, at least.
    """

    def __init__(
        self,
        report: Callable[[Mapping[str, float]], None],
        monotonic_s: Callable[[], float],
        *,
        first: str,
        interval_s: float = 1.0,
    ) -> None:
        self._report = report
        self._monotonic_s = monotonic_s
        self._interval_s = interval_s
        self._state = first
        self._since_s = self._reported_s = monotonic_s()
        self._seconds: dict[str, float] = {}

    def enter(self, state: str) -> None:
        """Say that the loop is in another state from now on."""
        now_s = self._monotonic_s()
        before = self._state
        self._seconds[before] = self._seconds.get(before, 0.0) + now_s - self._since_s
        self._state, self._since_s = state, now_s
        if now_s - self._reported_s >= self._interval_s:
            self._reported_s = now_s
            self._report(self._seconds)
            self._seconds = {}

    def flush(self) -> None:
        """Report what there is: the loop ends."""
        self.enter(self._state)
        if self._seconds:
            self._report(self._seconds)
            self._seconds = {}
