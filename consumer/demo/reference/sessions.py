"""Sections 2, 6 and 8 of ``docs/attribution.md``: the session records of a log, and the touches that they leave."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter

from consumer.attribution.rules import Rules
from consumer.demo.reference.faults import Fault
from consumer.demo.reference.landing import Touch, touch_of
from consumer.demo.reference.logged import LONGEST_ID, LoggedForget, LoggedSession, SessionRecord

Visitors = Mapping[tuple[int, str], Sequence[Touch]]
"""The touches by partition and visitor."""


def fault_of_session(record: SessionRecord, shop: Rules) -> Fault | None:
    """Sections 6, 8 and 10: why a record is a dead letter, and so neither touch, nor request, nor sign of the time."""
    if isinstance(record, LoggedForget):
        return fault_of_visitor(record.visitor_id)
    event = record.event
    if event.landed_at_ms > record.timestamp_ms + shop.max_clock_skew_ms:
        return Fault("event_time_in_future", "landed_at")
    fault = fault_of_visitor(event.visitor_id)
    if fault is None and len(event.session_id) > LONGEST_ID:
        return Fault("session_id_too_long", "session_id")
    return fault


def fault_of_visitor(visitor_id: str) -> Fault | None:
    """Section 6: is the visitor's id too long?"""
    return Fault("visitor_id_too_long", "visitor_id") if len(visitor_id) > LONGEST_ID else None


def good_sessions(records: Iterable[SessionRecord], shop: Rules) -> list[LoggedSession]:
    """The sessions that count, by partition and offset."""
    sessions = [
        record
        for record in records
        if isinstance(record, LoggedSession)
        and record.event.visitor_id != ""
        and fault_of_session(record, shop) is None
    ]
    return sorted(sessions, key=attrgetter("partition", "offset"))


def good_requests(records: Iterable[SessionRecord], shop: Rules) -> list[LoggedForget]:
    """The requests to forget a visitor, by partition and offset."""
    requests = [
        record for record in records if isinstance(record, LoggedForget) and fault_of_session(record, shop) is None
    ]
    return sorted(requests, key=attrgetter("partition", "offset"))


def touches_by_visitor(sessions: Iterable[LoggedSession], shop: Rules) -> Visitors:
    """The touches of `good_sessions`, each with the watermark before it (section 2)."""
    visitors: dict[tuple[int, str], list[Touch]] = defaultdict(list)
    watermarks: dict[int, int] = {}
    for session in sessions:
        before = watermarks.get(session.partition)
        visitors[session.partition, session.event.visitor_id].append(touch_of(session, before, shop))
        reached = reached_by(session)
        watermarks[session.partition] = reached if before is None else max(before, reached)
    return visitors


def reached_by(session: LoggedSession) -> int:
    """Section 2: the time that a session shows to have come."""
    return min(session.event.landed_at_ms, session.timestamp_ms)


def watermark_of(sessions: Iterable[LoggedSession], partition: int, offsets: range) -> int | None:
    """Section 2: the watermark when the session records at these offsets have been read."""
    reached = [reached_by(each) for each in sessions if each.partition == partition and each.offset in offsets]
    return max(reached, default=None)
