"""Conversions of one order take turns, whichever lane they come by, and no two of them are ever under way."""

from __future__ import annotations

from consumer.demo import awin
from consumer.demo.awin import StandInAwin
from tests.delivery.conversions import sale
from tests.delivery.stages import World, refs


def test_a_repeat_waits_for_the_first_that_was_put_off(world: World, stand_in: StandInAwin) -> None:
    """While that one's attempt is under way, later records of the order wait, fresh as they are."""
    stand_in.behave(lambda _: awin.Answer(200, delay_s=0.3))
    world.order("1001", "paused")
    world.produce(sale("A-1"))
    member = world.member(deferred_delay_ms=0)
    member.run_until(world.has_receipts("A-1"))
    world.order("1001", "running")
    member.run_until(lambda: len(stand_in.requests) == 1)
    world.produce(sale("A-1"), sale("A-1", fingerprint=b"other"), sale("A-2"))
    member.run_until(lambda: len(world.dead_letters()) == 1)
    receipt = world.receipts()["A-1"]
    assert (receipt.ending, receipt.repeats, receipt.source.offset) == ("delivered", 1, 0)
    assert world.dead_letters()[0].reason == "conflict"
    assert stand_in.counts_by_ref() == {"A-1": 1, "A-2": 1}


def test_the_first_goes_on_after_what_was_waiting_for_it(world: World, stand_in: StandInAwin) -> None:
    """It is put off while others of its order wait: they are repeats of it, and it is delivered in the end."""
    stand_in.behave(lambda _: awin.Answer(503))
    world.produce(*[sale("A-1")] * 4)
    member = world.member(
        deferred_delay_ms=0,
        breaker_failures=2,
        breaker_after_ms=0,
        breaker_cooldown_ms=50,
        breaker_cooldown_cap_ms=50,
        max_outstanding=4,
    )
    member.run_until(lambda: world.receipts().keys() == {"A-1"} and world.receipts()["A-1"].repeats == 3)
    assert world.receipts()["A-1"].ending == "deferred"
    stand_in.behave(lambda _: awin.OK)
    member.run_until(lambda: world.receipts()["A-1"].ending == "delivered")
    receipt = world.receipts()["A-1"]
    assert (receipt.repeats, receipt.unknown_attempts, receipt.attempts) == (3, 0, len(stand_in.requests))


def test_many_repeats_of_one_order_hold_up_no_other(world: World, stand_in: StandInAwin) -> None:
    """They take up room while they wait, and give it back."""
    stand_in.behave(lambda request: awin.Answer(500) if request.ref == "A-1" else awin.OK)
    world.produce(*[sale("A-1")] * 30, *(sale(ref) for ref in refs(10)[2:]))
    member = world.member(max_outstanding=4, max_attempts=3, retry_base_ms=1, breaker_after_ms=0)
    member.run_until(world.has_receipts(*refs(10)[2:]))
    assert member.metrics.most_outstanding <= 4
