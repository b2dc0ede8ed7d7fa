"""Small adversarial worlds: two partitions of sessions and orders, with the settings to decide them by.

They are made by a `Random`: a seeded one for long runs, one of hypothesis's for tests that show the smallest failure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from random import Random
from typing import TypeAlias

from hypothesis import strategies as st

from consumer.attribution.rules import Rulebook
from consumer.demo.reference import LoggedOrder, LoggedSession
from tests.strategies.clock import anchors
from tests.strategies.landings import checksum, session_log
from tests.strategies.purchases import Purchase, purchases
from tests.strategies.rulebooks import rulebook

VISITORS = {"ann": 0, "eve": 1, "bob": 0}
"""Every visitor's partition."""
REGULARS = ("ann", "ann", "eve", "ann", "bob")
"""Who lands and orders, the one of whom much shall happen more often."""
PARTITIONS = 2

Logged: TypeAlias = LoggedSession | LoggedOrder


@dataclass(frozen=True, slots=True)
class World:
    """Two whole logs, offsets counted from 0 in each partition, and the settings."""

    sessions: tuple[LoggedSession, ...]
    orders: tuple[LoggedOrder, ...]
    rules: Rulebook
    cut_over_ms: int


def world(random: Random) -> World:
    """Make a world; times cluster around every boundary of `docs/attribution.md`."""
    around = anchors(random)
    pool = [checksum(random, around) for _ in range(random.randint(2, 3))]
    sessions: list[LoggedSession] = []
    for partition in range(PARTITIONS):
        visitors = [visitor for visitor in REGULARS if VISITORS[visitor] == partition]
        log = session_log(random, visitors, pool, around)
        sessions.extend(replace(session, partition=partition) for session in log)
    orders = logged(purchases(random, REGULARS, pool, around))
    cut_over_ms = random.choice((0, 0, 0, 0, 0, 0, around[-1]))
    return World(tuple(sessions), orders, rulebook(random), cut_over_ms)


def worlds() -> st.SearchStrategy[World]:
    """Generate worlds."""
    return st.randoms(use_true_random=False).map(world)


def logged(made: Iterable[Purchase]) -> tuple[LoggedOrder, ...]:
    """Append orders to their visitor's partition, those without a visitor to the first."""
    ends: dict[int, int] = defaultdict(int)
    orders = []
    for purchase in made:
        event = purchase.event
        partition = VISITORS.get(event.visitor_id or "", 0)
        orders.append(LoggedOrder(partition, ends[partition], purchase.timestamp_ms, event))
        ends[partition] += 1
    return tuple(orders)


def reading(random: Random, sessions: Iterable[LoggedSession], orders: Iterable[LoggedOrder]) -> tuple[Logged, ...]:
    """Return an order in which a consumer may read logs: each partition of each topic in its own, all mixed."""
    logs: dict[tuple[bool, int], list[Logged]] = defaultdict(list)
    records: list[Logged] = [*sessions, *orders]
    for record in records:
        logs[isinstance(record, LoggedOrder), record.partition].append(record)
    turns = [log for log, queue in logs.items() for _ in queue]
    random.shuffle(turns)
    return tuple(logs[turn].pop(0) for turn in turns)


def readings(world: World) -> st.SearchStrategy[tuple[Logged, ...]]:
    """Generate the orders in which a world may be read."""
    return st.randoms(use_true_random=False).map(lambda random: reading(random, world.sessions, world.orders))
