"""Whatever becomes of a call, its limits are given back, its probe ends, and nobody waits for ever for another."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest
from msgspec.structs import replace

from consumer.delivery.pacing.gate import Limits
from consumer.delivery.pacing.limiter import RateLimiter
from consumer.events import Conversion
from tests.delivery.conversions import sale
from tests.delivery.desks import Calls, Desk, answer, decided

OPENS_AT_ONCE = {"breaker_failures": 1, "breaker_after_ms": 0, "breaker_cooldown_ms": 5_000}
DELIVERED = answer("delivered", 200)
UNKNOWN = answer("unknown")

MakeDesk = Callable[..., Desk]


@pytest.fixture
def desk() -> Iterator[MakeDesk]:
    """Maker of dispatches, whose threads end with the test."""
    made: list[Desk] = []

    def make(calls: Calls, **settings: Any) -> Desk:
        made.append(Desk(calls, **settings))
        return made[-1]

    yield make
    for each in made:
        each.worker.close()


def of(programme: str, order_ref: str) -> Conversion:
    """Return the sale of a programme."""
    return replace(sale(order_ref), programme=programme)


def opened(desk: Desk, *order_refs: str) -> Desk:
    """Let a call with these orders fail, which opens the breaker, and wait until they may be probed."""
    desk.take(sale("first"))
    desk.start()
    desk.end(["first"], UNKNOWN)
    assert desk.start() == {"first": "breaker"}
    desk.now_s += 5
    for number, order_ref in enumerate(order_refs):
        assert desk.take(sale(order_ref), number) is None
    desk.start()
    assert desk.calls.made[-1] == order_refs
    return desk


def test_a_probe_ends_even_if_the_orders_that_got_through_are_not_ours_any_more(desk: MakeDesk) -> None:
    """A call may hold orders of a partition that went meanwhile: its answer still tells that requests get through."""
    calls = Calls(most=2)
    calls.means = {"kept": "unknown"}
    probed = opened(desk(calls, **OPENS_AT_ONCE), "gone", "kept")
    probed.dispatch.forget(0)
    assert probed.end(["gone", "kept"], DELIVERED) == []
    assert probed.start() == {}
    assert calls.made[-1] == ("kept",)


def test_a_refused_key_ends_the_probe_and_puts_off_what_comes(desk: MakeDesk) -> None:
    """A halted programme keeps no conversion in hand, whatever the call that halted it was."""
    calls = Calls()
    probed = opened(desk(calls, **OPENS_AT_ONCE), "probe")
    probed.take(sale("waits"))
    calls.kind = "key_refused"
    assert decided(probed.end(["probe"], answer("not_sent", 401))) == {"probe": "key_refused"}
    assert probed.halted == ["1001"]
    assert probed.start() == {"waits": "halted"}
    later = probed.take(sale("later"))
    assert later is not None
    assert later.put_off == "halted"


@pytest.mark.parametrize("state", ["paused", "halted"])
def test_a_stop_by_order_does_not_wait_for_a_probe(desk: MakeDesk, state: str) -> None:
    """What waits is put off at once; the probe is too if it is rejected, since the stop may be about just that."""
    probed = opened(desk(Calls(), **OPENS_AT_ONCE), "probe")
    probed.take(sale("waits"))
    probed.gates.order({"1001": "paused" if state == "paused" else "halted"})
    assert probed.start() == {"waits": state}
    assert decided(probed.end(["probe"], answer("rejected", 404))) == {"probe": state}
    probed.gates.order({"1001": "running"})
    probed.take(sale("next"))
    probed.take(sale("after"))
    assert probed.start() == {}
    assert probed.calls.made[-1] == ("next",)


def test_a_probe_that_is_broken_off_is_followed_by_another(desk: MakeDesk) -> None:
    """When its partition goes nothing is known of it."""
    probed = opened(desk(Calls(), **OPENS_AT_ONCE), "probe")
    probed.take(sale("next"), 1)
    probed.take(sale("after"), 1)
    probed.dispatch.forget(0)
    assert probed.start() == {}
    assert probed.calls.made[-1] == ("next",)


def test_a_probe_that_may_not_start_is_made_again(desk: MakeDesk) -> None:
    """The group may take us for dead just then; it was not made, so nothing is known."""
    made = desk(Calls(), **OPENS_AT_ONCE)
    made.gates.order({"1001": "halted"})
    made.gates.order({"1001": "running"})
    made.take(sale("probe"))
    made.may_start = False
    made.start()
    assert made.dispatch.collect(5.0) == []
    made.may_start = True
    made.start()
    assert made.calls.made == [("probe",), ("probe",)]
    assert decided(made.end(["probe"], DELIVERED)) == {"probe": None}


def test_programmes_that_share_a_key_take_turns(desk: MakeDesk) -> None:
    """One that always has something to send leaves every second call to the other."""
    calls = Calls(most=1)
    now = [0.0]
    pace = RateLimiter(1.0, lambda: now[0])
    made = desk(calls, pace=pace)
    for number in range(6):
        made.take(replace(of("1001", f"A-{number}"), method="conversion_api"))
    for number in range(2):
        made.take(replace(of("2002", f"B-{number}"), method="conversion_api"))
    for _ in range(4):
        now[0] += 1
        made.start()
        made.end(calls.made[-1], DELIVERED)
    assert [call[0] for call in calls.made] == ["A-0", "B-0", "A-1", "B-1"]


def test_an_answer_decides_of_what_is_still_ours_alone(desk: MakeDesk) -> None:
    """An order whose partition went while its call was under way is the next owner's; its neighbours are ours."""
    calls = Calls(most=3)
    made = desk(calls)
    for number, order_ref in enumerate(["gone", "kept", "tried"]):
        made.take(sale(order_ref), number)
    calls.means = {"tried": "unknown"}
    made.start()
    made.dispatch.forget(0)
    assert (made.dispatch.in_flight(), made.dispatch.in_flight(0)) == (2, 0)
    assert decided(made.end(["gone", "kept", "tried"], DELIVERED)) == {"kept": None}
    made.start()
    assert calls.made[-1] == ("tried",)


