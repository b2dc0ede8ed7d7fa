"""Whatever a dead owner may have sent is flagged, wherever in its partition it stood."""

from __future__ import annotations

from msgspec.structs import replace

from consumer.delivery.pacing.gate import Limits
from consumer.demo import awin
from consumer.demo.awin import StandInAwin
from consumer.errors import Unavailable
from tests.delivery.conversions import sale
from tests.delivery.stages import World, refs


def test_an_order_behind_many_that_were_put_off_is_flagged(world: World, stand_in: StandInAwin) -> None:
    """They hold no slot, but until that is committed a successor would look for repeats among them."""
    stand_in.plan(awin.Hang())
    world.order("1001", "paused")
    member = world.member(max_outstanding=4, deferred_delay_ms=0)
    member.run_until(member.stage.ready)
    world.produce(*(sale(ref) for ref in refs(40)), replace(sale("B-1"), programme="2002", click_checksums=()))
    member.transaction.fail_next_commit(Unavailable("no answer"))
    member.run_until(lambda: len(stand_in.requests) == 1)
    member.crash()
    world.member("b", max_outstanding=4, deferred_delay_ms=0).run_until(world.has_receipts("B-1"))
    assert stand_in.sent_twice() == ["B-1"]
    assert world.receipts()["B-1"].possible_repeat


def test_an_order_behind_records_that_nobody_can_read_is_flagged(world: World, stand_in: StandInAwin) -> None:
    """They wait for what is before them, since no receipt remembers them; so no more is read of their partition."""
    stand_in.behave(lambda _: awin.Hang())
    world.produce(sale("A-0"))
    for number in range(20):
        world.log.produce("awin.conversion", b"1001:junk", b"junk %d" % number)
    world.produce(sale("A-1"))
    member = world.member(max_outstanding=4, read_timeout_ms=60_000)
    member.run_for(0.2)
    member.crash()
    stand_in.behave(lambda _: awin.OK)
    world.member("b", max_outstanding=4).run_until(world.has_receipts("A-0", "A-1"))
    assert "A-0" in stand_in.sent_twice()
    assert all(world.receipts()[ref].possible_repeat for ref in stand_in.sent_twice())
    assert len(world.dead_letters()) == 20


def test_a_stop_before_any_attempt_leaves_no_suspicion(world: World, stand_in: StandInAwin) -> None:
    """What an earlier owner tried stands on the deferred record; one that has only read it hands no doubt on."""
    stand_in.behave(lambda _: awin.Answer(500))
    world.produce(sale("A-1"))
    first = world.member(deferred_delay_ms=0, breaker_failures=1, breaker_after_ms=0)
    first.run_until(world.has_receipts("A-1"))
    first.stage.close()
    second = world.member("b", deferred_delay_ms=0, limits={"1001": Limits(requests_per_s=0.001)})
    second.run_until(lambda: second.metrics.most_outstanding == 1)
    second.stage.close()
    assert (world.mark().suspects, world.mark(topic="awin.deferred").suspects) == (0, 0)
    stand_in.behave(lambda _: awin.OK)
    world.member("c", deferred_delay_ms=0).run_until(lambda: world.receipts()["A-1"].ending == "delivered")
    receipt = world.receipts()["A-1"]
    assert (receipt.possible_repeat, receipt.attempts, receipt.unknown_attempts) == (False, 2, 1)
