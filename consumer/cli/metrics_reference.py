"""The metrics' reference page, made from their declarations."""

from __future__ import annotations

from collections.abc import Sequence

from consumer.ops import catalogue
from consumer.ops.catalogue import Metric

_INTRODUCTION = """\
# Metrics

<!-- Generated: awin-consumer metrics > docs/metrics.md -->

What `/metrics` on `ops.port` serves, beside what the Prometheus client tells of the process (`process_*`, `python_*`).
Each process serves those of its own stages. Gauges of partitions are served by the instance that works on them and
vanish when it gives them up. No label is an order, a visitor, a click checksum, a key or an address.

Times are seconds; timestamps are seconds since 1970, so that `time() - awin_…_timestamp_seconds` is an age. What a
transaction takes back was not counted: what a counter says was committed.
"""


def markdown() -> str:
    """Return the whole page."""
    parts = [_INTRODUCTION]
    for title, metrics in catalogue.SECTIONS.items():
        parts.append(f"## {title}\n\n{_table(metrics)}")
    return "\n".join(parts)


def _table(metrics: Sequence[Metric]) -> str:
    rows = ["| metric | kind | labels | says |", "|---|---|---|---|"]
    for metric in metrics:
        labels = "<br>".join(_label(metric, label) for label in metric.labels)
        says = metric.help + (f" Buckets: {_bounds(metric)}." if metric.buckets else "")
        rows.append(f"| `{metric.name}` | {metric.kind} | {labels} | {says} |")
    return "\n".join(rows) + "\n"


def _label(metric: Metric, label: str) -> str:
    values = metric.known.get(label, ())
    return f"`{label}`" + (f": {', '.join(values)}" if values else "")


def _bounds(metric: Metric) -> str:
    return ", ".join(f"{bound:g}" if bound < 1_000_000 else str(bound) for bound in metric.buckets)
