"""Every metric of the consumer, declared once, and how the two stages report into them.

Stages report per batch; children with labels are looked up once and kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from threading import Lock

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from consumer import __version__
from consumer.events import Outcome
from consumer.stream.log import TopicPartition

disable_created_metrics()  # type: ignore[no-untyped-call]  # the library's signature has no return type

_LATENCY = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1800, 3600)
_CALL = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)
_COMMIT = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

_STOPS = ("paused", "halted", "breaker")
_OUTCOMES: tuple[Outcome, ...] = ("delivered", "rejected", "throttled", "not_sent", "unknown")
_ORDER_ENDINGS = ("decided", "duplicate", "conflict", "before_cut_over", "not_reportable", "dead_letter")


class _Partitions(Collector):
    """Figures of the partitions that are ours; those of revoked ones vanish."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._figures: dict[str, tuple[int, int]] = {}
        self._lag: dict[str, Mapping[TopicPartition, int]] = {}

    def set(self, partition: int, watermark_ms: int, pending: int) -> None:
        with self._lock:
            self._figures[str(partition)] = watermark_ms, pending

    def set_lag(self, stage: str, records: Mapping[TopicPartition, int]) -> None:
        with self._lock:
            self._lag[stage] = dict(records)

    def remove(self, partitions: Sequence[int]) -> None:
        with self._lock:
            for partition in partitions:
                self._figures.pop(str(partition), None)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        watermark = GaugeMetricFamily(
            "awin_watermark_timestamp_seconds",
            "How far event time has come in a session partition (0: no session yet).",
            labels=["partition"],
        )
        pending = GaugeMetricFamily(
            "awin_pending_orders", "Orders that wait for the sessions before them.", labels=["partition"]
        )
        with self._lock:
            figures = dict(self._figures)
            lags = [item for records in self._lag.values() for item in records.items()]
        for partition, (watermark_ms, orders) in figures.items():
            watermark.add_metric([partition], watermark_ms / 1000)
            pending.add_metric([partition], orders)
        lag = GaugeMetricFamily(
            "awin_lag_records", "Records of an input partition not yet taken.", labels=["topic", "partition"]
        )
        for (topic, number), records in lags:
            lag.add_metric([topic, str(number)], records)
        return watermark, pending, lag


