"""Liveness and readiness: what the parts of a running consumer say of themselves.

Liveness looks at loop heartbeats only. An outage of the broker or of Awin never fails it: a restart would not help and
would cost the state's warmth.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import Any

from msgspec import Struct


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


class Verdict(Struct, frozen=True):
    """An answer of `/livez` or `/readyz`: whether all is well, and what each part says."""

    ok: bool
    parts: dict[str, Any]


class Health:
    """Collects heartbeats and readiness conditions. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._heartbeats: list[Heartbeat] = []
        self._conditions: dict[str, Callable[[], bool]] = {}
        self._draining = False

    def watch(self, heartbeat: Heartbeat) -> None:
        """Make liveness depend on a loop."""
        with self._lock:
            self._heartbeats.append(heartbeat)

    def require(self, name: str, condition: Callable[[], bool]) -> None:
        """Make readiness depend on a condition; it is called from the server's threads."""
        with self._lock:
            self._conditions[name] = condition

    def drain(self) -> None:
        """Say that we are leaving: not ready any more."""
        self._draining = True

    @property
    def draining(self) -> bool:
        """True once we are leaving."""
        return self._draining

    def live(self) -> Verdict:
        """Tell whether every loop turns."""
        with self._lock:
            beats = {beat.name: (beat.age_s(), beat.stale_after_s) for beat in self._heartbeats}
        return Verdict(
            all(age <= stale for age, stale in beats.values()),
            {name: {"seconds_since_heartbeat": round(age, 3)} for name, (age, _) in beats.items()},
        )

    def ready(self) -> Verdict:
        """Tell whether the consumer works on its partitions."""
        with self._lock:
            conditions = dict(self._conditions)
        parts = {name: bool(condition()) for name, condition in conditions.items()}
        parts["not_draining"] = not self._draining
        return Verdict(all(parts.values()), parts)
