"""Tells of loops that stand still, while there is time to see why."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterable
from threading import Event, Thread
from threading import enumerate as all_threads
from typing import NamedTuple, cast

import structlog

from consumer.ops.health import Health, Heartbeat

_log = cast("structlog.typing.FilteringBoundLogger", structlog.get_logger(__name__))

INTERVAL_S = 1.0


class Change(NamedTuple):
    """A loop has stalled, or turns again."""

    stage: str
    stalled: bool
    seconds: float
    """How long it has stood still, or did."""


class Stalls:
    """Finds each stall once. Pure but for the heartbeats' clock.

    Args:
        after_s: a loop that has not turned for so long is stalled.
    """

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._stalled: dict[str, float] = {}

    def look(self, heartbeats: Iterable[Heartbeat]) -> list[Change]:
        """Return what has changed since the last look."""
        changes = []
        for beat in heartbeats:
            age_s = beat.age_s()
            if age_s >= self._after_s:
                if beat.name not in self._stalled:
                    changes.append(Change(beat.name, stalled=True, seconds=age_s))
                self._stalled[beat.name] = age_s
            elif beat.name in self._stalled:
                changes.append(Change(beat.name, stalled=False, seconds=self._stalled.pop(beat.name)))
        return changes


class Watcher:
    """Looks at the health once a second on a thread of its own, and logs all stacks when a loop stalls."""

    def __init__(self, health: Health, stall_after_s: float, interval_s: float = INTERVAL_S) -> None:
        self._health = health
        self._stalls = Stalls(stall_after_s)
        self._interval_s = interval_s
        self._stop = Event()
        self._thread = Thread(target=self._run, name="watcher", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop looking."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._interval_s):
            self._health.look()
            for change in self._stalls.look(self._health.heartbeats()):
                if change.stalled:
                    _log.error("loop.stalled", stage=change.stage, seconds=round(change.seconds, 1), stacks=stacks())
                else:
                    _log.warning("loop.resumed", stage=change.stage, seconds=round(change.seconds, 1))


def stacks() -> str:
    """Return where every thread is: files, lines and functions, and no values."""
    names = {thread.ident: thread.name for thread in all_threads()}
    texts = []
    for ident, frame in sys._current_frames().items():  # noqa: SLF001  # documented, in spite of its name
        lines = (f"  {entry.filename}:{entry.lineno} {entry.name}" for entry in traceback.extract_stack(frame))
        texts.append("\n".join((names.get(ident, str(ident)), *lines)))
    return "\n".join(texts)
