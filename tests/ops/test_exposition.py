"""What promtool says of our metrics."""

from __future__ import annotations

import subprocess

from prometheus_client import generate_latest

from consumer.demo.prometheus_package import Programs
from consumer.ops import catalogue
from consumer.ops.metrics import Metrics


def filled() -> Metrics:
    """Return all metrics, with a series of each kind of label."""
    metrics = Metrics(["1001"])
    for metric in catalogue.all_metrics():
        labels = tuple("x" for _ in metric.labels)
        if metric.kind == "counter":
            metrics.counter(metric, *labels).inc()
        elif metric.kind == "gauge":
            metrics.gauges.tell(metric, "test", {labels: 1.0})
        elif metric.kind == "histogram":
            metrics.distribution(metric, *labels).observe([1.0])
        else:
            metrics.describe(metric, **dict.fromkeys(metric.labels, "x"))
    return metrics


def test_promtool_finds_nothing_to_say(prometheus_programs: Programs) -> None:
    """Names, units, help and kinds are as Prometheus wants them."""
    page = generate_latest(filled().registry)
    command = [str(prometheus_programs.promtool), "check", "metrics", "--extended"]
    done = subprocess.run(command, check=False, input=page, capture_output=True, timeout=60)
    said = [line for line in done.stderr.decode().splitlines() if line.startswith("awin_")]
    assert said == []
    assert all(metric.name.encode() in page for metric in catalogue.all_metrics())
