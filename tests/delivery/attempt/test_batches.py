"""Delivery by the Conversion API: many orders by one call, and each order its own ending."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace

from consumer.delivery.pacing.limiter import RateLimiter
from consumer.demo import awin
from consumer.demo.awin import AwinRequest, StandInAwin
from consumer.events import Conversion
from tests.delivery.conversions import sale
from tests.delivery.stages import World, refs

KEY = "k" * 32


@pytest.fixture
def stand_in() -> Iterator[StandInAwin]:
    """A strict Awin on this machine that demands a key."""
    with StandInAwin(strict=True) as running:
        running.require_keys([KEY])
        yield running


@pytest.fixture
def world(stand_in: StandInAwin, tmp_path: Path) -> Iterator[World]:
    """An outbox of one partition, and a programme with a key."""
    made = World(stand_in)
    made.keys["1001"] = tmp_path / "1001"
    made.keys["1001"].write_text(f"{KEY}\n", "utf-8")
    yield made
    made.close()


def by_api(*conversions: Conversion) -> list[Conversion]:
    """Return conversions of the method ``conversion_api``."""
    return [replace(conversion, method="conversion_api") for conversion in conversions]


def sales(count: int) -> list[Conversion]:
    """Return so many of them."""
    return by_api(*(sale(ref) for ref in refs(count)))


def endings(world: World) -> dict[str, str]:
    """Return each order's ending."""
    return {ref: receipt.ending for ref, receipt in world.receipts().items()}


def test_orders_share_calls(world: World, stand_in: StandInAwin) -> None:
    """They are gathered up to the size of a call, and each gets its receipt."""
    world.produce(*sales(20))
    member = world.member(max_outstanding=8)
    member.run_until(world.has_receipts(*refs(20)))
    assert set(endings(world).values()) == {"delivered"}
    assert stand_in.sent_twice() == []
    assert stand_in.violations == []
    assert max(call.orders for call in stand_in.calls) == 8
    assert len(stand_in.calls) <= 6
    assert member.metrics.attempts == ["delivered"] * len(stand_in.calls)


def test_one_order_waits_no_longer_than_it_must(world: World, stand_in: StandInAwin) -> None:
    """A call that does not fill up is made when its oldest order has waited enough."""
    world.gather_s = 0.3
    world.produce(*sales(2))
    world.member().run_until(world.has_receipts(*refs(2)))
    assert [call.orders for call in stand_in.calls] == [2]


def test_each_order_has_its_own_answer(world: World, stand_in: StandInAwin) -> None:
    """What Awin refuses of a call is a dead letter with its reason; the others are delivered by the same call."""
    stand_in.reject(lambda request: "amount too high" if request.ref in {"A-3", "A-5"} else None)
    world.produce(*sales(8))
    world.member(max_outstanding=8).run_until(world.has_receipts(*refs(8)))
    assert {ref for ref, ending in endings(world).items() if ending == "dead_letter"} == {"A-3", "A-5"}
    assert stand_in.sent_twice() == []
    assert all("amount too high" in letter.message for letter in world.dead_letters())
    assert {(receipt.outcome, receipt.http_status) for receipt in world.receipts().values()} == {
        ("delivered", 206),
        ("rejected", 206),
    }


def test_a_call_that_is_refused_whole_is_halved(world: World, stand_in: StandInAwin) -> None:
    """One bad order spoils a call; it is found without spoiling the others, and none of those is booked twice."""
    stand_in.reject(lambda request: "nonsense" if request.ref == "A-5" else None, spoils_call=True)
    world.produce(*sales(8))
    world.member(max_outstanding=8).run_until(world.has_receipts(*refs(8)))
    assert {ref for ref, ending in endings(world).items() if ending == "dead_letter"} == {"A-5"}
    assert stand_in.sent_twice(accepted_only=True) == []
    assert [call.orders for call in stand_in.calls if call.orders == 1]


def test_an_unknown_call_is_sent_again_with_the_same_orders(world: World, stand_in: StandInAwin) -> None:
    """Whatever has come meanwhile goes by another call, so Awin sees the same call twice, not two that overlap."""
    stand_in.plan(awin.CloseAfterReading())
    world.produce(*sales(4))
    member = world.member(max_outstanding=8, retry_base_ms=400, retry_cap_ms=400)
    member.run_until(lambda: len(stand_in.calls) == 1)
    world.produce(*by_api(sale("late")))
    member.run_until(world.has_receipts(*refs(4), "late"))
    arrived = iter(stand_in.requests)
    calls = [sorted(request.ref for request in islice(arrived, call.orders)) for call in stand_in.calls]
    assert sorted(calls) == [list(refs(4)), list(refs(4)), ["late"]]
    assert {receipt.unknown_attempts for ref, receipt in world.receipts().items() if ref != "late"} == {1}


