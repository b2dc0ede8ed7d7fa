"""What a fault of a chaos run is said to have cost."""

from __future__ import annotations

from collections.abc import Iterable

from tests.chaos.recovery import LEAST, NORMAL_MS, Arrival, Cost, Span, costs, recovery_s

KILLED = Span("killed", 10_000, 12_000)
DOWN = Span("down", 30_000, 40_000)


def arrivals(late: Iterable[int] = (), until_ms: int = 60_000) -> list[Arrival]:
    """Return five orders a second, in normal time but for those of the ``late`` seconds."""
    slow = set(late)
    return [
        Arrival(at_ms, at_ms + (NORMAL_MS + 1 if at_ms // 1000 in slow else 100)) for at_ms in range(0, until_ms, 200)
    ]


def test_recovery_is_the_time_until_orders_are_fresh_again() -> None:
    """Counted from the end of the fault, to a quarter of a second; one late order in ten is none of its business."""
    assert recovery_s(KILLED, [KILLED], arrivals()) == 0.0
    assert recovery_s(KILLED, [KILLED], arrivals(late=[10, 11, 12, 13])) == 1.5
    some = [Arrival(each.since_ms, None) if not index % 10 else each for index, each in enumerate(arrivals())]
    assert recovery_s(KILLED, [KILLED], some) == 0.0


def test_recovery_that_cannot_be_told_is_not() -> None:
    """Another fault is there, strikes before it is over, or nothing more comes."""
    late = arrivals(late=range(10, 29))
    assert recovery_s(KILLED, [KILLED, DOWN], late) is None
    assert recovery_s(KILLED, [KILLED], late) == 16.5
    assert recovery_s(KILLED, [KILLED, Span("other", 11_000, 13_000)], arrivals()) is None
    assert recovery_s(KILLED, [KILLED], arrivals(until_ms=14_000)) is None
    assert recovery_s(KILLED, [KILLED], []) is None
    few = [Arrival(at_ms, at_ms) for at_ms in range(0, 60_000, 3_000 // (LEAST - 1) + 1)]
    assert recovery_s(KILLED, [KILLED], few) is None


def test_each_fault_has_its_costs() -> None:
    """Kinds in the order of their first strike; what happens is the doing of whatever struck last."""
    again = Span("killed", 50_000, 51_000)
    found = costs([KILLED, DOWN, again], arrivals(), lost=[9_000, 10_000, 29_999], repeated=[30_000, 50_001])
    assert found == [
        Cost(fault="killed", times=2, lost=3, repeated=1, recovery_s=(0.0, 0.0)),
        Cost(fault="down", times=1, lost=0, repeated=1, recovery_s=(0.0,)),
    ]
    assert costs([], arrivals(), lost=[1], repeated=[]) == []