@pytest.mark.parametrize("kind", ["told", "split", "key_refused"])
def test_a_call_that_is_sent_again_leaves_out_what_went(
    desk: MakeDesk, kind: Literal["told", "split", "key_refused"]
) -> None:
    """Orders of a partition that went are in none of its repetitions, whether it went before or after the answer."""
    calls = Calls(most=4)
    calls.has_new_key = True
    made = desk(calls)
    for number in range(4):
        made.take(sale(f"A-{number}"), number)
    made.start()
    made.dispatch.forget(0)
    calls.kind = kind
    made.end([f"A-{number}" for number in range(4)], UNKNOWN)
    made.dispatch.forget(2)
    made.start()
    assert sorted(ref for call in calls.made[1:] for ref in call) == ["A-1", "A-3"]


def test_nothing_is_due_of_a_call_of_which_nothing_is_left(desk: MakeDesk) -> None:
    """The stage would ask for it again and again."""
    calls = Calls(most=2)
    made = desk(calls)
    made.take(sale("kept"), 1)
    made.take(sale("gone"), 0)
    made.start()
    made.dispatch.forget(0)
    calls.kind = "split"
    made.end(["kept", "gone"], answer("rejected", 400))
    calls.kind = "told"
    made.start()
    made.end(["kept"], DELIVERED)
    assert made.dispatch.due_in_s() is None


def test_what_is_due_waits_for_its_limits(desk: MakeDesk) -> None:
    """Nobody needs to look before there is a token."""
    made = desk(Calls(), limits={"1001": Limits(requests_per_s=0.5)})
    made.take(sale("A-1"))
    assert made.dispatch.due_in_s() == 2
    made.now_s += 2
    assert made.dispatch.due_in_s() == 0
    made.gates.share(0.0)
    made.take(sale("A-2"))
    made.start()
    assert made.dispatch.due_in_s() == float("inf")


def test_calls_that_are_broken_off_give_back_their_places(desk: MakeDesk) -> None:
    """However often partitions go while calls are under way, as many as ever may be made, and no more."""
    calls = Calls()
    made = desk(calls, limits={"1001": Limits(concurrency=2)})
    for turn in range(3):
        for number in range(4):
            made.take(sale(f"{turn}-{number}"), number % 2)
        made.start()
        assert calls.made[-2:] == [(f"{turn}-0",), (f"{turn}-1",)]
        made.dispatch.forget(0)
        made.start()
        assert calls.made[-1] == (f"{turn}-3",)
        made.dispatch.forget(1)
        assert made.dispatch.in_flight() == 0
    assert len(calls.made) == 9


def test_an_answer_to_a_call_that_was_broken_off_is_nobodys(desk: MakeDesk) -> None:
    """It may come all the same, and must not be taken for that of the order's next call."""
    made = desk(Calls(), limits={"1001": Limits(concurrency=1)})
    made.take(sale("A-1"))
    made.start()
    made.server.answers["A-1"] = DELIVERED
    while made.server.answers:
        time.sleep(0.001)
    made.dispatch.forget(0)
    made.take(sale("A-1"), 1)
    made.start()
    assert made.dispatch.collect(0.05) == []
    assert decided(made.end(["A-1"], DELIVERED)) == {"A-1": None}
    assert made.gates.of("1001").cap.free
