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
from consumer.demo.reference import LoggedOrder, SessionRecord
from tests.strategies.clock import anchors
from tests.strategies.forgetting import with_requests
from tests.strategies.landings import checksum, session_log
from tests.strategies.purchases import Purchase, purchases
from tests.strategies.rulebooks import never_erasing, rulebook

VISITORS = {"ann": 0, "eve": 1, "bob": 0}
"""Every visitor's partition."""
REGULARS = ("ann", "ann", "eve", "ann", "bob")
"""Who lands and orders, the one of whom much shall happen more often."""
PARTITIONS = 2

Logged: TypeAlias = SessionRecord | LoggedOrder


@dataclass(frozen=True, slots=True)
class World:
    """Two whole logs, offsets counted from 0 in each partition, and the settings."""

    sessions: tuple[SessionRecord, ...]
    orders: tuple[LoggedOrder, ...]
    rules: Rulebook
    cut_over_ms: int


def world(random: Random, *, erasing: bool = True) -> World:
    """Make a world; times cluster around every boundary of `docs/attribution.md`.

    Args:
        random: makes it.
        erasing: whether visitors may be forgotten and refused checksums erased.
    """
    around = anchors(random)
    pool = [checksum(random, around) for _ in range(random.randint(2, 3))]
    orders = logged(purchases(random, REGULARS, pool, around))
    sessions: list[SessionRecord] = []
    for partition in range(PARTITIONS):
        visitors = [visitor for visitor in REGULARS if VISITORS[visitor] == partition]
        log = [replace(each, partition=partition) for each in session_log(random, visitors, pool, around)]
        refs = [order.event.order_ref for order in orders if order.partition == partition]
        sessions.extend(with_requests(random, log, visitors, refs) if erasing else log)
    cut_over_ms = random.choice((0, 0, 0, 0, 0, 0, around[-1]))
    rules = rulebook(random)
    return World(tuple(sessions), orders, rules if erasing else never_erasing(rules), cut_over_ms)


def worlds(*, erasing: bool = True) -> st.SearchStrategy[World]:
    """Generate worlds; ``erasing`` is as in `world`."""
    return st.randoms(use_true_random=False).map(lambda random: world(random, erasing=erasing))


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


def reading(random: Random, sessions: Iterable[SessionRecord], orders: Iterable[LoggedOrder]) -> tuple[Logged, ...]:
    """Return an order in which a consumer may read logs: each partition of each topic in its own, all mixed.

    One time in two all sessions come before the orders.
    """
    logs: dict[tuple[bool, int], list[Logged]] = defaultdict(list)
    records: list[Logged] = [*sessions, *orders]
    for record in records:
        logs[isinstance(record, LoggedOrder), record.partition].append(record)
    turns = [log for log, queue in logs.items() for _ in queue]
    random.shuffle(turns)
    if random.choice((True, False)):
        turns.sort()
    return tuple(logs[turn].pop(0) for turn in turns)


def readings(world: World) -> st.SearchStrategy[tuple[Logged, ...]]:
    """Generate the orders in which a world may be read."""
    return st.randoms(use_true_random=False).map(lambda random: reading(random, world.sessions, world.orders))
