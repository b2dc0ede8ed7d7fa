"""What is told of the stage as facts is what was committed, as it was then."""

from __future__ import annotations

from consumer.attribution.rules import Rules
from consumer.demo.reference import Facts, Sweep
from consumer.errors import Fenced, Rebalanced
from consumer.stream.memory import in_order
from tests.attribute.cluster import SESSIONS, Cluster
from tests.attribute.test_erasure import CLICK, forget, landed, sweep
from tests.attribute.test_stage import produce_order, produce_sale, produce_session

RULES = Rules(advertiser_id="1001", consent_settle_ms=0)


def test_orders_are_read_at_the_sessions_read_before() -> None:
    """And decided in the transaction that carries their link, by force where it says so."""
    cluster = Cluster(RULES)
    produce_session(cluster, 0)
    cluster.start()
    cluster.settle()
    produce_order(cluster)
    cluster.settle()
    forget(cluster)
    cluster.settle()
    facts = cluster.witness.facts()
    assert (facts.read_at, facts.cuts) == ({(0, 0): 1}, {(0, 0): 2})
    assert facts.decided_in.keys() == {(0, 0)}


def test_what_is_taken_back_leaves_no_trace() -> None:
    """An order that is read again has been read only then."""
    cluster = Cluster(RULES)
    produce_sale(cluster)
    member = cluster.start()
    member.step()
    assert cluster.witness.facts() == Facts(sweeps=[])
    member.transaction.fail_next_commit(Rebalanced("the group refused"))
    member.source._chooser = lambda ready, most: in_order(sorted(ready, key=lambda each: each.topic != SESSIONS), most)
    cluster.settle()
    assert cluster.witness.facts().read_at == {(0, 0): 2}


def test_what_is_committed_unnoticed_is_noticed() -> None:
    """Nobody does it again."""
    cluster = Cluster(RULES)
    member = cluster.start()
    cluster.settle()
    produce_sale(cluster)
    member.transaction.fail_next_commit(Fenced("not known"), applied=True)
    cluster.settle()
    assert cluster.witness.facts().read_at == {(0, 0): 0}


def test_a_sweep_is_as_things_stood_when_it_was_made() -> None:
    """Though it is committed with what was read later; one that erases nothing is none."""
    cluster = Cluster(RULES)
    landed(cluster, 0, CLICK)
    cluster.start()
    cluster.settle()
    sweep(cluster)
    assert cluster.witness.facts().sweeps == []
    landed(cluster, 1_000, "https://shop.example/", "denied")
    cluster.settle()
    cluster.clock.advance(cluster.settings.sweep_interval_s)
    cluster.step()
    produce_order(cluster)
    cluster.settle()
    (made,) = cluster.witness.facts().sweeps
    assert made == Sweep(0, made.commit, range(2), 0, 0, frozenset({0}))
    assert cluster.witness.facts().read_at == {(0, 0): 2}
