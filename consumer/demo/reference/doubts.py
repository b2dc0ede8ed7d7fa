"""What speaks against facts: the logs, by sections 7 and 10 of ``docs/attribution.md``, or other facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter

from consumer.demo.reference.erasure import History, could_be_decided, refused
from consumer.demo.reference.facts import Sweep
from consumer.demo.reference.landing import Touch
from consumer.demo.reference.logged import Expected, LoggedOrder
from consumer.demo.reference.replay import without_empty_text


def doubts(orders: Sequence[LoggedOrder], history: History, expected: Mapping[tuple[int, int], Expected]) -> list[str]:
    """Name every fact that cannot be one, ``expected`` being the orders' endings by these facts."""
    known = sorted(map(without_empty_text, orders), key=attrgetter("partition", "offset"))
    decided = [order for order in known if expected[order.place].why != ""]
    found = list(doubts_about_reading(known, history))
    for order in decided:
        found += doubts_about_force(order, history)
    for sweep in history.facts.sweeps:
        found += doubts_about_standing(sweep, known, history)
        found += doubts_about_erasing(sweep, known, decided, history)
    return found


def doubts_about_reading(orders: Sequence[LoggedOrder], history: History) -> Iterator[str]:
    """Records are read in the order of their offsets, so the next order finds no fewer sessions read."""
    reached: dict[int, int] = {}
    for order in orders:
        read_at = history.facts.read_at.get(order.place)
        if read_at is None:
            continue
        if read_at < reached.get(order.partition, 0):
            yield f"order {order.place}: read at session {read_at}, after one at {reached[order.partition]}"
        reached[order.partition] = read_at


def doubts_about_force(order: LoggedOrder, history: History) -> Iterator[str]:
    """An order is forced only while it cannot be decided otherwise, and at once when its visitor is to be forgotten."""
    cut, read_at = history.facts.cuts.get(order.place), history.facts.read_at.get(order.place)
    if read_at is None:
        return
    if cut is not None and cut < read_at:
        yield f"order {order.place}: forced at session {cut}, but read at {read_at}"
    if cut is not None and could_be_decided(order, cut, history):
        yield f"order {order.place}: forced at session {cut}, but could be decided"
    about = history.requests_about(order.partition, order.event.visitor_id or "")
    requests = [request.offset for request in about if request.offset >= read_at]
    if not requests:
        return
    if cut is None and not could_be_decided(order, requests[0], history):
        yield f"order {order.place}: not forced, but pending at request {requests[0]} to forget its visitor"
    if cut is not None and cut > requests[0] + 1:
        yield f"order {order.place}: forced at session {cut}, not at request {requests[0]} to forget its visitor"


def doubts_about_standing(sweep: Sweep, orders: Sequence[LoggedOrder], history: History) -> Iterator[str]:
    """What a sweep says of how far things were is what the orders say of it."""
    facts = history.facts
    for order in orders:
        if order.partition != sweep.partition or order.place not in facts.read_at:
            continue
        read_at, stop = facts.read_at[order.place], sweep.sessions.stop
        is_before = order.offset < sweep.next_order
        if (is_before and read_at > stop) or (not is_before and read_at < stop):
            yield f"order {order.place}: read at session {read_at}, {sweep} notwithstanding"
        decided_in = facts.decided_in.get(order.place, sweep.commit)
        if decided_in < sweep.commit and not (is_before and could_be_settled(order, stop, history)):
            yield f"order {order.place}: decided in transaction {decided_in}, {sweep} notwithstanding"


def could_be_settled(order: LoggedOrder, position: int, history: History) -> bool:
    """Can an order have been decided, by force or not, when the sessions before an offset had been read?"""
    cut = history.facts.cuts.get(order.place)
    return could_be_decided(order, position, history) if cut is None else cut <= position


def doubts_about_erasing(
    sweep: Sweep, orders: Sequence[LoggedOrder], decided: Sequence[LoggedOrder], history: History
) -> Iterator[str]:
    """A sweep erases nothing but what may go, and a whole one everything that must."""
    may_go = {touch.offset for touch in to_be_erased(sweep, orders, decided, history)}
    for offset in sorted(sweep.erased - may_go):
        yield f"session {sweep.partition, offset}: its checksum was erased, but had to stay, at {sweep}"
    for offset in sorted(may_go - sweep.erased) if sweep.is_whole else ():
        yield f"session {sweep.partition, offset}: its checksum had to be erased, but is there, after {sweep}"


def to_be_erased(
    sweep: Sweep, orders: Sequence[LoggedOrder], decided: Sequence[LoggedOrder], history: History
) -> list[Touch]:
    """The landings whose refused checksum may go: no order of their visitor is pending, and none is to be read."""
    here = [order for order in orders if order.partition == sweep.partition]
    if any(sweep.next_order <= order.offset < sweep.orders_end for order in here):
        return []
    pending = {
        order.event.visitor_id
        for order in decided
        if order.partition == sweep.partition
        and order.offset < sweep.next_order
        and history.facts.decided_in.get(order.place, sweep.commit) >= sweep.commit
    }
    return [touch for visitor, touch in refused(sweep, history) if visitor not in pending]
