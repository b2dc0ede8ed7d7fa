"""The metrics of one process: everything that `consumer.ops.catalogue` declares, in one registry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Info,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from consumer.ops import catalogue
from consumer.ops.catalogue import Metric
from consumer.ops.distributions import Distribution, Distributions
from consumer.ops.gauges import Gauges

disable_created_metrics()  # type: ignore[no-untyped-call]  # the library's signature has no return type


class Metrics:
    """All of them. Series whose labels are known from the start are there at once, at zero.

    Args:
        programmes: the advertiser ids that are configured.
        roles: the stages of this process.
    """

    def __init__(self, programmes: Sequence[str] = (), roles: Sequence[str] = catalogue.STAGES) -> None:
        self.registry = CollectorRegistry()
        self._known = {"programme": tuple(programmes), "stage": tuple(roles)}
        declared = catalogue.all_metrics()
        self.gauges = Gauges(each for each in declared if each.kind == "gauge")
        self._distributions = Distributions(each for each in declared if each.kind == "histogram")
        self._counters = {each: self._counter(each) for each in declared if each.kind == "counter"}
        self._infos = {
            each: Info(_family(each), each.help, registry=self.registry) for each in declared if each.kind == "info"
        }
        for collector in (self.gauges, self._distributions):
            self.registry.register(collector)
        for standard in (ProcessCollector, PlatformCollector, GCCollector):
            standard(registry=self.registry)
        self._begin_at_zero(declared)

    def counter(self, metric: Metric, *labels: str) -> Counter:
        """Return the child with these label values; keep it where it is used often."""
        counter = self._counters[metric]
        return counter.labels(*labels) if labels else counter

    def distribution(self, metric: Metric, *labels: str) -> Distribution:
        """Return the histogram's series with these label values."""
        return self._distributions.series(metric, *labels)

    def describe(self, metric: Metric, **labels: str) -> None:
        """Set what an info says."""
        if set(labels) != set(metric.labels):
            raise ValueError(f"{metric.name} has the labels {metric.labels}, not {tuple(labels)}")
        self._infos[metric].info(labels)

    def total(self, sample: str, **labels: str) -> float:
        """Return the sum of a sample over all its series that have these labels."""
        return sum(
            each.value
            for family in self.registry.collect()
            for each in family.samples
            if each.name == sample and labels.items() <= each.labels.items()
        )

    def _counter(self, metric: Metric) -> Counter:
        return Counter(_family(metric), metric.help, metric.labels, registry=self.registry)

    def _begin_at_zero(self, declared: Sequence[Metric]) -> None:
        for metric in declared:
            for labels in self._known_labels(metric):
                if metric.kind == "counter":
                    self.counter(metric, *labels)
                elif metric.kind == "histogram":
                    self.distribution(metric, *labels)
        for stage in self._known["stage"]:
            for reason in catalogue.DEAD_LETTER_REASONS[stage]:
                self.counter(catalogue.DEAD_LETTERS, stage, reason)

    def _known_labels(self, metric: Metric) -> Iterator[tuple[str, ...]]:
        """Return the label values of the series that are known from the start; none where one label is open."""
        known = {**metric.known, **self._known}
        return product(*(known.get(label, ()) for label in metric.labels))


def _family(metric: Metric) -> str:
    """Return the name without what the library puts behind it."""
    return metric.name.removesuffix("_total").removesuffix("_info")
