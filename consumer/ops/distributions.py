"""Histograms that take a whole batch at once.

The library's own walks through its buckets in Python and takes a lock for every observation, which is too dear once
per order.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate
from threading import Lock

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from consumer.ops.catalogue import Metric


class Distribution:
    """Counts of one series by bucket. One thread observes, any may read."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0
        self._lock = Lock()

    def observe(self, values: Iterable[float]) -> None:
        """Count values. One below zero, by clocks that differ, counts as zero."""
        counts, bounds = self._counts, self._bounds
        with self._lock:
            for value in values:
                counts[bisect_left(bounds, value)] += 1
                self._sum += max(value, 0.0)

    def read(self) -> tuple[list[int], float]:
        """Return the counts up to each bound and without one, and the sum."""
        with self._lock:
            return list(accumulate(self._counts)), self._sum


class Distributions(Collector):
    """All histograms of the catalogue. Thread-safe."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._series: dict[Metric, dict[tuple[str, ...], Distribution]] = {metric: {} for metric in metrics}
        self._lock = Lock()

    def series(self, metric: Metric, *labels: str) -> Distribution:
        """Return the series with these label values, the same one at every call."""
        if len(labels) != len(metric.labels):
            raise ValueError(f"{metric.name} has the labels {metric.labels}, not {len(labels)} of them")
        with self._lock:
            return self._series[metric].setdefault(labels, Distribution(metric.buckets))

    def collect(self) -> Iterable[HistogramMetricFamily]:
        """Return every histogram as it stands."""
        with self._lock:
            found = {metric: dict(series) for metric, series in self._series.items()}
        for metric, series in found.items():
            family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
            bounds = [*map(floatToGoString, metric.buckets), "+Inf"]
            for labels, each in series.items():
                counts, total = each.read()
                family.add_metric(labels, list(zip(bounds, map(float, counts), strict=True)), total)
            yield family
