"""What cannot be sent now is put off: other programmes and fresh orders go on, and nothing is lost or sent twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from consumer.delivery.pacing.gate import Limits
from consumer.demo import awin
from consumer.demo.awin import AwinRequest, StandInAwin
from consumer.errors import Unavailable
from consumer.events import Conversion
from tests.delivery.conversions import T0_MS, sale
from tests.delivery.stages import Member, World, refs

DAY_MS = 86_400_000
MINUTE_MS = 60_000


def other(conversion: Conversion) -> Conversion:
    """Return the same sale of another programme."""
    return replace(conversion, programme="2002", click_checksums=())


def failing(programme: str, answer: awin.Behaviour) -> Callable[[AwinRequest], awin.Behaviour]:
    """Return an Awin that has trouble with one programme."""
    return lambda request: answer if request.parameters.get("merchant") == programme else awin.OK


def deferred(world: World) -> int:
    """Return how many records were put off so far."""
    return sum(len(world.log.records(*at)) for at in world.log.partitions("awin.deferred"))


def delivered(world: World, *order_refs: str) -> Callable[[], bool]:
    """Return a condition: all of these orders are delivered."""

    def holds() -> bool:
        receipts = world.receipts()
        return all(ref in receipts and receipts[ref].ending == "delivered" for ref in order_refs)

    return holds


def broken(world: World, *, breaker_cooldown_ms: int = 100, **settings: Any) -> Member:
    """Start an instance whose breakers open at once and are probed soon."""
    return world.member(
        deferred_delay_ms=0, breaker_failures=2, breaker_after_ms=0, breaker_cooldown_ms=breaker_cooldown_ms, **settings
    )


def test_a_backlog_is_put_off_and_sent_all_the_same(world: World, stand_in: StandInAwin) -> None:
    """Orders that have lost their priority leave the way free for newer ones, and hold no slot meanwhile."""
    old = [sale(ref, at_ms=world.now_ms - 10 * MINUTE_MS) for ref in refs(50)]
    world.produce(*old, sale("fresh", at_ms=world.now_ms - 1_000))
    member = world.member(max_outstanding=4)
    member.run_until(delivered(world, *refs(50), "fresh"))
    assert [request.ref for request in stand_in.requests].index("fresh") < 10
    assert stand_in.sent_twice() == []
    assert member.metrics.most_outstanding <= 4
    assert {receipt.deferrals for ref, receipt in world.receipts().items() if ref != "fresh"} == {1}
    assert world.mark().counts == {"deferred": 50, "delivered": 1}
    assert member.metrics.put_off["backlog"] == 50


def test_an_open_breaker_stops_its_own_programme_alone(world: World, stand_in: StandInAwin) -> None:
    """Its conversions are put off; it is probed, and goes on by itself when requests get through."""
    stand_in.behave(failing("1001", awin.Answer(500)))
    world.produce(*(sale(ref) for ref in refs(20)), *(other(sale(f"B-{number}")) for number in range(20)))
    member = broken(world)
    member.run_until(delivered(world, *(f"B-{number}" for number in range(20))))
    member.run_until(lambda: deferred(world) >= 20)
    assert member.metrics.standings["1001"].stop in {"breaker", ""}
    assert member.metrics.standings["2002"].stop == ""
    stand_in.behave(lambda _: awin.OK)
    member.run_until(delivered(world, *refs(20)))
    assert set(stand_in.counts_by_ref()) == {*refs(20), *(f"B-{number}" for number in range(20))}
    assert world.dead_letters() == []


def test_an_open_breaker_makes_one_probe_at_a_time(world: World, stand_in: StandInAwin) -> None:
    """While it is open, few requests are made, however many orders wait."""
    stand_in.behave(lambda _: awin.Answer(503))
    world.produce(*(sale(ref) for ref in refs(8)))
    member = broken(world, breaker_cooldown_ms=200, breaker_cooldown_cap_ms=200)
    member.run_until(lambda: deferred(world) >= 8)
    before = len(stand_in.requests)
    member.run_for(1.1)
    assert 1 <= len(stand_in.requests) - before <= 6


def test_a_long_retry_after_puts_a_programme_off(world: World, stand_in: StandInAwin) -> None:
    """It is obeyed without holding a slot: not a request comes before it is over."""
    stand_in.plan(awin.Answer(429, {"Retry-After": "2"}))
    world.produce(sale("A-1"))
    member = world.member(retry_cap_ms=500, deferred_delay_ms=0)
    member.run_until(delivered(world, "A-1"))
    first, second = stand_in.requests
    assert second.received_at_s - first.received_at_s >= 2
    assert world.receipts()["A-1"].attempts == 2


def test_a_run_of_rejections_halts_the_programme(world: World, stand_in: StandInAwin) -> None:
    """The first few are dead letters, the rest wait; it is ordered of everybody, and one who says so has it go on."""
    stand_in.behave(failing("1001", awin.Answer(404)))
    world.produce(*(sale(ref) for ref in refs(20)), *(other(sale(f"B-{number}")) for number in range(5)))
    member = world.member(halt_after=3, deferred_delay_ms=0, max_outstanding=4)
    member.run_until(lambda: world.orders() == [("1001", "halted")])
    member.run_until(delivered(world, *(f"B-{number}" for number in range(5))))
    member.run_until(lambda: deferred(world) >= 17)
    assert member.metrics.standings["1001"].stop == "halted"
    assert [letter.reason for letter in world.dead_letters()] == ["rejected"] * 3
    stand_in.behave(lambda _: awin.OK)
    member.run_for(0.3)
    assert sum(receipt.ending == "delivered" for receipt in world.receipts().values()) == 5
    world.order("1001", "running")
    member.run_until(lambda: sum(receipt.ending == "delivered" for receipt in world.receipts().values()) == 22)
    assert len(world.dead_letters()) == 3


def test_single_rejections_among_deliveries_halt_nothing(world: World, stand_in: StandInAwin) -> None:
    """An order that Awin does not want ends as a dead letter while the others flow."""
    stand_in.behave(lambda request: awin.Answer(400) if int(request.ref[2:]) % 2 else awin.OK)
    world.produce(*(sale(ref) for ref in refs(20)))
    member = world.member(halt_after=3, max_outstanding=2)
    member.run_until(world.has_receipts(*refs(20)))
    assert len(world.dead_letters()) == 10
    assert world.orders() == []


def test_a_paused_programme_is_not_sent_even_by_one_that_starts(world: World, stand_in: StandInAwin) -> None:
    """Orders given before are known before the first attempt; after resuming everything is sent once."""
    world.order("1001", "paused")
    world.produce(*(sale(ref) for ref in refs(5)), other(sale("B-1")))
    member = world.member(deferred_delay_ms=0)
    member.run_until(delivered(world, "B-1"))
    member.run_for(0.1)
    member.stage.close()
    member = world.member("b", deferred_delay_ms=0)
    member.run_for(0.2)
    assert stand_in.counts_by_ref() == {"B-1": 1}
    world.order("1001", "running")
    member.run_until(delivered(world, *refs(5)))
    assert stand_in.sent_twice() == []
    assert not any(receipt.possible_repeat for receipt in world.receipts().values())


def test_resuming_probes_first(world: World, stand_in: StandInAwin) -> None:
    """A single request finds out whether it works before the others follow."""
    world.order("1001", "halted")
    world.produce(*(sale(ref) for ref in refs(8)))
    member = world.member(deferred_delay_ms=0)
    member.run_until(lambda: deferred(world) >= 8)
    stand_in.behave(lambda _: awin.Answer(200, delay_s=0.3))
    world.order("1001", "running")
    member.run_until(lambda: len(stand_in.requests) == 1)
    member.run_for(0.15)
    assert len(stand_in.requests) == 1
    member.run_until(delivered(world, *refs(8)))


def test_a_deferred_order_rests(world: World) -> None:
    """It is not tried again before the delay is over, by the wall clock."""
    world.order("1001", "paused")
    world.produce(sale("A-1"))
    member = world.member()
    member.run_until(world.has_receipts("A-1"))
    world.order("1001", "running")
    member.run_for(0.2)
    assert world.receipts()["A-1"].ending == "deferred"
    world.now_ms += MINUTE_MS
    member.run_until(delivered(world, "A-1"))
    assert (world.receipts()["A-1"].deferrals, world.receipts()["A-1"].attempts) == (1, 1)


def test_a_sale_that_grows_too_old_while_it_is_put_off_is_a_dead_letter(world: World, stand_in: StandInAwin) -> None:
    """It is not sent, and the letter is about the conversion where it stands in the outbox."""
    world.order("1001", "paused")
    world.produce(sale("A-1"))
    member = world.member(deferred_delay_ms=0)
    member.run_until(world.has_receipts("A-1"))
    world.now_ms = T0_MS + DAY_MS + 1
    world.order("1001", "running")
    member.run_until(lambda: len(world.dead_letters()) == 1)
    (letter,) = world.dead_letters()
    assert (letter.reason, letter.source.topic, letter.source.offset) == ("too_old", "awin.conversion", 0)
    assert stand_in.requests == []


def test_a_repeat_of_a_deferred_order_is_counted_and_a_conflict_told(world: World, stand_in: StandInAwin) -> None:
    """The first one holds the reference while it waits, and its receipt keeps the count to the end."""
    world.order("1001", "paused")
    world.produce(sale("A-1"), sale("A-1"), sale("A-1", fingerprint=b"other"))
    member = world.member(deferred_delay_ms=0)
    member.run_until(lambda: len(world.dead_letters()) == 1)
    world.order("1001", "running")
    member.run_until(delivered(world, "A-1"))
    receipt = world.receipts()["A-1"]
    assert (receipt.repeats, receipt.source.offset) == (1, 0)
    assert world.dead_letters()[0].reason == "conflict"
    assert stand_in.counts_by_ref() == {"A-1": 1}


def test_what_was_tried_before_is_remembered(world: World, stand_in: StandInAwin) -> None:
    """Attempts, unknown ones and the first one's time go with a conversion that is put off."""
    stand_in.behave(lambda _: awin.Answer(500))
    world.produce(sale("A-1"))
    member = broken(world, breaker_cooldown_ms=50)
    member.run_until(lambda: len(stand_in.requests) >= 4)
    stand_in.behave(lambda _: awin.OK)
    member.run_until(delivered(world, "A-1"))
    receipt = world.receipts()["A-1"]
    assert receipt.attempts == len(stand_in.requests)
    assert receipt.unknown_attempts == receipt.attempts - 1
    assert receipt.first_attempt_at_ms == world.now_ms
    assert not receipt.possible_repeat


