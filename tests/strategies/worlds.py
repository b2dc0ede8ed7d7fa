"""Small adversarial worlds: two partitions of sessions and orders, with the settings to decide them by."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from consumer.attribution.rules import Rules
from consumer.demo.reference import LoggedOrder, LoggedSession
from tests.strategies.clock import anchors, rules
from tests.strategies.landings import checksums, session_logs
from tests.strategies.purchases import Purchase, purchases

VISITORS = {"ann": 0, "eve": 1, "bob": 0}
"""Every visitor's partition."""
REGULARS = ("ann", "ann", "eve", "ann", "bob")
"""Who lands and orders, the one of whom much shall happen more often."""
PARTITIONS = 2


@dataclass(frozen=True, slots=True)
class World:
    """Two whole logs, offsets counted from 0 in each partition, and the settings."""

    sessions: tuple[LoggedSession, ...]
    orders: tuple[LoggedOrder, ...]
    rules: Rules
    cut_over_ms: int


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Generate a world; times cluster around every boundary of `docs/attribution.md`."""
    around = draw(anchors())
    pool = draw(st.lists(checksums(around), min_size=2, max_size=3))
    sessions: list[LoggedSession] = []
    for partition in range(PARTITIONS):
        visitors = [visitor for visitor in REGULARS if VISITORS[visitor] == partition]
        log = draw(session_logs(visitors, pool, around))
        sessions.extend(replace(session, partition=partition) for session in log)
    orders = logged(draw(purchases(REGULARS, pool, around)))
    cut_over_ms = draw(st.sampled_from((0, 0, 0, 0, around[-1])))
    return World(tuple(sessions), orders, draw(rules()), cut_over_ms)


def logged(made: tuple[Purchase, ...]) -> tuple[LoggedOrder, ...]:
    """Append orders to their visitor's partition, those without a visitor to the first."""
    ends: dict[int, int] = defaultdict(int)
    orders = []
    for purchase in made:
        event = purchase.event
        partition = VISITORS.get(event.visitor_id or "", 0)
        orders.append(LoggedOrder(partition, ends[partition], purchase.timestamp_ms, event))
        ends[partition] += 1
    return tuple(orders)


@st.composite
def readings(draw: st.DrawFn, world: World) -> tuple[LoggedSession | LoggedOrder, ...]:
    """An order in which a consumer may read a world: each partition of each topic in its own, all of them mixed."""
    logs: dict[tuple[bool, int], list[LoggedSession | LoggedOrder]] = defaultdict(list)
    records: list[LoggedSession | LoggedOrder] = [*world.sessions, *world.orders]
    for record in records:
        logs[isinstance(record, LoggedOrder), record.partition].append(record)
    turns = draw(st.permutations([log for log, queue in logs.items() for _ in queue]))
    return tuple(logs[turn].pop(0) for turn in turns)
