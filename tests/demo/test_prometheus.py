"""A real Prometheus, started and asked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Gauge

from consumer.demo.prometheus import Prometheus
from consumer.demo.prometheus_package import Programs, PrometheusError, programs
from consumer.ops.health import Health
from consumer.ops.server import OpsServer
from tests.kafka.crash.program import wait_until

LABELS = {"namespace": "shop", "pod": "consumer-0"}
RULES = """
groups:
- name: test
  rules:
  - alert: TooHot
    expr: heat > 5
    annotations: {summary: "it is {{ $value }}"}
"""


class Stove:
    """Something to scrape."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self.heat = Gauge("heat", "How hot it is.", registry=registry)
        self.server = OpsServer("127.0.0.1", 0, registry, Health())
        self.address = f"127.0.0.1:{self.server.port}"


@pytest.fixture
def stove() -> Iterator[Stove]:
    """One that is cold."""
    made = Stove()
    yield made
    made.server.close()


def test_what_is_scraped_can_be_asked_for(prometheus_programs: Programs, stove: Stove) -> None:
    """With the labels of its target, now and over time."""
    with Prometheus(prometheus_programs, {stove.address: LABELS}, interval_s=0.1) as prometheus:
        stove.heat.set(3)
        wait_until(lambda: [each.value for each in prometheus.query("heat")] == [3], "the heat is known")
        (series,) = prometheus.query("heat")
        assert series.labels.items() >= LABELS.items()
        assert prometheus.healthy_targets() == {stove.address}
        assert [each.value for each in prometheus.query("scalar(heat) * 2")] == [6]
        (moment,) = prometheus.query("time()")
        assert prometheus.query_range("heat", moment.value - 1, moment.value, 0.1)
        with pytest.raises(PrometheusError, match="parse error"):
            prometheus.query("heat{")


def test_an_alert_fires_and_resolves(prometheus_programs: Programs, stove: Stove, tmp_path: Path) -> None:
    """Rules are looked at as often as is scraped, and an alert tells the figure."""
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES, encoding="utf-8")
    with Prometheus(prometheus_programs, {stove.address: {}}, rules=[rules], interval_s=0.1) as prometheus:
        stove.heat.set(9)
        wait_until(lambda: [each.state for each in prometheus.alerts()] == ["firing"], "the alert fires")
        assert [(each.name, each.annotations["summary"]) for each in prometheus.alerts()] == [("TooHot", "it is 9")]
        assert prometheus.unhealthy_rules() == {}
        stove.heat.set(1)
        wait_until(lambda: prometheus.alerts() == [], "the alert resolves")


def test_a_wrong_rule_is_told(prometheus_programs: Programs, tmp_path: Path) -> None:
    """What Prometheus says of it stands in the error."""
    rules = tmp_path / "rules.yaml"
    rules.write_text("groups: nonsense", encoding="utf-8")
    with (
        pytest.raises(PrometheusError, match="did not become ready"),
        Prometheus(prometheus_programs, {}, rules=[rules]),
    ):
        pass


def test_it_does_not_outlive_whoever_started_it(prometheus_programs: Programs) -> None:
    """Not even one that was killed."""
    program = f"""
        import sys
        from pathlib import Path
        from consumer.demo.prometheus import Prometheus
        from consumer.demo.prometheus_package import Programs
        with Prometheus(Programs(Path({str(prometheus_programs.prometheus)!r}), Path()), {{}}) as prometheus:
            print(prometheus.pid, flush=True)
            sys.stdin.read()
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    owner = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    owner.send_signal(signal.SIGKILL)
    owner.communicate()
    wait_until(lambda: not _runs(pid), "Prometheus is gone")


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_programs_on_the_path_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is fetched where both are installed."""
    for name in ("prometheus", "promtool"):
        (tmp_path / name).write_text("#!/bin/sh\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert programs(tmp_path / "cache") == Programs(tmp_path / "prometheus", tmp_path / "promtool")


def test_where_it_cannot_be_had_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to do."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PrometheusError, match="Install it"):
        programs(tmp_path / "cache")
