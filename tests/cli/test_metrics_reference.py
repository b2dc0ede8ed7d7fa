"""The page of all metrics says what the catalogue says."""

from __future__ import annotations

from pathlib import Path

from consumer.cli.metrics_reference import markdown
from consumer.ops.catalogue import all_metrics

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_up_to_date() -> None:
    """docs/metrics.md is what `awin-consumer metrics` prints; if not, make it anew with that."""
    assert (ROOT / "docs" / "metrics.md").read_text("utf-8") == markdown()


def test_every_metric_is_on_the_page() -> None:
    """Each has a row of its own, with its help."""
    page = markdown()
    for metric in all_metrics():
        assert page.count(f"| `{metric.name}` |") == 1
        assert metric.help in page
