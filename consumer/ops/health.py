"""Liveness, readiness and start-up: what the parts of a running consumer say of themselves, and since when.

Liveness looks at loop heartbeats only. An outage of the broker or of Awin never fails it: a restart would not help and
would cost the state's warmth.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Lock

from msgspec import Struct

READY = "working"
"""What a stage says of itself when it is ready."""


class Heartbeat:
    """Beaten by a loop at every turn. Thread-safe."""

    def __init__(self, name: str, stale_after_s: float, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self.stale_after_s = stale_after_s
        self._monotonic_s = monotonic_s
        self._beaten_at_s = monotonic_s()

    def beat(self) -> None:
        """Say that the loop turns."""
        self._beaten_at_s = self._monotonic_s()

    def age_s(self) -> float:
        """Return the seconds since the last beat."""
        return self._monotonic_s() - self._beaten_at_s


class Part(Struct, frozen=True):
    """What one part says of itself."""

    ok: bool
    state: str
    since: str
    """When that began: ISO 8601, UTC."""
    seconds: float
    """How long ago."""


class Verdict(Struct, frozen=True):
    """An answer of `/livez`, `/readyz` or `/startupz`: whether all is well, since when, and what each part says."""

    ok: bool
    since: str
    seconds: float
    parts: dict[str, Part]


class _Memory:
    """Since when things are as they are."""

    def __init__(self, monotonic_s: Callable[[], float], now_s: Callable[[], float]) -> None:
        self._monotonic_s = monotonic_s
        self._now_s = now_s
        self._began: dict[str, tuple[object, float, str]] = {}

    def note(self, name: str, state: object) -> tuple[str, float]:
        """Return when this state of a thing began, and how many seconds ago."""
        moment_s = self._monotonic_s()
        before = self._began.get(name)
        if before is None or before[0] != state:
            began = datetime.fromtimestamp(self._now_s(), UTC).isoformat(timespec="milliseconds")
            before = self._began[name] = state, moment_s, began
        return before[2], round(moment_s - before[1], 3)


class Health:
    """Collects heartbeats and the states of stages. Thread-safe.

    When something changed is known as exactly as `look` is called often.
    """

    def __init__(
        self, monotonic_s: Callable[[], float] = time.monotonic, now_s: Callable[[], float] = time.time
    ) -> None:
        self._lock = Lock()
        self._now_s = now_s
        self._memory = _Memory(monotonic_s, now_s)
        self._heartbeats: dict[str, Heartbeat] = {}
        self._states: dict[str, Callable[[], str]] = {}
        self._started: set[str] = set()
        self._draining = False

    def watch(self, heartbeat: Heartbeat) -> None:
        """Make liveness depend on a loop."""
        with self._lock:
            self._heartbeats[heartbeat.name] = heartbeat

    def dismiss(self, heartbeat: Heartbeat) -> None:
        """Make liveness depend on a loop no more: it has ended, and the process is leaving."""
        with self._lock:
            self._heartbeats.pop(heartbeat.name, None)

    def require(self, name: str, state: Callable[[], str]) -> None:
        """Make readiness depend on a stage, which is ready when it says `READY`; asked on any thread."""
        with self._lock:
            self._states[name] = state

    def drain(self) -> None:
        """Say that we are leaving: not ready any more."""
        self._draining = True

    @property
    def draining(self) -> bool:
        """True once we are leaving."""
        return self._draining

    def heartbeats(self) -> list[Heartbeat]:
        """Return the heartbeats of all loops that have begun."""
        with self._lock:
            return list(self._heartbeats.values())

    def beaten_at_s(self) -> dict[str, float]:
        """Return when each loop turned last, in seconds since 1970."""
        return {beat.name: self._now_s() - beat.age_s() for beat in self.heartbeats()}

    def is_ready(self, name: str) -> bool:
        """Tell whether a stage is ready."""
        with self._lock:
            return self._states[name]() == READY

    def look(self) -> None:
        """Take note of how everything is."""
        self.live()
        self.ready()
        self.started()

    def live(self) -> Verdict:
        """Tell whether every loop turns."""
        with self._lock:
            stuck = {beat.name: beat.age_s() > beat.stale_after_s for beat in self._heartbeats.values()}
            return self._verdict("live", {name: (not it, "stuck" if it else "turning") for name, it in stuck.items()})

    def ready(self) -> Verdict:
        """Tell whether the consumer works on its partitions and is not leaving."""
        with self._lock:
            states = self._noted_states()
            said = {name: (state == READY, state) for name, state in states.items()}
            said["process"] = (not self._draining, "draining" if self._draining else "running")
            return self._verdict("ready", said)

    def started(self) -> Verdict:
        """Tell whether every stage was ready once: what comes after that is no start."""
        with self._lock:
            states = self._noted_states()
            return self._verdict(
                "started",
                {
                    name: (name in self._started, "started" if name in self._started else state)
                    for name, state in states.items()
                },
            )

    def _noted_states(self) -> dict[str, str]:
        states = {name: state() for name, state in self._states.items()}
        self._started |= {name for name, state in states.items() if state == READY}
        return states

    def _verdict(self, question: str, said: dict[str, tuple[bool, str]]) -> Verdict:
        parts = {
            name: Part(ok, state, *self._memory.note(f"{question} {name}", state)) for name, (ok, state) in said.items()
        }
        ok = all(part.ok for part in parts.values())
        return Verdict(ok, *self._memory.note(question, ok), parts)
