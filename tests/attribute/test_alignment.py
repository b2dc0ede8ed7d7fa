"""Orders do not run ahead of the sessions that they wait for."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from consumer.attribution.rules import Rules
from consumer.stream.log import TopicPartition
from tests.attribute.cluster import ORDERS, START_MS, Cluster, Member
from tests.attribute.test_stage import ORDER, produce_order, produce_session

RULES = Rules(advertiser_id="1001")
BATCH = 5
MOST_WAITING = 10


def orders_first(ready: Sequence[TopicPartition], max_records: int) -> list[tuple[TopicPartition, int]]:
    """Take sessions only where there are no orders to take."""
    return [(each, max_records) for each in sorted(ready, key=lambda each: each.topic != ORDERS)]


def backlog(cluster: Cluster, orders: int, *, sessions: bool = True) -> Member:
    """Start an instance before so many orders, a second apart, and a session after each."""
    for number in range(orders):
        produce_order(cluster, replace(ORDER, order_ref=f"R{number}", completed_at_ms=START_MS + number * 1_000))
        if sessions:
            produce_session(cluster, number * 1_000 + 1)
    return cluster.start(chooser=orders_first)


def test_a_backlog_does_not_pile_up_in_state() -> None:
    """Orders are read on as the sessions come that decide them, never many more; all of them are decided."""
    cluster = Cluster(RULES, lag_interval_s=0, max_poll_records=BATCH, max_waiting_orders=MOST_WAITING)
    member = backlog(cluster, 100)
    cluster.settle()
    assert member.metrics.most_pending <= MOST_WAITING + BATCH
    produce_session(cluster, 1_000_000)
    cluster.settle()
    assert len(cluster.conversions()) == 100


def test_orders_are_read_on_where_no_session_is_to_be_read() -> None:
    """On a quiet partition waiting orders are up to the clock, so nothing is gained by reading no more of them."""
    cluster = Cluster(RULES, lag_interval_s=0, max_poll_records=BATCH, max_waiting_orders=MOST_WAITING, idle_wait_s=10)
    member = backlog(cluster, 100, sessions=False)
    cluster.settle()
    assert member.metrics.most_pending == 100
    cluster.wait(30)
    assert len(cluster.conversions()) == 100


def test_a_rebalance_in_between_changes_nothing() -> None:
    """Partitions that were held back are read on by whoever gets them, also when that is the same instance."""
    cluster = Cluster(RULES, lag_interval_s=0, max_poll_records=BATCH, max_waiting_orders=MOST_WAITING)
    backlog(cluster, 100)
    for name in ("b", "c"):
        cluster.step(5)
        cluster.start(name, chooser=orders_first)
        cluster.step(5)
        cluster.stop(name)
    produce_session(cluster, 1_000_000)
    cluster.settle()
    assert len(cluster.conversions()) == 100
