"""Where a partition begins: at the cut-over the first time ever, at the group's offsets after that, or nowhere."""

from __future__ import annotations

from decimal import Decimal

import pytest

from consumer.attribute.ports import InputFacts
from consumer.attribution.rules import Rules
from consumer.errors import OffsetsLost, TopicError, Unavailable
from consumer.events import OrderCompleted, SessionLanded
from consumer.stream.log import TopicPartition
from tests.attribute.cluster import (
    ENCODE_ORDER,
    ENCODE_SESSION,
    FACTS,
    ORDER_STATE,
    ORDERS,
    SESSIONS,
    START_MS,
    Cluster,
)
from tests.attribute.endings import ledger_of

RULES = Rules(advertiser_id="1001", window_ms=1_000_000, max_clock_skew_ms=60_000)


def produce_session(cluster: Cluster, at_ms: int, recorded_ms: int | None = None) -> None:
    """Append ann's landing by a newsletter to partition 0."""
    url = "https://shop.example/?utm_medium=email"
    value = ENCODE_SESSION(SessionLanded(f"s{at_ms}", "ann", at_ms, url))
    cluster.log.produce(SESSIONS, b"ann", value, 0, timestamp_ms=recorded_ms or at_ms)


def produce_order(cluster: Cluster, ref: str, at_ms: int, recorded_ms: int | None = None) -> None:
    """Append ann's order to partition 0."""
    order = OrderCompleted(
        order_id=ref, order_ref=ref, completed_at_ms=at_ms, currency="EUR", subtotal=Decimal(1), visitor_id="ann"
    )
    cluster.log.produce(ORDERS, b"ann", ENCODE_ORDER(order), 0, timestamp_ms=recorded_ms or at_ms)


def active(cluster: Cluster) -> Cluster:
    """Start one member and let it take all partitions."""
    cluster.start()
    cluster.settle()
    return cluster


def test_the_first_transaction_sets_the_facts_before_any_order_is_read() -> None:
    """Start offsets and the cut-over, which is now unless it is set, are committed while every record is unread."""
    cluster = Cluster(RULES, cut_over_ms=None)
    produce_order(cluster, "old", START_MS - 1_000_000)
    produce_order(cluster, "new", START_MS)
    member = cluster.start()
    member.step()
    assert cluster.log.group().committed == {}
    cluster.clock.advance(7)
    member.stage.assignment.advance()
    assert {each: at.offset for each, at in cluster.log.group().committed.items()} == {
        TopicPartition(SESSIONS, 0): 0,
        TopicPartition(ORDERS, 0): 1,
        TopicPartition(SESSIONS, 1): 0,
        TopicPartition(ORDERS, 1): 0,
    }
    ledger = ledger_of(cluster, 0)
    assert (ledger.cut_over_ms, ledger.first_order_offset, ledger.orders) == (START_MS + 7_000, 1, 0)
    assert (ledger.session_topic_id, ledger.order_topic_id, ledger.partition_count) == ("session-id", "order-id", 2)


def test_the_first_orders_find_their_clicks() -> None:
    """Sessions are read from a window before the cut-over on, those recorded a bit before they happened included."""
    cluster = Cluster(RULES, cut_over_ms=START_MS)
    produce_session(cluster, START_MS - 1_060_001)
    produce_session(cluster, START_MS - 1_000_000, recorded_ms=START_MS - 1_060_000)
    produce_order(cluster, "first", START_MS)
    produce_session(cluster, START_MS + 3_600_000)
    active(cluster)
    assert ledger_of(cluster, 0).first_session_offset == 1
    (conversion,) = cluster.conversions()
    assert b"email" in (conversion.value or b"")


def test_orders_before_the_cut_over_are_counted_and_not_reported() -> None:
    """What was completed earlier is somebody else's to report, even if it is recorded later."""
    cluster = Cluster(RULES, cut_over_ms=START_MS)
    produce_order(cluster, "old", START_MS - 1, recorded_ms=START_MS + 5)
    produce_order(cluster, "new", START_MS)
    produce_session(cluster, START_MS + 3_600_000)
    active(cluster)
    ledger = ledger_of(cluster, 0)
    assert (ledger.orders, ledger.before_cut_over, ledger.decided) == (2, 1, 1)


