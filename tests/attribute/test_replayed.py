"""Replayed orders are judged as any event that is sent again (docs/attribution.md, section 8), by their record time."""

from __future__ import annotations

from msgspec.structs import replace

from consumer.attribution.rules import Rules
from consumer.events import OrderCompleted, Position
from consumer.replay_header import Replay, header
from tests.attribute.cluster import (
    DEAD_LETTERS,
    DECODE_CONVERSION,
    DECODE_DEAD_LETTER,
    ENCODE_ORDER,
    ORDERS,
    Cluster,
)
from tests.attribute.endings import ledger_of
from tests.attribute.test_stage import ORDER, RULES, produce_sale, produce_session

DAY_MS = 86_400_000
MENDED = replace(RULES, currencies=frozenset({"EUR", "DKK"}))
ONLY_EUR = replace(RULES, currencies=frozenset({"EUR"}))
OTHER = replace(ORDER, order_ref="R2", currency="DKK")


def refused(order: OrderCompleted, rules: Rules, recorded_ms: int) -> Cluster:
    """Return a cluster that has made a dead letter of an order."""
    cluster = Cluster(rules)
    produce_sale(cluster)
    produce_order_at(cluster, order, recorded_ms)
    cluster.start()
    cluster.settle()
    assert len(cluster.dead_letters()) == 1
    cluster.stop("a")
    return cluster


def produce_order_at(cluster: Cluster, order: OrderCompleted, recorded_ms: int) -> None:
    """Append an order with a record time."""
    cluster.log.produce(ORDERS, b"key", ENCODE_ORDER(order), 0, timestamp_ms=recorded_ms)


def replay(cluster: Cluster, recorded_ms: int, rules: Rules) -> list[str]:
    """Append the refused record again, and return the reasons of all letters once it is read by these rules."""
    (record,) = cluster.dead_letters()
    letter = DECODE_DEAD_LETTER(record.value)
    named = Replay(letter=Position(DEAD_LETTERS, record.partition, record.offset), source=letter.source)
    cluster.log.produce(ORDERS, letter.key, letter.value, 0, timestamp_ms=recorded_ms, headers=[header(named)])
    cluster.rulebook = replace(cluster.rulebook, programmes=(rules,))
    cluster.start("b")
    cluster.settle()
    return [DECODE_DEAD_LETTER(each.value).reason for each in cluster.dead_letters()]


def references(cluster: Cluster) -> list[str]:
    """Return the references of all conversions."""
    return sorted(DECODE_CONVERSION(record.value).order_ref for record in cluster.conversions())


def test_a_mended_order_is_decided() -> None:
    """With the touches that it would have seen the first time: it waits for nobody, since event time has passed."""
    cluster = refused(OTHER, ONLY_EUR, OTHER.completed_at_ms)
    assert replay(cluster, OTHER.completed_at_ms, MENDED) == ["currency_not_enabled"]
    assert references(cluster) == ["R1", "R2"]
    checksums = {DECODE_CONVERSION(each.value).click_checksums for each in cluster.conversions()}
    assert checksums == {("1001_1700000000_a",)}
    ledger = ledger_of(cluster, 0)
    assert (ledger.orders, ledger.decided, ledger.dead_letters) == (3, 2, 1)


def test_a_replay_long_after_is_in_time_by_its_record() -> None:
    """The record keeps its time, whenever it is replayed."""
    cluster = refused(OTHER, ONLY_EUR, OTHER.completed_at_ms)
    produce_session(cluster, 20 * DAY_MS, visitor="bob")
    assert replay(cluster, OTHER.completed_at_ms, MENDED) == ["currency_not_enabled"]
    assert references(cluster) == ["R1", "R2"]


def test_a_topic_that_stamps_records_makes_a_replay_too_late() -> None:
    """With LogAppendTime the record time is that of the replay, and the clicks may be gone."""
    cluster = refused(OTHER, ONLY_EUR, OTHER.completed_at_ms)
    assert replay(cluster, OTHER.completed_at_ms + 8 * DAY_MS, MENDED) == ["currency_not_enabled", "order_too_late"]
    assert references(cluster) == ["R1"]


def test_an_order_from_the_future_stays_so_by_its_record() -> None:
    """By its own record time it is refused again; one that the topic stamps anew is in the past by then."""
    late_ms = OTHER.completed_at_ms - DAY_MS
    again = refused(OTHER, MENDED, late_ms)
    assert replay(again, late_ms, MENDED) == ["event_time_in_future"] * 2
    stamped = refused(OTHER, MENDED, late_ms)
    assert replay(stamped, OTHER.completed_at_ms, MENDED) == ["event_time_in_future"]
    assert references(stamped) == ["R1", "R2"]


def test_a_corrected_event_makes_a_replay_a_duplicate_or_a_conflict() -> None:
    """The first that was accepted holds."""
    cluster = refused(OTHER, ONLY_EUR, OTHER.completed_at_ms)
    produce_order_at(cluster, replace(OTHER, currency="EUR"), OTHER.completed_at_ms)
    assert replay(cluster, OTHER.completed_at_ms, MENDED) == ["currency_not_enabled", "conflict"]
    assert references(cluster) == ["R1", "R2"]