class Metrics:
    """All of them, in one registry."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry = CollectorRegistry() if registry is None else registry
        self.partitions = _Partitions()
        registry.register(self.partitions)
        Info("awin_build", "Version of the consumer.", registry=registry).info({"version": __version__})
        self.records = Counter("awin_records", "Records taken from a topic.", ["stage", "topic"], registry=registry)
        self.written = Counter(
            "awin_records_written", "Records committed to a topic.", ["stage", "topic"], registry=registry
        )
        self.orders = Counter(
            "awin_orders",
            "Orders by what attribute made of them (decided: a conversion was written).",
            ["ending"],
            registry=registry,
        )
        self.conversions = Counter(
            "awin_conversions", "Conversions written, by the channel reported.", ["channel"], registry=registry
        )
        self.dead_letters = Counter(
            "awin_dead_letters", "Records put aside, by reason.", ["stage", "reason"], registry=registry
        )
        self.notes = Counter(
            "awin_conversion_notes",
            "Conversions for which something was done to express the order, by what (pro_rata, default_group, "
            "unknown_group), whose own click checksum is none (malformed_awc), or whose visitor had been forgotten "
            "(forgotten).",
            ["note"],
            registry=registry,
        )
        self.erased = Counter(
            "awin_erased",
            "What was erased from state: visitors and the checksums remembered with orders (both on request), and "
            "checksums (refused).",
            ["what"],
            registry=registry,
        )
        self.late_sessions = Counter(
            "awin_late_sessions",
            "Sessions that came after the grace of orders they could have decided.",
            registry=registry,
        )
        self.malformed_checksums = Counter(
            "awin_malformed_checksums", "Landing URLs whose awc was not well-formed and was ignored.", registry=registry
        )
        self.commit_seconds = Histogram(
            "awin_commit_seconds", "Duration of a transaction's commit.", ["stage"], buckets=_COMMIT, registry=registry
        )
        self.aborts = Counter(
            "awin_aborts", "Transactions aborted; their work was done again.", ["stage"], registry=registry
        )
        self.restores = Counter(
            "awin_restores", "Partitions restored from their changelogs.", ["stage"], registry=registry
        )
        self.restore_seconds = Counter(
            "awin_restore_seconds", "Time spent restoring partitions.", ["stage"], registry=registry
        )
        self.restored_changes = Counter(
            "awin_restored_changes", "State changes read from changelogs.", ["stage"], registry=registry
        )
        self.attempts = Counter("awin_attempts", "Requests to Awin, by outcome.", ["outcome"], registry=registry)
        self.attempt_seconds = Histogram(
            "awin_attempt_seconds", "Duration of a request to Awin.", buckets=_CALL, registry=registry
        )
        self.left_out = Counter(
            "awin_requests_cut",
            "Requests that would have been too long, by what they leave out.",
            ["what"],
            registry=registry,
        )
        self.endings = Counter("awin_endings", "Conversions by how they ended.", ["ending"], registry=registry)
        self.deferrals = Counter(
            "awin_deferrals_total", "Times that a conversion was put off, by why.", ["reason"], registry=registry
        )
        self.programme_stopped = Gauge(
            "awin_programme_stopped",
            "1 while nothing of a programme is sent: paused by hand, halted by refusals, or its breaker open.",
            ["programme", "reason"],
            registry=registry,
        )
        self.outstanding = Gauge(
            "awin_outstanding_conversions", "Conversions being delivered and not yet finished.", registry=registry
        )
        self.delivery_seconds = Histogram(
            "awin_delivery_seconds",
            "From an order's completion to its report at Awin being on record.",
            buckets=_LATENCY,
            registry=registry,
        )
        self.decidable_delivery_seconds = Histogram(
            "awin_decidable_delivery_seconds",
            "As awin_delivery_seconds, from the moment the order could be decided (grace passed).",
            buckets=_LATENCY,
            registry=registry,
        )
        for outcome in _OUTCOMES:
            self.attempts.labels(outcome)
        for ending in _ORDER_ENDINGS:
            self.orders.labels(ending)

    def total(self, sample: str, **labels: str) -> float:
        """Return the sum of a sample over all its children that have these labels."""
        return sum(
            each.value
            for family in self.registry.collect()
            for each in family.samples
            if each.name == sample and labels.items() <= each.labels.items()
        )


class AttributeReporter:
    """`consumer.attribute.ports.AttributeMetrics` over `Metrics`."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._records: dict[str, Counter] = {}
        self._commit_seconds = metrics.commit_seconds.labels("attribute")
        self._aborts = metrics.aborts.labels("attribute")

    def records(self, topic: str, count: int) -> None:
        """See the port."""
        if topic not in self._records:
            self._records[topic] = self._metrics.records.labels("attribute", topic)
        self._records[topic].inc(count)

    def written(self, topic: str, count: int) -> None:
        """See the port."""
        self._metrics.written.labels("attribute", topic).inc(count)

    def orders(self, ending: str, count: int) -> None:
        """See the port."""
        self._metrics.orders.labels(ending).inc(count)

    def dead_letters(self, reason: str, count: int) -> None:
        """See the port."""
        self._metrics.dead_letters.labels("attribute", reason).inc(count)

    def conversions(self, channel: str, count: int) -> None:
        """See the port."""
        self._metrics.conversions.labels(channel).inc(count)

    def notes(self, note: str, count: int) -> None:
        """See the port."""
        self._metrics.notes.labels(note).inc(count)

    def lag(self, records: Mapping[TopicPartition, int]) -> None:
        """See the port."""
        self._metrics.partitions.set_lag("attribute", records)

    def committed(self, seconds: float) -> None:
        """See the port."""
        self._commit_seconds.observe(seconds)

    def aborted(self) -> None:
        """See the port."""
        self._aborts.inc()

    def partition(
        self, partition: int, *, watermark_ms: int, pending: int, late_sessions: int, malformed_checksums: int
    ) -> None:
        """See the port."""
        self._metrics.partitions.set(partition, watermark_ms, pending)
        if late_sessions:
            self._metrics.late_sessions.inc(late_sessions)
        if malformed_checksums:
            self._metrics.malformed_checksums.inc(malformed_checksums)

    def erased(self, *, visitors: int, orders: int, checksums: int) -> None:
        """See the port."""
        self._metrics.erased.labels("orders").inc(orders)
        self._metrics.erased.labels("visitors").inc(visitors)
        self._metrics.erased.labels("checksums").inc(checksums)

    def released(self, partitions: Sequence[int]) -> None:
        """See the port."""
        self._metrics.partitions.remove(partitions)

    def restored(self, seconds: float, changes: int) -> None:
        """See the port."""
        self._metrics.restores.labels("attribute").inc()
        self._metrics.restore_seconds.labels("attribute").inc(seconds)
        self._metrics.restored_changes.labels("attribute").inc(changes)


