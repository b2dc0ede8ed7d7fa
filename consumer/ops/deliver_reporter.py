"""`consumer.delivery.metrics.DeliverMetrics` over the process's metrics."""

from __future__ import annotations

from collections.abc import Mapping

from consumer.delivery.metrics import Attempted, ProgrammeStanding, Sale
from consumer.ops import catalogue
from consumer.ops.gauges import Series
from consumer.ops.metrics import Metrics
from consumer.ops.stage_reporter import Counters, StageReporter


class DeliverReporter(StageReporter):
    """Reports for the deliver stage."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__(metrics, "deliver")
        self._metrics = metrics
        self._attempts = Counters(metrics, catalogue.ATTEMPTS)
        self._failures = Counters(metrics, catalogue.FAILURES)
        self._retries = Counters(metrics, catalogue.RETRIES)
        self._cut = Counters(metrics, catalogue.CUT)
        self._endings = Counters(metrics, catalogue.ENDINGS)
        self._delivered = Counters(metrics, catalogue.DELIVERED)
        self._value = Counters(metrics, catalogue.DELIVERED_VALUE)
        self._possible_repeats = Counters(metrics, catalogue.POSSIBLE_REPEATS)
        self._deferrals = Counters(metrics, catalogue.DEFERRALS)
        self._since = {name: metrics.distribution(catalogue.DELIVERY_SECONDS, name) for name in catalogue.SINCE}

    def attempted(self, attempt: Attempted) -> None:
        """See the port."""
        self._attempts.add(1, attempt.programme, attempt.outcome)
        if attempt.failure:
            self._failures.add(1, attempt.programme, attempt.failure)
        if attempt.again:
            self._retries.add(1, attempt.programme)
        self._metrics.distribution(catalogue.ATTEMPT_SECONDS, attempt.method).observe((attempt.seconds,))

    def left_out(self, what: str) -> None:
        """See the port."""
        self._cut.add(1, what)

    def ending(self, programme: str, ending: str) -> None:
        """See the port."""
        self._endings.add(1, programme, ending)

    def delivered(self, sale: Sale) -> None:
        """See the port."""
        self._delivered.add(1, sale.programme, sale.channel)
        self._value.add(max(float(sale.amount), 0.0), sale.programme, sale.channel, sale.currency)
        for since, seconds in (
            ("completion", sale.since_completion_s),
            ("entry", sale.since_entry_s),
            ("decidable", sale.since_decidable_s),
            ("conversion", sale.since_conversion_s),
        ):
            self._since[since].observe((seconds,))

    def possible_repeat(self, programme: str) -> None:
        """See the port."""
        self._possible_repeats.add(1, programme)

    def deferred(self, programme: str, why: str) -> None:
        """See the port."""
        self._deferrals.add(1, programme, why)

    def programmes(self, standings: Mapping[str, ProgrammeStanding]) -> None:
        """See the port."""
        stopped: dict[tuple[str, ...], float] = {}
        limited: dict[tuple[str, ...], float] = {}
        for programme, standing in standings.items():
            for reason in catalogue.STOPS:
                stopped[programme, reason] = float(standing.stop == reason)
            for limit in catalogue.LIMITS:
                limited[programme, limit] = float(limit in standing.limits)
        tell = self._gauges.tell
        tell(catalogue.STOPPED, self._stage, stopped)
        tell(catalogue.LIMITED, self._stage, limited)
        tell(catalogue.WAITING, self._stage, _by_programme({p: s.waiting for p, s in standings.items()}))
        tell(catalogue.IN_FLIGHT, self._stage, _by_programme({p: s.in_flight for p, s in standings.items()}))

    def outstanding(self, conversions: int, limit: int) -> None:
        """See the port."""
        self._gauges.tell(catalogue.OUTSTANDING, self._stage, {(): conversions})
        self._gauges.tell(catalogue.OUTSTANDING_LIMIT, self._stage, {(): limit})


def _by_programme(figures: Mapping[str, float]) -> Series:
    return {(programme,): figure for programme, figure in figures.items()}
