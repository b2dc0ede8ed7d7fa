"""`consumer.attribute.ports.AttributeMetrics` over the process's metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from consumer.attribute.conversion_counts import ConversionCounts
from consumer.attribute.noticed import FORMS, Noticed
from consumer.attribute.ports import PartitionStanding
from consumer.ops import catalogue
from consumer.ops.gauges import Series
from consumer.ops.metrics import Metrics
from consumer.ops.stage_reporter import Counters, StageReporter


class AttributeReporter(StageReporter):
    """Reports for the attribute stage.

    Args:
        metrics: where to.
        now_ms: the wall clock, milliseconds.
    """

    def __init__(self, metrics: Metrics, now_ms: Callable[[], int]) -> None:
        super().__init__(metrics, "attribute")
        self._now_ms = now_ms
        self._orders = Counters(metrics, catalogue.ORDERS)
        self._conversions = Counters(metrics, catalogue.CONVERSIONS)
        self._value = Counters(metrics, catalogue.CONVERSION_VALUE)
        self._due = Counters(metrics, catalogue.DUE)
        self._with_checksum = Counters(metrics, catalogue.WITH_CHECKSUM)
        self._default_group = Counters(metrics, catalogue.DEFAULT_GROUP)
        self._test = Counters(metrics, catalogue.TEST)
        self._forced = metrics.counter(catalogue.FORCED)
        self._notes = Counters(metrics, catalogue.NOTED)
        self._decision_seconds = metrics.distribution(catalogue.DECISION_SECONDS)
        self._sessions = metrics.counter(catalogue.SESSIONS)
        self._sessions_with_query = metrics.counter(catalogue.SESSIONS_WITH_QUERY)
        self._checksums = Counters(metrics, catalogue.SESSION_CHECKSUMS)
        self._late_sessions = metrics.distribution(catalogue.LATE_SESSIONS)
        self._erased = Counters(metrics, catalogue.ERASED)

    def orders(self, ending: str, count: int) -> None:
        """See the port."""
        self._orders.add(count, ending)

    def conversions(self, counts: ConversionCounts) -> None:
        """See the port."""
        for (programme, channel, currency), count in counts.written.items():
            self._conversions.add(count, programme, channel)
            value = float(counts.value[programme, channel, currency])
            self._value.add(max(value, 0.0), programme, channel, currency)
        for counter, by_programme in (
            (self._due, counts.due),
            (self._with_checksum, counts.with_checksum),
            (self._default_group, counts.default_group),
            (self._test, counts.test),
            (self._notes, counts.notes),
        ):
            for label, count in by_programme.items():
                counter.add(count, label)
        self._forced.inc(counts.forced)
        now_ms = self._now_ms()
        self._decision_seconds.observe([(now_ms - at_ms) / 1000 for at_ms in counts.completed_at_ms])

    def noticed(self, noticed: Noticed) -> None:
        """See the port."""
        self._sessions.inc(noticed.sessions)
        self._sessions_with_query.inc(noticed.sessions_with_query)
        for kind, count in noticed.checksums.items():
            self._checksums.add(count, FORMS[kind])
        if noticed.malformed_checksums:
            self._checksums.add(noticed.malformed_checksums, "malformed")
        if noticed.lateness_ms:
            self._late_sessions.observe([late_ms / 1000 for late_ms in noticed.lateness_ms])
        for what, count in (
            ("visitors", noticed.forgotten_visitors),
            ("orders", noticed.forgotten_orders),
            ("checksums", noticed.erased_checksums),
        ):
            if count:
                self._erased.add(count, what)

    def partitions(self, standings: Mapping[int, PartitionStanding]) -> None:
        """See the port."""
        watermarks: Series = {(str(number),): each.watermark_ms / 1000 for number, each in standings.items()}
        pending: Series = {(str(number),): each.pending for number, each in standings.items()}
        self._gauges.tell(catalogue.WATERMARK, self._stage, watermarks)
        self._gauges.tell(catalogue.PENDING, self._stage, pending)
