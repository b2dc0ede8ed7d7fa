"""Requests to forget visitors, some of them with an order whose checksums are to be forgotten, too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from consumer.demo.reference import LoggedForget, LoggedSession, SessionRecord
from tests.strategies.rulebooks import ADVERTISERS

TOO_LONG = "v" * 1_001


def with_requests(
    random: Random, sessions: Sequence[LoggedSession], visitors: Sequence[str], order_refs: Sequence[str]
) -> list[SessionRecord]:
    """Return one partition's sessions, mostly with none, else with a few requests among them; numbered anew."""
    records: list[SessionRecord] = list(sessions)
    for _ in range(random.choice((0, 0, 0, 0, 0, 0, 1, 2))):
        records.insert(random.randint(0, len(records)), forget_request(random, sessions, visitors, order_refs))
    return [replace(record, offset=offset) for offset, record in enumerate(records)]


def forget_request(
    random: Random, sessions: Sequence[LoggedSession], visitors: Sequence[str], order_refs: Sequence[str]
) -> LoggedForget:
    """Return a request, made at the time of some session."""
    beside = random.choice(sessions)
    visitor = TOO_LONG if random.randint(1, 20) == 20 else random.choice(visitors)
    order_ref = random.choice((None, *order_refs))
    order = None if order_ref is None else (random.choice((*ADVERTISERS[:1] * 3, *ADVERTISERS)), order_ref)
    return LoggedForget(beside.partition, 0, beside.timestamp_ms, visitor, order)
