"""What the stage tells its metrics."""

from __future__ import annotations

import time

import pytest
from msgspec.structs import replace

from consumer.delivery.pacing.gate import Limits
from consumer.demo import awin
from consumer.demo.awin import StandInAwin
from tests.delivery.conversions import T0_MS, sale
from tests.delivery.stages import INPUTS, World, refs

OK = awin.Answer(200)


def test_a_request_is_told_with_its_end(world: World, stand_in: StandInAwin) -> None:
    """How it failed, how long it took, and whether its conversion had been sent before."""
    stand_in.plan(awin.Answer(503), awin.CloseAfterReading(), OK)
    world.produce(sale("A-1"))
    member = world.member()
    member.run_until(world.has_receipts("A-1"))
    told = [(each.outcome, each.failure, each.again) for each in member.metrics.requests]
    assert [(outcome, again) for outcome, _, again in told] == [
        ("throttled", False),
        ("unknown", True),
        ("delivered", True),
    ]
    assert told[0][1] == "http_503"
    assert told[1][1].isidentifier()
    assert told[2][1] == ""
    assert {(each.programme, each.method) for each in member.metrics.requests} == {("1001", "sread")}


def test_a_delivered_sale_is_told_once_with_its_value(world: World, stand_in: StandInAwin) -> None:
    """However many requests it took, and with the time since its order entered Kafka."""
    stand_in.plan(awin.Answer(503))
    world.produce(sale("A-1"))
    member = world.member()
    member.run_until(world.has_receipts("A-1"))
    (told,) = member.metrics.sales
    conversion = sale("A-1")
    assert (told.programme, told.channel, told.currency) == ("1001", conversion.channel, conversion.currency)
    assert told.amount == conversion.amount
    assert told.since_entry_s == (world.now_ms - conversion.entered_at_ms) / 1000


def test_the_time_since_the_conversion_outlasts_being_put_off(world: World, stand_in: StandInAwin) -> None:
    """It counts from when attribute wrote it, not from the copy among the deferred ones."""
    world.produce(sale("A-1"))
    written_ms = world.log.records("awin.conversion", 0)[0].timestamp_ms
    member = world.member(backlog_after_ms=1_000)
    member.run_until(world.has_receipts("A-1"))
    member.run_until(lambda: bool(member.metrics.sales))
    assert member.metrics.put_off == {"backlog": 1}
    assert member.metrics.sales[0].since_conversion_s == (world.now_ms - written_ms) / 1000


def test_dead_letters_are_told_by_reason(world: World, stand_in: StandInAwin) -> None:
    """As an ending, and by why; nothing that was put off is an ending."""
    stand_in.plan(awin.Answer(400))
    world.produce(sale("A-1"))
    member = world.member()
    member.run_until(world.has_receipts("A-1"))
    assert member.metrics.endings == {"dead_letter": 1}
    assert member.metrics.reasons == {"rejected": 1}
    assert member.metrics.sales == []


def test_every_ending_is_told_with_its_programme(world: World, stand_in: StandInAwin) -> None:
    """Also that of an order whose second conversion differs from its first."""
    world.produce(sale("A-1"))
    member = world.member()
    member.run_until(world.has_receipts("A-1"))
    first = sale("A-1")
    world.produce(replace(first, amount=first.amount + 1))
    member.run_until(lambda: member.metrics.endings.total() == 2)
    assert member.metrics.programmes_of_endings == {"1001"}
    assert len(stand_in.requests) == 1


def test_possible_repeats_are_told(world: World, stand_in: StandInAwin) -> None:
    """What a dead owner may have sent counts when it is finished, and nothing else does."""
    stand_in.behave(lambda _: awin.Hang())
    world.produce(sale("A-0"))
    first = world.member()
    first.run_until(lambda: len(stand_in.requests) == 1)
    first.crash()
    stand_in.behave(lambda _: OK)
    second = world.member("b")
    second.run_until(world.has_receipts("A-0"))
    world.produce(sale("A-1"))
    second.run_until(world.has_receipts("A-1"))
    assert second.metrics.possible_repeats == 1


