"""No programme waits for another one's limits, however much of that one stands before it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from consumer.delivery.pacing.gate import Limits
from consumer.delivery.pacing.limiter import RateLimiter
from consumer.demo import awin
from consumer.demo.awin import StandInAwin
from consumer.events import Conversion
from tests.delivery.conversions import T0_MS, sale
from tests.delivery.stages import World, refs

MINUTE_MS = 60_000
SLOW = {"1001": Limits(requests_per_s=1), "2002": Limits()}


def other(order_ref: str, *, at_ms: int = T0_MS) -> Conversion:
    """Return a sale of another programme."""
    return replace(sale(order_ref, at_ms=at_ms), programme="2002", click_checksums=())


def test_one_that_is_not_even_polled_yet_is_found(world: World, stand_in: StandInAwin) -> None:
    """Fresh orders of a limited programme are put off until another one's are reached."""
    world.produce(*(sale(ref) for ref in refs(60)), other("B-1"), other("B-2"))
    member = world.member(max_outstanding=6, max_poll_records=10, limits=SLOW)
    member.run_until(world.has_receipts("B-1"), timeout_s=5)
    assert world.receipts()["B-1"].ending == "delivered"
    assert member.metrics.put_off["limit"] > 40


def test_one_that_was_put_off_is_found(world: World, stand_in: StandInAwin) -> None:
    """Among the deferred ones it is the same: they have no more than half of the room, and that may be full."""
    old_ms = world.now_ms - 10 * MINUTE_MS
    world.produce(*(sale(ref, at_ms=old_ms) for ref in refs(20)), other("B-1", at_ms=old_ms))
    member = world.member(max_outstanding=6, deferred_delay_ms=0, limits=SLOW)
    member.run_until(lambda: "B-1" in stand_in.counts_by_ref(), timeout_s=5)


def test_a_programme_alone_is_not_put_off_for_its_limits(world: World, stand_in: StandInAwin) -> None:
    """There is nobody for whom room would have to be made."""
    world.produce(*(sale(ref) for ref in refs(60)))
    member = world.member(max_outstanding=6, max_poll_records=10, limits={"1001": Limits(requests_per_s=20)})
    member.run_until(world.has_receipts(*refs(30)))
    assert member.metrics.put_off["limit"] == 0


def test_what_the_next_call_takes_is_not_put_off(world: World, stand_in: StandInAwin, tmp_path: Path) -> None:
    """A programme whose key allows few calls sends many orders by each: those of another one are not long in coming."""
    world.keys["1001"] = tmp_path / "1001"
    world.keys["1001"].write_text("k" * 32, "utf-8")
    world.paces["1001"] = RateLimiter(5.0, time.monotonic)
    old = [sale(ref, at_ms=world.now_ms - 10 * MINUTE_MS) for ref in refs(30)]
    fresh = [sale(f"F-{number}") for number in range(30)]
    world.produce(*(replace(each, method="conversion_api") for each in [*old, *fresh]), other("B-1"))
    member = world.member(max_outstanding=8, limits={"1001": Limits(), "2002": Limits()})
    member.run_until(lambda: len(stand_in.counts_by_ref()) == 61)
    assert "B-1" in stand_in.counts_by_ref()
    assert member.metrics.put_off["limit"] == 0


@pytest.mark.parametrize("key", [b"\xff\xfe", b"", None])
def test_a_record_with_a_strange_key_stops_nothing(world: World, stand_in: StandInAwin, key: bytes | None) -> None:
    """It may wait for room like any other, and is a dead letter in its turn."""
    stand_in.behave(lambda _: awin.Answer(200, delay_s=0.1))
    world.produce(*(sale(ref) for ref in refs(6)))
    world.log.produce("awin.conversion", key, b"junk", partition=0)
    member = world.member(max_outstanding=4, limits={"1001": Limits(concurrency=1)})
    member.run_until(lambda: len(world.dead_letters()) == 1)
    assert world.dead_letters()[0].reason == "undecodable"
