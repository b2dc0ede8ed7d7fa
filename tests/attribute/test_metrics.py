"""What the stage tells its metrics."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from consumer.attribution.rules import Rules
from consumer.events import OrderCompleted, OrderLine, SessionLanded
from tests.attribute.cluster import ENCODE_ORDER, ENCODE_SESSION, ORDERS, SESSIONS, START_MS, Cluster, Member

RULES = Rules(advertiser_id="1001", mode="live")
AWC = "1001_1700000000_a"
ORDER = OrderCompleted(
    order_id="1", order_ref="R1", completed_at_ms=START_MS, currency="EUR", subtotal=Decimal("1.5"), visitor_id="ann"
)


def produce_session(cluster: Cluster, after_ms: int, url: str = "https://shop.example/", partition: int = 0) -> None:
    """Append a landing of somebody."""
    event = SessionLanded(f"s{after_ms}", "ann", START_MS + after_ms, url)
    cluster.log.produce(SESSIONS, b"key", ENCODE_SESSION(event), partition, timestamp_ms=START_MS + after_ms)


def produce_order(cluster: Cluster, ref: str = "R1", partition: int = 0, delay_ms: int = 0) -> None:
    """Append an order that enters so long after its completion."""
    order = replace(ORDER, order_ref=ref)
    cluster.log.produce(ORDERS, b"key", ENCODE_ORDER(order), partition, timestamp_ms=START_MS + delay_ms)


def started(cluster: Cluster) -> Member:
    """Start an instance and let it work off what there is."""
    member = cluster.start()
    cluster.settle()
    return member


def test_lag_has_the_time_of_the_newest_record() -> None:
    """By input partition; one of which nothing was read has none."""
    cluster = Cluster(RULES, lag_interval_s=0)
    produce_session(cluster, -5_000)
    produce_session(cluster, -2_000)
    produce_order(cluster, delay_ms=700)
    inputs = started(cluster).metrics.inputs
    sessions, orders = cluster.settings.inputs(0)
    assert (inputs[sessions].records, inputs[sessions].position_ms) == (0, START_MS - 2_000)
    assert (inputs[orders].records, inputs[orders].position_ms) == (0, START_MS + 700)
    assert inputs[cluster.settings.inputs(1)[0]].position_ms is None


def test_the_oldest_waiting_order_is_told_until_it_is_decided() -> None:
    """By when it entered Kafka, which may be long after the sale; also after a restart."""
    cluster = Cluster(RULES, lag_interval_s=0)
    produce_order(cluster, "R1", delay_ms=700)
    produce_order(cluster, "R2", delay_ms=900)
    member = started(cluster)
    assert member.metrics.oldest_ms == {0: START_MS + 700}
    assert member.metrics.standings[0].pending == 2
    cluster.crash("a")
    member = cluster.start("b", member.disk)
    cluster.settle()
    assert member.metrics.oldest_ms == {0: START_MS + 700}
    produce_session(cluster, 60_000)
    cluster.settle()
    assert member.metrics.oldest_ms == {}
    assert (member.metrics.standings[0].pending, member.metrics.standings[0].watermark_ms) == (0, START_MS + 60_000)


def test_sessions_are_counted_by_what_their_address_carries() -> None:
    """A query string of any kind, a click checksum, something in its place that is none."""
    cluster = Cluster(RULES, lag_interval_s=0)
    for number, query in enumerate(("", "?q=1", f"?awc={AWC}", "?awc=broken")):
        produce_session(cluster, number, f"https://shop.example/{query}")
    counts = started(cluster).metrics.counts
    assert counts["sessions"] == 4
    assert (counts["sessions with query"], counts["checksums"], counts["malformed_checksums"]) == (3, 1, 1)


def test_late_sessions_tell_how_late_they_came() -> None:
    """Counted from the end of the grace of the orders that they could have decided."""
    cluster = Cluster(RULES, lag_interval_s=0)
    produce_session(cluster, 60_000)
    produce_session(cluster, 60_000 - RULES.grace_ms + 1)
    produce_session(cluster, 60_000 - RULES.grace_ms - 250)
    assert started(cluster).metrics.lateness_ms == [250]


def test_conversions_are_told_with_their_value() -> None:
    """By programme, channel and currency, and how many of them say what an alert looks at."""
    cluster = Cluster(RULES, lag_interval_s=0)
    produce_session(cluster, -1_000, f"https://shop.example/?awc={AWC}")
    produce_order(cluster, "R1")
    produce_order(cluster, "R2")
    produce_session(cluster, 60_000)
    metrics = started(cluster).metrics
    assert metrics.value == {("1001", "aw", "EUR"): Decimal("3.00")}
    names = ("1001 aw", "due", "with checksum", "default group", "test", "forced")
    assert [metrics.counts[name] for name in names] == [2, 2, 2, 2, 0, 0]


def test_a_share_in_a_group_of_its_own_is_not_counted_as_default() -> None:
    """Only the programme's default group is."""
    cluster = Cluster(RULES, lag_interval_s=0)
    line = OrderLine(
        product_id="P", unit_price=Decimal("1.5"), quantity=1, amount=Decimal("1.5"), commission_group="SHOES"
    )
    order = replace(ORDER, lines=(line,))
    cluster.log.produce(ORDERS, b"key", ENCODE_ORDER(order), 0, timestamp_ms=START_MS)
    produce_session(cluster, 60_000)
    counts = started(cluster).metrics.counts
    assert (counts["1001 aw"], counts["default group"]) == (1, 0)


def test_rebalances_are_counted_and_partitions_given_up_are_no_longer_told_of() -> None:
    """An instance that leaves some of its partitions to another tells only of those that it kept."""
    cluster = Cluster(RULES, lag_interval_s=0)
    first = cluster.start("a")
    cluster.settle()
    assert set(first.metrics.standings) == {0, 1}
    cluster.start("b")
    cluster.settle()
    assert len(first.metrics.standings) == 1
    assert first.metrics.counts["assigned"] >= 1
    assert first.metrics.counts["revoked"] == 1
    assert first.metrics.counts["released"] >= 1


def test_the_time_of_the_loop_adds_up() -> None:
    """All that passed is told of, whatever the stage was busy with."""
    cluster = Cluster(RULES, lag_interval_s=0)
    produce_session(cluster, 0)
    member = started(cluster)
    begun_s = cluster.clock.monotonic_s()
    told_s = member.metrics.loop_s.total()
    cluster.wait(30)
    member.stage.close()
    assert member.metrics.loop_s.total() - told_s == pytest.approx(cluster.clock.monotonic_s() - begun_s, abs=1.1)