def test_a_revoked_key_halts_the_programme(world: World, stand_in: StandInAwin) -> None:
    """Nobody looked at the orders, so none is a dead letter; with a new key it goes on when somebody says so."""
    stand_in.require_keys(["n" * 32])
    world.produce(*sales(5), sale("other"))
    member = world.member(deferred_delay_ms=0)
    member.run_until(lambda: world.orders() == [("1001", "halted")])
    member.run_until(lambda: set(endings(world).values()) <= {"deferred", "delivered"} and len(endings(world)) == 6)
    assert world.dead_letters() == []
    world.keys["1001"].write_text("n" * 32, "utf-8")
    world.order("1001", "running")
    member.run_until(lambda: set(endings(world).values()) == {"delivered"})
    assert stand_in.sent_twice(accepted_only=True) == []


def test_a_key_that_changes_is_read_again(world: World, stand_in: StandInAwin) -> None:
    """A rotated secret is used by the next call, and costs at most the call that showed it."""
    world.produce(*by_api(sale("before")))
    member = world.member()
    member.run_until(world.has_receipts("before"))
    stand_in.require_keys(["n" * 32])
    world.keys["1001"].write_text("n" * 32, "utf-8")
    world.produce(*by_api(sale("after")))
    member.run_until(world.has_receipts("after"))
    assert world.orders() == []
    assert stand_in.counts_by_ref(accepted_only=True) == {"before": 1, "after": 1}


def test_calls_keep_their_pace(world: World, stand_in: StandInAwin) -> None:
    """One call at a time, and no more of them than the key allows."""
    world.paces["1001"] = RateLimiter(4.0, time.monotonic)
    world.produce(*sales(30))
    world.member(max_outstanding=8).run_until(world.has_receipts(*refs(30)))
    times = [call.received_at_s for call in stand_in.calls]
    assert all(later - earlier >= 0.2 for earlier, later in pairwise(times))
    assert len(times) <= 6


def test_a_throttled_call_is_tried_again(world: World, stand_in: StandInAwin) -> None:
    """The pause that Awin asks for holds for all of its orders."""
    stand_in.plan(awin.Answer(429, {"Retry-After": "1"}))
    world.produce(*sales(3))
    world.member(retry_cap_ms=2_000).run_until(world.has_receipts(*refs(3)))
    first, second = stand_in.calls
    assert second.received_at_s - first.received_at_s >= 1
    assert {receipt.attempts for receipt in world.receipts().values()} == {2}


def test_a_failing_api_puts_its_orders_off(world: World, stand_in: StandInAwin) -> None:
    """The breaker opens for the programme whatever its method, and everything arrives in the end."""

    def choose(request: AwinRequest) -> awin.Behaviour:
        return awin.Answer(500) if "tt" not in request.parameters else awin.OK

    stand_in.behave(choose)
    world.produce(*sales(6), replace(sale("B-1"), programme="2002", click_checksums=()))
    member = world.member(deferred_delay_ms=0, breaker_failures=2, breaker_after_ms=0, breaker_cooldown_ms=100)
    member.run_until(lambda: endings(world).get("B-1") == "delivered")
    member.run_until(lambda: "deferred" in endings(world).values())
    stand_in.behave(lambda _: awin.OK)
    member.run_until(lambda: set(endings(world).values()) == {"delivered"})
    assert world.dead_letters() == []


def test_without_a_key_an_order_is_told(world: World) -> None:
    """It cannot be sent; the dead letter says what is missing."""
    world.produce(*(replace(each, programme="2002") for each in by_api(sale("B-1"))))
    world.member().run_until(world.has_receipts("B-1"))
    (letter,) = world.dead_letters()
    assert (letter.reason, "api_key_file" in letter.message) == ("no_api_key", True)


@pytest.mark.parametrize("graceful", [True, False])
def test_a_death_in_the_middle_of_a_call_flags_its_orders(
    world: World, stand_in: StandInAwin, *, graceful: bool
) -> None:
    """Members of a call count singly: what may have arrived is flagged, and nothing is lost."""
    stand_in.plan(awin.Hang())
    world.produce(*sales(6))
    member = world.member(max_outstanding=8, read_timeout_ms=60_000, drain_budget_ms=100)
    member.run_until(lambda: len(stand_in.calls) == 1)
    if graceful:
        member.stage.close()
    else:
        member.crash()
    world.member("b", max_outstanding=8).run_until(world.has_receipts(*refs(6)))
    assert {receipt.possible_repeat for receipt in world.receipts().values()} == {True}
    assert set(endings(world).values()) == {"delivered"}
