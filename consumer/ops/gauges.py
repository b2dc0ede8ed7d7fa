"""Gauges whose series come and go: what is no longer told of is no longer there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from threading import Lock

import structlog
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from consumer.ops.catalogue import Metric

Series = Mapping[tuple[str, ...], float]
"""Values by label values, in the order of the metric's labels."""

_log = structlog.get_logger(__name__)


class Gauges(Collector):
    """All gauges of the catalogue. Thread-safe.

    Each is told, or asked for at every scrape, by one or more owners, such as the stages of one process.
    """

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = tuple(metrics)
        self._lock = Lock()
        self._told: dict[Metric, dict[str, Series]] = {metric: {} for metric in self._metrics}
        self._asked: dict[Metric, dict[str, Callable[[], Series]]] = {metric: {} for metric in self._metrics}

    def tell(self, metric: Metric, owner: str, series: Series) -> None:
        """Have these series of an owner, and no others, from now on."""
        with self._lock:
            self._told[metric][owner] = series

    def ask(self, metric: Metric, owner: str, series: Callable[[], Series]) -> None:
        """Ask for an owner's series at every scrape, on the thread of the scrape."""
        with self._lock:
            self._asked[metric][owner] = series

    def forget(self, owner: str, partitions: Iterable[int]) -> None:
        """Drop what an owner told of these partitions."""
        gone = {str(partition) for partition in partitions}
        with self._lock:
            for metric in self._metrics:
                if owner in self._told[metric] and "partition" in metric.labels:
                    at = metric.labels.index("partition")
                    kept = {labels: v for labels, v in self._told[metric][owner].items() if labels[at] not in gone}
                    self._told[metric][owner] = kept

    def leave(self, owner: str) -> None:
        """Drop all that an owner told, and ask it no more."""
        with self._lock:
            for metric in self._metrics:
                self._told[metric].pop(owner, None)
                self._asked[metric].pop(owner, None)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return every gauge as it stands."""
        with self._lock:
            told = {metric: list(owners.values()) for metric, owners in self._told.items()}
            asked = {metric: list(owners.values()) for metric, owners in self._asked.items()}
        for metric in self._metrics:
            family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
            for series in (*told[metric], *(_answer(metric, ask) for ask in asked[metric])):
                for labels, value in series.items():
                    family.add_metric(labels, value)
            yield family


def _answer(metric: Metric, ask: Callable[[], Series]) -> Series:
    """Return what is answered; one that fails must not take all other metrics along."""
    try:
        return ask()
    except Exception as error:  # noqa: BLE001  # whatever it is
        _log.warning("metrics.not_known", metric=metric.name, error=type(error).__name__)
        return {}
