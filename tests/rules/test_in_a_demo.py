"""A real Prometheus scrapes a demo run with the rules loaded."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping

import pytest
from rich.console import Console

from consumer.demo.prometheus import Prometheus
from consumer.demo.prometheus_package import Programs
from consumer.demo.run import run_demo
from consumer.ops.catalogue import all_metrics
from tests.kafka.crash.program import wait_until
from tests.rules.test_rules import rules
from tools.dashboards.pages import filled, queries

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(240)]

HAPPENS_NOT = {
    "awin_attempt_failures_total": "no request fails",
    "awin_deferrals_total": "nothing is put off",
    "awin_requests_cut_total": "no request is too long",
    "awin_restore_remaining_records": "nothing is restored any more",
    "awin_restore_started_timestamp_seconds": "nothing is restored any more",
    "awin_oldest_undelivered_timestamp_seconds": "everything is delivered",
}
"""Metrics without a series at the end of a demo, and why."""


EMPTY_PANELS = {
    "overview: The oldest undelivered sale: age": "everything is delivered",
    "delivery: Calls that fail, by class: {{failure}}": "no request fails",
    "delivery: Requests that were too long: {{what}}": "no request is too long",
    "delivery: Stopped programmes: {{programme}} {{reason}}": "none is stopped",
    "delivery: Limits that are waited for: {{programme}} {{limit}}": "there are none",
    "delivery: Put off: {{reason}}": "nothing is put off",
    "streams: Age of the newest record read, where there are newer ones: {{stage}}: {{topic}}": "everything is read",
    "streams: Restoring: {{stage}}: records left": "nothing is restored any more",
}
"""Panels without data at the end of a demo, and why."""
MAY_BE_EMPTY = {"delivery: Put aside: {{stage}}: {{reason}}"}
"""It depends on how long ago the last record was put aside."""


class Seen:
    """What was found, to be judged when the demo is over."""

    def __init__(self) -> None:
        self.missing: set[str] = set()
        self.empty: set[str] = set()
        self.empty_panels: set[str] = set()
        self.unhealthy: Mapping[str, str] = {}
        self.alerts: list[str] = []
        self.loop_s: dict[str, float] = {}

    def look(self, prometheus: Prometheus) -> None:
        """Ask for everything."""
        scraped_s = time.time() + 1  # then the stage's last figures are there
        wait_until(lambda: prometheus.oldest_evaluation_s() > scraped_s, "every rule was evaluated")
        names = {series.labels["__name__"] for series in prometheus.query('{__name__=~"awin_.+"}')}
        for metric in all_metrics():
            if metric.name + ("_count" if metric.buckets else "") not in names:
                self.missing.add(metric.name)
        for rule in rules():
            if "record" in rule and not prometheus.query(rule["record"]):
                self.empty.add(rule["record"])
        chosen = {"namespace": "demo", "job": ".*", "pod": ".*", "__rate_interval": "20s"}
        for page, panel, query in queries():
            if not prometheus.query(filled(query.expression, chosen)):
                self.empty_panels.add(f"{page.name}: {panel.title}: {query.legend}")
        self.unhealthy = prometheus.unhealthy_rules()
        self.alerts = [alert.name for alert in prometheus.alerts() if alert.state == "firing"]
        for series in prometheus.query("sum by (stage) (rate(awin_loop_seconds_total[10s]))"):
            self.loop_s[series.labels["stage"]] = series.value


def test_every_metric_and_every_rule_has_data(prometheus_programs: Programs) -> None:
    """But for what does not happen in a demo; no rule fails, no alert fires, and the loops' time is accounted for."""
    del prometheus_programs  # the demo looks for them itself
    seen = Seen()
    summary = run_demo(
        seconds=10,
        rate=150,
        seed=1,
        bootstrap_servers=None,
        console=Console(file=io.StringIO()),
        prometheus=True,
        look=seen.look,
    )
    assert summary.is_right()
    assert seen.missing == set(HAPPENS_NOT)
    assert seen.empty == set()
    assert seen.empty_panels - MAY_BE_EMPTY == set(EMPTY_PANELS)
    assert seen.unhealthy == {}
    assert [name for name in seen.alerts if name != "AwinDeadLetters"] == []
    assert seen.loop_s.keys() == {"attribute", "deliver"}
    assert all(0.7 < seconds < 1.3 for seconds in seen.loop_s.values()), seen.loop_s
