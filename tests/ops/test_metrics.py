"""The registry: what is exposed from the start, and how figures get there."""

from __future__ import annotations

from collections import Counter

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from consumer.ops import catalogue
from consumer.ops.catalogue import all_metrics
from consumer.ops.metrics import Metrics


def test_every_metric_of_the_catalogue_is_in_the_registry() -> None:
    """Each is exposed with its help, even those that have no series yet; no name is declared twice."""
    text = generate_latest(Metrics().registry).decode()
    explained = {line.split()[2]: line.split(maxsplit=3)[3] for line in text.splitlines() if line.startswith("# HELP")}
    for metric in all_metrics():
        assert explained[metric.name] == metric.help
    assert max(Counter(metric.name for metric in all_metrics()).values()) == 1


def test_the_module_declares_nothing_that_it_leaves_out() -> None:
    """A metric that is declared but in no section would be served by nobody."""
    declared = {value for value in vars(catalogue).values() if isinstance(value, catalogue.Metric)}
    assert declared == set(all_metrics())


def test_no_series_has_a_time_of_creation() -> None:
    """The library's `_created` samples double what is stored and say nothing."""
    assert "_created" not in generate_latest(Metrics().registry).decode()


def test_known_series_are_there_from_the_start() -> None:
    """What has not happened yet reads zero, so that rates and alerts work; what is not ours to tell is not there."""
    metrics = Metrics(["1001", "1002"], ["deliver"])
    value = metrics.registry.get_sample_value
    assert value("awin_attempts_total", {"programme": "1002", "outcome": "unknown"}) == 0
    assert value("awin_dead_letters_total", {"stage": "deliver", "reason": "rejected"}) == 0
    assert value("awin_delivery_seconds_count", {"since": "entry"}) == 0
    assert value("awin_orders_total", {"ending": "conflict"}) == 0
    assert value("awin_restores_total", {"stage": "attribute"}) is None


def test_a_histogram_puts_values_where_the_library_would() -> None:
    """Buckets count up to and with their bound; what lies below zero by clocks that differ counts as zero."""
    metrics = Metrics()
    series = metrics.distribution(catalogue.COMMIT_SECONDS, "deliver")
    series.observe([-1, 0.002, 0.003, 10.0, 11.0])
    read = metrics.registry.get_sample_value
    found = {
        bound: read("awin_commit_seconds_bucket", {"stage": "deliver", "le": bound})
        for bound in ("0.002", "0.005", "10.0")
    }
    assert found == {"0.002": 2, "0.005": 3, "10.0": 4}
    assert read("awin_commit_seconds_bucket", {"stage": "deliver", "le": "+Inf"}) == 5
    assert read("awin_commit_seconds_count", {"stage": "deliver"}) == 5
    assert read("awin_commit_seconds_sum", {"stage": "deliver"}) == pytest.approx(21.005)


def test_the_exposition_is_read_by_a_parser() -> None:
    """The whole page parses, histograms in the order of their bounds."""
    metrics = Metrics(["1001"])
    metrics.distribution(catalogue.DELIVERY_SECONDS, "entry").observe([100.0])
    families = list(text_string_to_metric_families(generate_latest(metrics.registry).decode()))
    (delivery,) = (family for family in families if family.name == "awin_delivery_seconds")
    bounds = [
        float(sample.labels["le"])
        for sample in delivery.samples
        if sample.name.endswith("_bucket") and sample.labels["since"] == "entry"
    ]
    assert bounds == sorted(bounds)
    assert len(bounds) == len(catalogue.LATENCY_S) + 1


def test_wrong_labels_are_refused() -> None:
    """A slip in the labels shows at once rather than as a series that nobody asks for."""
    metrics = Metrics()
    with pytest.raises(ValueError, match="awin_commit_seconds"):
        metrics.distribution(catalogue.COMMIT_SECONDS)
    with pytest.raises(ValueError, match="awin_build_info"):
        metrics.describe(catalogue.BUILD, version="1")
    with pytest.raises(ValueError, match="label"):
        metrics.counter(catalogue.RECORDS, "deliver")
