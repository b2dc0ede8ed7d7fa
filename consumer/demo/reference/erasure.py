"""Section 10 of ``docs/attribution.md``: which touches are forgotten, and which have lost their checksum."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

from consumer.attribution.rules import Rules
from consumer.demo.reference.decision import advertiser_and_time
from consumer.demo.reference.facts import Facts, Sweep
from consumer.demo.reference.landing import Touch
from consumer.demo.reference.logged import LoggedForget, LoggedOrder, LoggedSession, SessionRecord
from consumer.demo.reference.sessions import (
    Visitors,
    good_requests,
    good_sessions,
    touches_by_visitor,
    watermark_of,
)


@dataclass(frozen=True, slots=True)
class Loss:
    """What happened to one checksum."""

    commit: int
    """The number of the transaction that erased it."""
    left: str
    """What is left of it."""


@dataclass(frozen=True, slots=True)
class History:
    """Everything that there is to be known of the sessions of a log."""

    shop: Rules
    sessions: Sequence[LoggedSession]
    requests: Sequence[LoggedForget]
    visitors: Visitors
    facts: Facts
    losses: Mapping[tuple[int, int], Loss]
    """By partition and offset of the landing."""

    def requests_about(self, partition: int, visitor: str) -> list[LoggedForget]:
        """The requests to forget this visitor, by offset."""
        return [each for each in self.requests if (each.partition, each.visitor_id) == (partition, visitor)]


def history_of(records: Sequence[SessionRecord], shop: Rules, facts: Facts) -> History:
    """Take the sessions, and what the sweeps erased of them, one after the other."""
    sessions = good_sessions(records, shop)
    visitors = touches_by_visitor(sessions, shop)
    history = History(shop, sessions, good_requests(records, shop), visitors, facts, {})
    for sweep in sorted(facts.sweeps, key=attrgetter("commit")):
        losses = dict(history.losses)
        for touches in touches_in_state(sweep, history).values():
            for touch in touches:
                if touch.offset in sweep.erased and touch.checksum is not None and not touch.is_erased:
                    losses[sweep.partition, touch.offset] = Loss(sweep.commit, what_is_left(touch, touches))
        history = replace(history, losses=losses)
    return history


def what_is_left(touch: Touch, in_state: Iterable[Touch]) -> str:
    """Advertiser and time of a normal checksum; of the gclid form, only the first landing in state that had it."""
    if touch.kind == "gclid":
        first = min(other.offset for other in in_state if other.checksum == touch.checksum)
        return f"gclid_first_at_{first}"
    return advertiser_and_time(touch.checksum or "")


def touches_in_state(sweep: Sweep, history: History) -> dict[str, list[Touch]]:
    """The touches of a partition as they stood before a sweep, by visitor."""
    found = {}
    for (partition, visitor), touches in history.visitors.items():
        if partition == sweep.partition:
            read = [touch for touch in touches if touch.offset in sweep.sessions]
            found[visitor] = as_they_stood(read, partition, visitor, sweep.sessions.stop, sweep.commit, history)
    return found


def touches_of(order: LoggedOrder, history: History) -> list[Touch]:
    """The touches of an order's visitor as they stood for it, whether it sees them by section 2 or not."""
    visitor = order.event.visitor_id
    if visitor is None:
        return []
    touches = history.visitors.get((order.partition, visitor), ())
    read_at = history.facts.read_at.get(order.place, 0)
    decided_in = history.facts.decided_in.get(order.place, 0)
    return as_they_stood(touches, order.partition, visitor, read_at, decided_in, history)


def as_they_stood(
    touches: Sequence[Touch], partition: int, visitor: str, position: int, commit: int, history: History
) -> list[Touch]:
    """Without what had been forgotten at a session offset, and without the checksums erased before a transaction."""
    requests = [each.offset for each in history.requests_about(partition, visitor) if each.offset < position]
    remembered = [touch for touch in touches if all(touch.offset > offset for offset in requests)]
    return [without_checksum(touch, history.losses.get((partition, touch.offset)), commit) for touch in remembered]


def without_checksum(touch: Touch, loss: Loss | None, commit: int) -> Touch:
    """A touch with what is left of its checksum, if that was erased before a transaction."""
    if loss is None or loss.commit >= commit:
        return touch
    return replace(touch, checksum=loss.left, is_erased=True)


def refused(sweep: Sweep, history: History) -> list[tuple[str, Touch]]:
    """The visitors and touches of which a sweep finds the checksum to be refused, if orders were not in its way."""
    watermark_ms = watermark_of(history.sessions, sweep.partition, sweep.sessions)
    found = []
    for visitor, touches in touches_in_state(sweep, history).items():
        statements = [touch for touch in touches if touch.consent in ("granted", "denied")]
        last = max(statements, key=attrgetter("landed_at_ms", "offset"), default=None)
        if last is None or last.consent == "granted" or watermark_ms is None:
            continue
        if watermark_ms >= last.landed_at_ms + history.shop.consent_settle_ms:
            found += [(visitor, touch) for touch in touches if is_refused_by(last, touch)]
    return found


def is_refused_by(refusal: Touch, touch: Touch) -> bool:
    """Has the touch a checksum, not a strictly necessary one, and did it land no later than the refusal?"""
    has_checksum = touch.kind in ("normal", "gclid") and not touch.is_erased
    return has_checksum and touch.landed_at_ms <= refusal.landed_at_ms


def could_be_decided(order: LoggedOrder, position: int, history: History) -> bool:
    """Section 7: can the order be decided without force when the sessions before an offset have been read?"""
    if order.event.visitor_id is None:
        return True
    watermark_ms = watermark_of(history.sessions, order.partition, range(position))
    return watermark_ms is not None and watermark_ms >= order.event.completed_at_ms + history.shop.grace_ms


def is_forced_by_request(order: LoggedOrder, history: History) -> bool:
    """Was the order decided by force because its visitor was to be forgotten, just before the cut?"""
    facts = history.facts
    if order.place not in facts.cuts or order.event.visitor_id is None:
        return False
    last_read = facts.cuts[order.place] - 1
    requests = history.requests_about(order.partition, order.event.visitor_id)
    return facts.read_at.get(order.place, 0) <= last_read and any(each.offset == last_read for each in requests)


def was_forgotten_before(order: LoggedOrder, history: History) -> bool:
    """Had the order's visitor been forgotten when it was read, of late or after what the order can see?"""
    if order.event.visitor_id is None:
        return False
    read_at = history.facts.read_at.get(order.place, 0)
    requests = history.requests_about(order.partition, order.event.visitor_id)
    last = max((each for each in requests if each.offset < read_at), key=attrgetter("offset"), default=None)
    return last is not None and last.timestamp_ms >= order.event.completed_at_ms - history.shop.window_ms


def was_decided_when_asked(order: LoggedOrder, request: LoggedForget, history: History) -> bool:
    """Had the order been decided when a request was done, be it because of that?"""
    facts = history.facts
    if order.place not in facts.decided_in or facts.read_at.get(order.place, 0) > request.offset:
        return False
    if order.place not in facts.cuts:
        return could_be_decided(order, request.offset, history)
    cut = facts.cuts[order.place]
    is_of_visitor = order.event.visitor_id == request.visitor_id
    return cut <= request.offset or (cut == request.offset + 1 and is_of_visitor)
