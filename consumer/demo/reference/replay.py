"""Sections 7 and 8 of ``docs/attribution.md``: every order record, in the order of its log, to its ending."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import TypedDict

from msgspec import structs

from consumer.attribution.rules import Rules
from consumer.demo.reference.decision import Decision, decide
from consumer.demo.reference.landing import Touch, touch_of
from consumer.demo.reference.logged import LONGEST_VISITOR_ID, Expected, LoggedOrder, LoggedSession
from consumer.demo.reference.money import Fault, amount_of, custom_of, fault_of, parts_of
from consumer.events import OrderCompleted

Visitors = Mapping[tuple[int, str], Sequence[Touch]]
"""The touches by partition and visitor."""

NO_CUTS: Mapping[tuple[int, int], int] = {}


class Place(TypedDict):
    """The part of an expectation that every ending has."""

    partition: int
    offset: int
    programme: str
    order_ref: str


def expect(
    sessions: Sequence[LoggedSession],
    orders: Sequence[LoggedOrder],
    rules: Rules,
    *,
    cut_over_ms: int = 0,
    cuts: Mapping[tuple[int, int], int] = NO_CUTS,
) -> dict[tuple[int, int], Expected]:
    """Say what must become of every order record, by its partition and offset.

    An order that the logs leave undecided is decided as if they ended there.

    Args:
        sessions: the whole session log, in any order; records that cannot be decoded left out.
        orders: the whole order log, likewise.
        rules: the settings.
        cut_over_ms: orders completed earlier are not ours.
        cuts: of each order decided by force, its partition and offset to the session offset reached (section 7).
    """
    visitors = touches_by_visitor(sessions, rules)
    first_by_ref: dict[tuple[int, str], OrderCompleted] = {}
    endings: dict[tuple[int, int], Expected] = {}
    for record in sorted(orders, key=attrgetter("partition", "offset")):
        order = replace(record, event=without_empty_text(record.event))
        cut = cuts.get((order.partition, order.offset))
        endings[order.partition, order.offset] = ending_of(order, visitors, first_by_ref, rules, cut_over_ms, cut)
    return endings


def without_empty_text(order: OrderCompleted) -> OrderCompleted:
    """Section 8: optional text that is empty says nothing."""
    lines = tuple(
        structs.replace(
            line,
            sku=line.sku or None,
            name=line.name or None,
            category=line.category or None,
            commission_group=line.commission_group or None,
        )
        for line in order.lines
    )
    return structs.replace(
        order,
        visitor_id=order.visitor_id or None,
        channel=order.channel or None,
        awc=order.awc or None,
        lines=lines,
    )


def touches_by_visitor(sessions: Sequence[LoggedSession], rules: Rules) -> Visitors:
    """Read every partition's sessions in offset order, each with the watermark before it (section 2)."""
    visitors: dict[tuple[int, str], list[Touch]] = defaultdict(list)
    watermarks: dict[int, int] = {}
    for session in sorted(sessions, key=attrgetter("partition", "offset")):
        event = session.event
        # Section 8: a dead letter is neither a touch nor a sign of how far time has come.
        if event.landed_at_ms > session.timestamp_ms + rules.max_clock_skew_ms:
            continue
        if event.visitor_id == "" or len(event.visitor_id) > LONGEST_VISITOR_ID:
            continue
        before = watermarks.get(session.partition)
        touch = touch_of(session, before, rules.own_domains)
        visitors[session.partition, event.visitor_id].append(touch)
        reached = min(event.landed_at_ms, session.timestamp_ms)
        watermarks[session.partition] = reached if before is None else max(before, reached)
    return visitors


def ending_of(
    order: LoggedOrder,
    visitors: Visitors,
    first_by_ref: dict[tuple[int, str], OrderCompleted],
    rules: Rules,
    cut_over_ms: int,
    cut: int | None,
) -> Expected:
    """The ending of one order; ``first_by_ref`` holds the orders accepted so far, and takes this one."""
    event = order.event
    identity = (order.partition, event.order_ref)
    early = early_ending(order, first_by_ref.get(identity), rules, cut_over_ms)
    if early is not None:
        return early
    first_by_ref[identity] = event
    touches = visitors.get((order.partition, event.visitor_id), ()) if event.visitor_id else ()
    return conversion(order, decide(event, touches, rules, cut), rules)


def early_ending(order: LoggedOrder, first: OrderCompleted | None, rules: Rules, cut_over_ms: int) -> Expected | None:
    """Section 8, steps 1 to 5: the ending of an order that is not to be decided; ``first`` has its reference."""
    event = order.event
    if event.completed_at_ms > order.timestamp_ms + rules.max_clock_skew_ms:
        return dead_letter(order, Fault("event_time_in_future", "completed_at"), rules)
    if event.completed_at_ms < cut_over_ms:
        return Expected(**place_of(order, rules), ending="before_cut_over")
    fault = fault_of(event)
    if fault is not None:
        return dead_letter(order, fault, rules)
    if first is not None:
        same = says_the_same(event, first)
        return Expected(
            **place_of(order, rules),
            ending="duplicate" if same else "conflict",
            reason="" if same else "conflict",
        )
    if order.timestamp_ms > event.completed_at_ms + rules.max_order_delay_ms:
        return dead_letter(order, Fault("order_too_late", "completed_at"), rules)
    return None


def says_the_same(order: OrderCompleted, first: OrderCompleted) -> bool:
    """Section 8: the same subtotal, currency and lines."""
    return (order.subtotal, order.currency, order.lines) == (first.subtotal, first.currency, first.lines)


def place_of(order: LoggedOrder, rules: Rules) -> Place:
    """Which order record an expectation speaks of."""
    return {
        "partition": order.partition,
        "offset": order.offset,
        "programme": rules.advertiser_id,
        "order_ref": order.event.order_ref,
    }


def dead_letter(order: LoggedOrder, fault: Fault, rules: Rules) -> Expected:
    """The ending of a bad order."""
    return Expected(**place_of(order, rules), ending="dead_letter", reason=fault.reason, field=fault.field)


def conversion(order: LoggedOrder, decision: Decision, rules: Rules) -> Expected:
    """The ending of a good order (section 6), decidable when section 7 says."""
    event = order.event
    wait_ms = rules.grace_ms if event.visitor_id else 0
    return Expected(
        **place_of(order, rules),
        ending="conversion",
        channel=decision.channel,
        why=decision.why,
        click_checksums=decision.click_checksums,
        amount=amount_of(event),
        currency=event.currency,
        parts=parts_of(event),
        vouchers=tuple(code for code in event.voucher_codes if code != ""),
        customer_acquisition=event.customer_type,
        custom=custom_of(event, rules.sender),
        test=event.test or rules.mode == "test",
        decidable_at_ms=event.completed_at_ms + wait_ms,
    )