@pytest.mark.parametrize("graceful", [True, False])
def test_the_lane_goes_on_after_a_restart(world: World, stand_in: StandInAwin, *, graceful: bool) -> None:
    """Nothing is lost or sent twice, whether the last owner said goodbye or not."""
    world.order("1001", "paused")
    world.produce(*(sale(ref) for ref in refs(6)))
    member = world.member(deferred_delay_ms=0)
    member.run_until(lambda: deferred(world) >= 12)
    if graceful:
        member.stage.close()
    else:
        member.crash()
    world.order("1001", "running")
    world.member("b", deferred_delay_ms=0).run_until(delivered(world, *refs(6)))
    assert stand_in.sent_twice() == []
    assert graceful == (not any(receipt.possible_repeat for receipt in world.receipts().values()))


def test_a_rate_limited_programme_leaves_room_for_others(world: World, stand_in: StandInAwin) -> None:
    """It holds no more than its part of the slots, and keeps its rate."""
    world.produce(*(sale(ref) for ref in refs(30)), *(other(sale(f"B-{number}")) for number in range(30)))
    member = world.member(max_outstanding=6, deferred_delay_ms=0, limits={"1001": Limits(requests_per_s=5)})
    member.run_until(delivered(world, *(f"B-{number}" for number in range(30))))
    limited = [each for each in stand_in.requests if each.parameters["merchant"] == "1001"]
    assert len(limited) < 20
    member.run_until(delivered(world, *refs(30)))
    limited = [each for each in stand_in.requests if each.parameters["merchant"] == "1001"]
    assert limited[-1].received_at_s - limited[0].received_at_s >= 24 / 5
    assert stand_in.sent_twice() == []


