"""Names what there is to be erased in a world, and what orders had to do with it."""

from __future__ import annotations

from collections.abc import Iterator

from consumer.demo.reference import Expected, History, LoggedForget, LoggedSession, Sweep, fault_of_session
from consumer.demo.reference.erasure import refused
from tests.strategies.worlds import World

REQUESTS = (
    "request to forget a visitor",
    "request with an order",
    "request before the visitor's last session",
    "request dead letter",
)
REFUSALS = ("refused normal checksum", "refused gclid checksum")
ERASURES = {*REQUESTS, *REFUSALS}


def features_of_requests(world: World) -> Iterator[str]:
    """Name what is to be forgotten."""
    last = {each.event.visitor_id: each.offset for each in world.sessions if isinstance(each, LoggedSession)}
    for record in world.sessions:
        if not isinstance(record, LoggedForget):
            continue
        if fault_of_session(record, world.rules.shop) is not None:
            yield "request dead letter"
            continue
        yield "request to forget a visitor"
        if record.order is not None:
            yield "request with an order"
        if last.get(record.visitor_id, 0) > record.offset:
            yield "request before the visitor's last session"


def features_of_refusals(world: World, history: History) -> Iterator[str]:
    """Name the checksums that must be erased when all sessions have been read."""
    for partition in {record.partition for record in world.sessions}:
        end = Sweep(partition, 1, range(len(world.sessions)), 0, 0)
        yield from (f"refused {touch.kind} checksum" for _, touch in refused(end, history))


def features_of_erased(ending: Expected) -> Iterator[str]:
    """Name what an order made of what had been erased."""
    for touch in ending.evidence:
        if touch.rule == "awc" and touch.awc is None:
            yield f"erased click: {touch.verdict}"
    if ending.linked_checksums != ending.click_checksums:
        yield "order whose checksums were forgotten"