def test_what_is_left_out_is_told_once(world: World, stand_in: StandInAwin) -> None:
    """Not again with every attempt, nor when it was put off in between."""
    stand_in.plan(awin.Answer(503), awin.Answer(503))
    long = replace(sale("A-1"), custom={str(number): "x" * 900 for number in range(1, 12)})
    world.produce(long)
    member = world.member(backlog_after_ms=1_000)
    member.run_until(lambda: bool(member.metrics.sales))
    assert len(member.metrics.requests) == 3
    assert member.metrics.cut.total() == 1


def test_programmes_are_there_before_anything_happens(world: World) -> None:
    """Those that are configured are told of, running and with nothing in hand."""
    member = world.member(limits={"1001": Limits(), "2002": Limits()})
    member.run_until(lambda: bool(member.metrics.standings))
    assert {programme: each.stop for programme, each in member.metrics.standings.items()} == {"1001": "", "2002": ""}


def test_a_limit_is_told_while_conversions_wait_for_it(world: World, stand_in: StandInAwin) -> None:
    """With how many wait and how many are under way."""
    stand_in.behave(lambda _: awin.Hang())
    world.produce(*(sale(ref) for ref in refs(3)))
    member = world.member(limits={"1001": Limits(concurrency=1)})
    member.run_until(lambda: "concurrency" in member.metrics.limits_met)
    standing = member.metrics.standings["1001"]
    assert (standing.waiting, standing.in_flight) == (2, 1)


def test_the_oldest_order_in_hand_is_told_until_it_is_finished(world: World, stand_in: StandInAwin) -> None:
    """By when it entered Kafka."""
    stand_in.behave(lambda _: awin.Hang())
    world.produce(sale("A-1"), replace(sale("A-2"), entered_at_ms=T0_MS - 7_000))
    member = world.member(read_timeout_ms=60_000)
    member.run_until(lambda: T0_MS - 7_000 in member.metrics.oldest_ms.values())
    stand_in.behave(lambda _: OK)
    member.stage.close()
    second = world.member("b")
    second.run_until(world.has_receipts("A-1", "A-2"))
    second.run_until(lambda: second.metrics.oldest_ms == {})


def test_orders_that_were_put_off_are_undelivered_still(world: World) -> None:
    """A paused programme's orders grow old though none is in hand."""
    world.order("1001", "paused")
    world.produce(sale("A-1"))
    member = world.member()
    member.run_until(lambda: member.metrics.put_off["paused"] >= 1)
    member.run_until(lambda: list(member.metrics.oldest_ms.values()) == [sale("A-1").entered_at_ms])
    assert member.metrics.standings["1001"].stop == "paused"


def test_lag_has_the_time_of_the_newest_record(world: World) -> None:
    """Of both lanes; one that never had a record has none."""
    world.produce(sale("A-1"))
    member = world.member()
    member.run_until(world.has_receipts("A-1"))
    member.run_until(lambda: any(each.position_ms for each in member.metrics.inputs.values()))
    positions = {at.topic: each.position_ms for at, each in member.metrics.inputs.items() if each.position_ms}
    assert positions == {"awin.conversion": world.log.records("awin.conversion", 0)[0].timestamp_ms}
    assert {at.topic for at in member.metrics.inputs} == set(INPUTS)


def test_partitions_that_are_given_up_are_told(world: World) -> None:
    """So that their figures vanish."""
    member = world.member()
    member.run_until(lambda: bool(member.metrics.inputs))
    member.stage.close()
    assert set(member.metrics.given_up) == {at.partition for at in member.metrics.inputs}
    assert member.metrics.rebalances == {"assigned": 1, "revoked": 1}


def test_the_time_of_the_loop_adds_up(world: World, stand_in: StandInAwin) -> None:
    """From the start of the stage to its end, whatever it was busy with."""
    world.produce(*(sale(ref) for ref in refs(3)))
    began_s = time.monotonic()
    member = world.member()
    member.run_until(world.has_receipts(*refs(3)))
    member.stage.close()
    passed_s = time.monotonic() - began_s
    assert member.metrics.loop_s.total() == pytest.approx(passed_s, abs=0.5)
    assert set(member.metrics.loop_s) <= {"assign", "poll", "read", "send", "wait", "commit", "other"}