class DeliverReporter:
    """`consumer.delivery.metrics.DeliverMetrics` over `Metrics`."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._attempts = {outcome: metrics.attempts.labels(outcome) for outcome in _OUTCOMES}
        self._commit_seconds = metrics.commit_seconds.labels("deliver")
        self._aborts = metrics.aborts.labels("deliver")
        self._stops: dict[str, str] = {}

    def records(self, topic: str, count: int) -> None:
        """See the port."""
        self._metrics.records.labels("deliver", topic).inc(count)

    def written(self, topic: str, count: int) -> None:
        """See the port."""
        self._metrics.written.labels("deliver", topic).inc(count)

    def lag(self, records: Mapping[TopicPartition, int]) -> None:
        """See the port."""
        self._metrics.partitions.set_lag("deliver", records)

    def restored(self, seconds: float, changes: int) -> None:
        """See the port."""
        self._metrics.restores.labels("deliver").inc()
        self._metrics.restore_seconds.labels("deliver").inc(seconds)
        self._metrics.restored_changes.labels("deliver").inc(changes)

    def attempt(self, outcome: Outcome, seconds: float) -> None:
        """See the port."""
        self._attempts[outcome].inc()
        self._metrics.attempt_seconds.observe(seconds)

    def left_out(self, what: str) -> None:
        """See the port."""
        self._metrics.left_out.labels(what).inc()

    def ending(self, ending: str, reason: str) -> None:
        """See the port."""
        if ending == "deferred":
            self._metrics.deferrals.labels(reason).inc()
            return
        self._metrics.endings.labels(ending).inc()
        if reason:
            self._metrics.dead_letters.labels("deliver", reason).inc()

    def latency(self, since_completed_s: float, since_decidable_s: float) -> None:
        """See the port."""
        self._metrics.delivery_seconds.observe(since_completed_s)
        self._metrics.decidable_delivery_seconds.observe(since_decidable_s)

    def outstanding(self, conversions: int) -> None:
        """See the port."""
        self._metrics.outstanding.set(conversions)

    def programmes(self, stops: Mapping[str, str]) -> None:
        """See the port."""
        if stops != self._stops:
            self._stops = dict(stops)
            for programme, stop in stops.items():
                for reason in _STOPS:
                    self._metrics.programme_stopped.labels(programme, reason).set(reason == stop)

    def committed(self, seconds: float) -> None:
        """See the port."""
        self._commit_seconds.observe(seconds)

    def commit_failed(self, error: str) -> None:
        """See the port."""
        del error
        self._aborts.inc()
