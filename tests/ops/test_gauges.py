"""Gauges: series that come and go."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from consumer.ops import catalogue
from consumer.ops.gauges import Gauges, Series


def gauges() -> tuple[Gauges, CollectorRegistry]:
    """Return some gauges in a registry of their own."""
    registry = CollectorRegistry()
    made = Gauges([catalogue.LAG, catalogue.RESTORING])
    registry.register(made)
    return made, registry


def lag(registry: CollectorRegistry, stage: str, partition: str) -> float | None:
    """Return what is shown as a partition's lag."""
    return registry.get_sample_value("awin_lag_records", {"stage": stage, "topic": "t", "partition": partition})


def test_what_is_no_longer_told_of_vanishes() -> None:
    """Telling replaces all that the same owner told before, and nothing of others."""
    made, registry = gauges()
    made.tell(catalogue.LAG, "deliver", {("deliver", "t", "0"): 7})
    made.tell(catalogue.LAG, "attribute", {("attribute", "t", "0"): 1, ("attribute", "t", "1"): 2})
    made.tell(catalogue.LAG, "attribute", {("attribute", "t", "1"): 3})
    assert (lag(registry, "attribute", "0"), lag(registry, "attribute", "1")) == (None, 3)
    assert lag(registry, "deliver", "0") == 7


def test_revoked_partitions_vanish_at_once() -> None:
    """Without waiting for the next report, and without taking other owners' partitions of that number along."""
    made, registry = gauges()
    for stage in ("attribute", "deliver"):
        made.tell(catalogue.LAG, stage, {(stage, "t", "0"): 1, (stage, "t", "1"): 2})
    made.forget("attribute", [0])
    assert (lag(registry, "attribute", "0"), lag(registry, "attribute", "1")) == (None, 2)
    assert lag(registry, "deliver", "0") == 1


def test_who_leaves_takes_all_along() -> None:
    """Neither what was told nor what was asked for is shown any more."""
    made, registry = gauges()
    made.tell(catalogue.LAG, "deliver", {("deliver", "t", "0"): 1})
    made.ask(catalogue.RESTORING, "deliver", lambda: {("deliver",): 4})
    assert registry.get_sample_value("awin_restoring_partitions", {"stage": "deliver"}) == 4
    made.leave("deliver")
    assert registry.get_sample_value("awin_restoring_partitions", {"stage": "deliver"}) is None
    assert lag(registry, "deliver", "0") is None


def test_an_answer_that_fails_does_not_take_the_others_along() -> None:
    """One broken figure must not make the whole page fail."""
    made, registry = gauges()

    def broken() -> Series:
        raise RuntimeError("closed")

    made.ask(catalogue.RESTORING, "attribute", broken)
    made.ask(catalogue.RESTORING, "deliver", lambda: {("deliver",): 2})
    assert registry.get_sample_value("awin_restoring_partitions", {"stage": "deliver"}) == 2
