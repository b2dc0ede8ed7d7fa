"""Plays a schedule on a world: strikes and heals in time, and keeps the members running meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from tests.chaos.faults import Fault, World, make
from tests.chaos.recovery import Span
from tests.chaos.schedule import Strike

_STEP_S = 0.1
_DROP_EVERY_S = 3.0


def play(strikes: Iterable[Strike], seconds: float, world: World, say: Callable[[str], object]) -> list[Span]:
    """Let the faults happen and return when they really did; takes so many seconds at least."""
    watch = _Watch(world)
    scheduled = list(strikes)
    spans: dict[int, Span] = {}
    struck: dict[int, tuple[Fault, int]] = {}
    for at_s, number in _steps(scheduled):
        watch.wait(at_s)
        kind = scheduled[number].kind
        if number not in struck:
            say(f"{watch.seconds():6.1f} s  {kind}")
            struck[number] = make(kind, world, scheduled[number].number), _now_ms()
            struck[number][0].strike()
        else:
            fault, from_ms = struck[number]
            fault.heal()
            say(f"{watch.seconds():6.1f} s  {kind}: healed")
            spans[number] = Span(kind, from_ms, _now_ms())
    watch.wait(seconds)
    return list(spans.values())


class _Watch:
    """Waits, with an eye on the members."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._began_s = time.monotonic()
        self._dropped_s = 0.0

    def seconds(self) -> float:
        """Return how long ago the load began."""
        return time.monotonic() - self._began_s

    def wait(self, until_s: float) -> None:
        """Wait until so many seconds after the beginning."""
        while self.seconds() < until_s:
            self._world.fleet.tend()
            if self.seconds() - self._dropped_s >= _DROP_EVERY_S:
                self._dropped_s = self.seconds()
                self._world.mood.drop_one()
            time.sleep(_STEP_S)


def _steps(scheduled: list[Strike]) -> list[tuple[float, int]]:
    """Return every strike and every heal, as the number of its fault, in the order of their times."""
    return sorted(
        (at_s, number) for number, strike in enumerate(scheduled) for at_s in (strike.at_s, strike.end_s + 1e-6)
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
