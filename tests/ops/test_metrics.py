"""Metrics: what is exposed, and that revoked partitions vanish."""

from __future__ import annotations

from prometheus_client import generate_latest

from consumer.ops.metrics import AttributeReporter, DeliverReporter, Metrics


def test_revoked_partitions_vanish() -> None:
    """A partition's figures are gone once it is no longer ours."""
    metrics = Metrics()
    reporter = AttributeReporter(metrics)
    for number in (0, 1):
        reporter.partition(number, watermark_ms=5_000, pending=3, late_sessions=0, malformed_checksums=0)
    reporter.released([0])
    assert metrics.registry.get_sample_value("awin_pending_orders", {"partition": "0"}) is None
    assert metrics.registry.get_sample_value("awin_pending_orders", {"partition": "1"}) == 3
    assert metrics.registry.get_sample_value("awin_watermark_timestamp_seconds", {"partition": "1"}) == 5


def test_known_outcomes_are_there_from_the_start() -> None:
    """Outcomes and endings that have not happened yet read zero, so that rates and alerts work."""
    metrics = Metrics()
    assert metrics.registry.get_sample_value("awin_attempts_total", {"outcome": "unknown"}) == 0
    assert metrics.registry.get_sample_value("awin_orders_total", {"ending": "conflict"}) == 0


def test_dead_letters_are_counted_by_stage_and_reason() -> None:
    """Both stages count into one metric, told apart by a label."""
    metrics = Metrics()
    AttributeReporter(metrics).dead_letters("order_ref_too_long", 1)
    DeliverReporter(metrics).ending("dead_letter", "rejected")
    DeliverReporter(metrics).ending("delivered", "")
    assert metrics.total("awin_dead_letters_total") == 2
    assert metrics.total("awin_dead_letters_total", stage="deliver", reason="rejected") == 1
    assert metrics.total("awin_endings_total", ending="delivered") == 1


def test_exposition_has_help_for_every_family_and_no_creation_times() -> None:
    """Every family is explained, and none has the library's `_created` samples."""
    text = generate_latest(Metrics().registry).decode()
    families = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    explained = [line.split()[2] for line in text.splitlines() if line.startswith("# HELP")]
    assert families == explained
    assert all(family.startswith("awin_") for family in families)
    assert "_created" not in text