def test_no_more_than_the_cap_are_in_flight(world: World, stand_in: StandInAwin) -> None:
    """A programme's concurrency has a limit of its own."""
    stand_in.behave(lambda _: awin.Answer(200, delay_s=0.2))
    world.produce(*(sale(ref) for ref in refs(4)))
    member = world.member(limits={"1001": Limits(concurrency=2)})
    member.run_until(lambda: len(stand_in.requests) == 2)
    member.run_for(0.1)
    assert len(stand_in.requests) == 2
    member.run_until(delivered(world, *refs(4)))


def test_no_attempt_is_made_that_a_successor_would_not_suspect(world: World, stand_in: StandInAwin) -> None:
    """Behind many that are put off and not committed, a fresh order waits: else a crash would hide its repeat."""
    member = world.member(max_outstanding=4)
    member.run_until(lambda: world.committed() is not None)
    world.produce(*(sale(ref, at_ms=world.now_ms - 10 * MINUTE_MS) for ref in refs(10)), sale("fresh"))
    for _ in range(30):
        member.transaction.fail_next_commit(Unavailable("no answer"))
        member.stage.step(0.01)
    assert (stand_in.requests, deferred(world)) == ([], 0)
    member.run_until(delivered(world, *refs(10), "fresh"))
    assert stand_in.sent_twice() == []


def test_the_delay_is_short_again_when_requests_get_through(world: World, stand_in: StandInAwin) -> None:
    """However long it has grown in an outage, what was put off is tried soon after it."""
    stand_in.behave(lambda _: awin.Answer(503))
    world.produce(*(sale(ref) for ref in refs(6)))
    member = world.member(
        deferred_delay_ms=1_000,
        deferred_delay_cap_ms=1_000_000,
        breaker_failures=2,
        breaker_after_ms=0,
        breaker_cooldown_ms=10,
        breaker_cooldown_cap_ms=10,
    )
    member.run_until(lambda: deferred(world) >= 6)
    for _ in range(6):
        before = deferred(world)
        world.now_ms += 100_000
        member.run_until(lambda before=before: deferred(world) > before)  # type: ignore[misc]
    stand_in.behave(lambda _: awin.OK)
    member.run_for(0.1)
    world.now_ms += 1_000_000
    member.run_until(lambda: any(receipt.ending == "delivered" for receipt in world.receipts().values()))
    world.now_ms += 1_000
    member.run_until(delivered(world, *refs(6)))
