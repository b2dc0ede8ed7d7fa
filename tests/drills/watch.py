"""Notes when alerts begin to fire and when they end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from threading import Event, Lock, Thread

from consumer.demo.prometheus import Alert, Prometheus
from consumer.demo.prometheus_package import PrometheusError

_LOOK_EVERY_S = 1.0


class Spells:
    """When each alert of each installation fired. Pure; times are seconds of any one clock."""

    def __init__(self) -> None:
        self._from_s: dict[tuple[str, str], float] = {}
        self._to_s: dict[tuple[str, str], float | None] = {}

    def look(self, alerts: Iterable[Alert], now_s: float) -> None:
        """Take what fires now."""
        firing = {(each.labels.get("namespace", ""), each.name) for each in alerts if each.state == "firing"}
        for key in firing:
            self._from_s.setdefault(key, now_s)
            self._to_s[key] = None
        for key, ended_s in self._to_s.items():
            if key not in firing and ended_s is None:
                self._to_s[key] = now_s

    def fired_s(self, namespace: str, alert: str) -> float | None:
        """Return when it fired first."""
        return self._from_s.get((namespace, alert))

    def resolved_s(self, namespace: str, alert: str) -> float | None:
        """Return when it ended last, or ``None`` while it fires or when it never did."""
        return self._to_s.get((namespace, alert))

    def alerts(self, namespace: str) -> set[str]:
        """Return those of an installation that have fired."""
        return {alert for where, alert in self._from_s if where == namespace}


class Watch:
    """Looks at a Prometheus once a second on a thread of its own.

    Args:
        prometheus: which.
        tend: called each time.
    """

    def __init__(self, prometheus: Prometheus, tend: Callable[[], None]) -> None:
        self._prometheus = prometheus
        self._tend = tend
        self._spells = Spells()
        self._lock = Lock()
        self._stop = Event()
        self._thread = Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def fired_s(self, namespace: str, alert: str) -> float | None:
        """See `Spells`; by `time.monotonic`."""
        with self._lock:
            return self._spells.fired_s(namespace, alert)

    def resolved_s(self, namespace: str, alert: str) -> float | None:
        """See `Spells`; by `time.monotonic`."""
        with self._lock:
            return self._spells.resolved_s(namespace, alert)

    def alerts(self, namespace: str) -> set[str]:
        """See `Spells`."""
        with self._lock:
            return self._spells.alerts(namespace)

    def close(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_EVERY_S):
            self._tend()
            try:
                alerts = self._prometheus.alerts()
            except PrometheusError:
                continue  # it is busy: what fires still does when it answers
            with self._lock:
                self._spells.look(alerts, time.monotonic())
