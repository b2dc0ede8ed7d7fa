"""Simulations of random histories, held against the stage itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from operator import attrgetter

from hypothesis import given
from hypothesis import strategies as st

from consumer.demo.reference import LoggedOrder
from consumer.simulation.decision import Decision, differences
from consumer.simulation.extent import Range
from tests.attribute.cluster import PARTITIONS, SESSIONS
from tests.attribute.endings import ledger_of
from tests.simulation.history import History, Pair, Place, changed, history
from tests.simulation.rulebooks import rulebooks
from tests.strategies.clock import ANCHORS_MS
from tests.strategies.worlds import VISITORS, readings, worlds

EDGES_MS = [anchor + nudge for anchor in ANCHORS_MS for nudge in (-1, 0, 1, 1_000)]
NEVER_MS = 10**12
EVENTS = ("",) * 8 + ("work",) * 6 + ("quiet", "quiet", "sweep", "sweep", "forget")


@st.composite
def ranges(draw: st.DrawFn) -> Range:
    """A range whose edges lie among the orders, or everything."""
    from_ms = draw(st.sampled_from((0, *EDGES_MS)))
    to_ms = draw(st.sampled_from((None, None, *EDGES_MS)))
    return Range(from_ms, to_ms)


def in_range(made: History, wanted: Range) -> list[Place]:
    """Return where the orders of a range stand, those aside that stood before the first that was ever read."""
    firsts = [ledger_of(made.cluster, partition).first_order_offset for partition in range(PARTITIONS)]
    return [
        (partition, offset)
        for (partition, offset), order in made.orders.items()
        if wanted.holds(order.event.completed_at_ms) and offset >= firsts[partition]
    ]


def from_the_future(made: History, places: Iterable[Place]) -> list[Place]:
    """Return which of these orders came long before they were completed: they are refused, and may not be looked at."""
    skew_ms = made.rulebook.shop.max_clock_skew_ms
    return [
        place
        for place in places
        if made.orders[place].event.completed_at_ms > made.orders[place].timestamp_ms + skew_ms
    ]


@given(st.data())
def test_present_rules_change_nothing(data: st.DataObject) -> None:
    """Whatever was refused, excluded, repeated, forced, erased or is pending, in any range; and all is counted once."""
    world, rulebook = data.draw(worlds()), data.draw(rulebooks())
    made = History(rulebook, world.cut_over_ms, forces=True)
    for record in data.draw(readings(world)):
        made.produce([record])
        event = data.draw(st.sampled_from(EVENTS))
        if event == "forget":
            visitor = data.draw(st.sampled_from(sorted(VISITORS)))
            made.forget(visitor, VISITORS[visitor])
        if event:
            made.work()
        if event == "quiet":
            made.quiet()
        elif event == "sweep":
            made.sweep()
    made.work()
    if data.draw(st.booleans()):
        made.end()
    wanted = data.draw(ranges())
    report = made.simulate(rulebook, wanted)
    assert report.changes == ()
    places = in_range(made, wanted)
    assert report.orders == report.compared + report.unreported + sum(report.not_compared.values())
    assert len(places) - len(from_the_future(made, places)) <= report.orders <= len(places)
    decided = set(made.decisions()).intersection(places)
    assert report.compared <= len(decided) <= report.compared + report.not_compared.get("erased", 0)
    assert set(report.not_compared) <= {"pending", "repeat", "before_cut_over", "erased"}


@given(st.data())
def test_other_rules_change_what_the_stage_decides_otherwise(data: st.DataObject) -> None:
    """The changes are the differences to a second history, in which those rules were in force."""
    world = data.draw(worlds(erasing=False))
    before, after = data.draw(rulebooks(settle_ms=NEVER_MS)), data.draw(rulebooks(settle_ms=NEVER_MS))
    records = data.draw(readings(world))
    one, other = history(before, records, world.cut_over_ms), history(after, records, world.cut_over_ms)
    wanted = data.draw(ranges())
    mixed = references_across(records, wanted)
    expected = {
        place: pair
        for place, pair in compared(one, other, wanted).items()
        if one.orders[place].event.order_ref not in mixed
    }
    report = one.simulate(after, wanted)
    found = {place: pair for place, pair in changed(report).items() if one.orders[place].event.order_ref not in mixed}
    assert found == expected


def references_across(records: Sequence[object], wanted: Range) -> set[str]:
    """Return the references with orders in the range and outside: those outside are left as they were decided."""
    sides = {
        (record.event.order_ref, wanted.holds(record.event.completed_at_ms))
        for record in records
        if isinstance(record, LoggedOrder)
    }
    return {reference for reference, count in Counter(ref for ref, _ in sides).items() if count > 1}


def compared(one: History, other: History, wanted: Range) -> dict[Place, Pair]:
    """Return what two histories decide differently."""
    before, after = one.decisions(), other.decisions()
    pairs: dict[Place, tuple[Decision | None, Decision | None]] = {
        place: (before.get(place), after.get(place)) for place in in_range(one, wanted)
    }
    return {place: pair for place, pair in pairs.items() if differences(*pair)}


@given(st.data())
def test_without_old_sessions_nothing_wrong_is_said(data: st.DataObject) -> None:
    """What is told of an order is what would be told if no session were gone, and present rules change nothing."""
    world, before, after = data.draw(worlds(erasing=False)), data.draw(rulebooks()), data.draw(rulebooks())
    sessions = sorted(world.sessions, key=attrgetter("timestamp_ms"))  # as brokers stamp them
    made = history(before, [*sessions, *world.orders], world.cut_over_ms)
    whole = changed(made.simulate(after))
    for partition in (0, 1):
        made.cluster.log.truncate(SESSIONS, partition, data.draw(st.integers(0, 4)))
    assert made.simulate(before).changes == ()
    assert changed(made.simulate(after)).items() <= whole.items()