def test_the_cut_over_stays_what_it_was() -> None:
    """A restart with another setting does not move it: it is a fact."""
    cluster = active(Cluster(RULES, cut_over_ms=None))
    cut_over_ms = ledger_of(cluster, 0).cut_over_ms
    cluster.stop("a")
    cluster.clock.advance(1_000)
    active(cluster)
    assert ledger_of(cluster, 0).cut_over_ms == cut_over_ms


def test_an_outage_while_opening_is_waited_out() -> None:
    """A broker that does not tell its facts now is asked again; nothing was begun meanwhile."""
    cluster = Cluster(RULES)
    answers = [False, False, True]

    def facts() -> InputFacts:
        if not answers.pop(0):
            raise Unavailable("no answer")
        answers.append(True)
        return FACTS

    cluster.facts = facts
    member = cluster.start()
    member.step(2)
    assert (member.stage.ready(), cluster.log.group().committed) == (False, {})
    cluster.settle()
    assert member.stage.ready()


def test_a_refused_first_commit_is_begun_again() -> None:
    """When the group refuses the first transaction, the cut-over is taken anew with the next one."""
    cluster = Cluster(RULES, cut_over_ms=None)
    member = cluster.start()
    member.transaction.fail_next_commit(Unavailable("no answer"))
    member.step(2)
    cluster.clock.advance(60)
    cluster.settle()
    assert {ledger_of(cluster, 0).cut_over_ms, ledger_of(cluster, 1).cut_over_ms} > {START_MS}
    assert member.stage.ready()


def test_offsets_lost_beside_state_stop_the_stage() -> None:
    """The group's offsets are gone, but there is state: reading from anywhere would lose or repeat orders."""
    cluster = active(Cluster(RULES))
    cluster.crash("a")
    cluster.log.group().committed.clear()
    with pytest.raises(OffsetsLost, match=r"no committed offset for partition 0 of session\.landed and order\."):
        active(cluster)


def test_one_lost_offset_stops_the_stage() -> None:
    """The message names the topic whose offset is gone."""
    cluster = active(Cluster(RULES))
    cluster.crash("a")
    del cluster.log.group().committed[TopicPartition(ORDERS, 1)]
    with pytest.raises(OffsetsLost, match=r"no committed offset for partition 1 of order\.completed, but"):
        active(cluster)


def test_state_lost_beside_offsets_stops_the_stage() -> None:
    """The changelog is gone, but the group has offsets: going on would forget what is pending and decided."""
    cluster = active(Cluster(RULES))
    cluster.crash("a")
    cluster.log.create(ORDER_STATE, 2)
    with pytest.raises(OffsetsLost, match="has committed offsets but its changelog orders is empty"):
        active(cluster)


def test_offsets_outside_the_log_stop_the_stage() -> None:
    """Retention has deleted what was not read yet."""
    cluster = active(Cluster(RULES))
    produce_session(cluster, START_MS)
    produce_session(cluster, START_MS)
    cluster.log.truncate(SESSIONS, 0, 1)
    with pytest.raises(OffsetsLost, match=r"session\.landed \[0\]: offset 0 is asked for"):
        cluster.settle()


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        (InputFacts("session-id", "order-id", 3, "touches-id"), "have 3 partitions, but the state was made for 2"),
        (InputFacts("another", "order-id", 2, "touches-id"), r"session\.landed was deleted and created again"),
        (InputFacts("session-id", "another", 2, "touches-id"), r"order\.completed was deleted and created again"),
        (InputFacts("session-id", "order-id", 2, "another"), r"touches was deleted and created again"),
    ],
)
def test_other_topics_than_the_state_was_made_for_stop_the_stage(facts: InputFacts, message: str) -> None:
    """More partitions move keys away from their state, and a new topic has other offsets."""
    cluster = active(Cluster(RULES))
    cluster.crash("a")
    cluster.facts = lambda: facts
    with pytest.raises(TopicError, match=message):
        active(cluster)
