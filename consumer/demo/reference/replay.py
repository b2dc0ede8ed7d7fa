"""Sections 7 and 8 of ``docs/attribution.md``: every order record, in the order of its log, to its ending."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import TypedDict

from msgspec import structs

from consumer.attribution.rules import Rulebook, Rules
from consumer.demo.reference.conditions import is_excluded, programme_of
from consumer.demo.reference.decision import Decision, decide, own_awc
from consumer.demo.reference.details import custom_of, products_of, vouchers_of
from consumer.demo.reference.erasure import (
    History,
    history_of,
    touches_of,
    was_decided_when_asked,
    was_forgotten_before,
)
from consumer.demo.reference.evidence import evidence_of
from consumer.demo.reference.facts import Facts
from consumer.demo.reference.faults import Fault, fault_of
from consumer.demo.reference.logged import Expected, LoggedOrder, SessionRecord
from consumer.demo.reference.money import amount_of, division_of
from consumer.events import OrderCompleted

Accepted = dict[tuple[int, str, str], LoggedOrder]
"""The orders that took their reference, by partition, programme and order reference."""

NO_FACTS = Facts()


class Place(TypedDict):
    """The part of an expectation that every ending has."""

    partition: int
    offset: int
    programme: str
    order_ref: str


def expect(
    sessions: Sequence[SessionRecord],
    orders: Sequence[LoggedOrder],
    rules: Rulebook | Rules,
    *,
    cut_over_ms: int = 0,
    facts: Facts = NO_FACTS,
) -> dict[tuple[int, int], Expected]:
    """Say what must become of every order record, by its partition and offset.

    An order that the logs leave undecided is decided as if they ended there.

    Args:
        sessions: the whole session log, in any order; records that cannot be decoded left out.
        orders: the whole order log, likewise.
        rules: the settings, which may be those of a single programme.
        cut_over_ms: orders completed earlier are not ours.
        facts: what happened when (sections 7 and 10).
    """
    rulebook = rules if isinstance(rules, Rulebook) else Rulebook((rules,))
    return endings_of(orders, history_of(sessions, rulebook.shop, facts), rulebook, cut_over_ms)


def endings_of(
    orders: Sequence[LoggedOrder], history: History, rulebook: Rulebook, cut_over_ms: int
) -> dict[tuple[int, int], Expected]:
    """As `expect`, where what is known of the sessions has been put together already."""
    accepted: Accepted = {}
    endings: dict[tuple[int, int], Expected] = {}
    for record in sorted(orders, key=attrgetter("partition", "offset")):
        order = without_empty_text(record)
        endings[order.place] = ending_of(order, history, accepted, rulebook, cut_over_ms)
    return {**endings, **endings_forgotten(endings, accepted, history)}


def endings_forgotten(
    endings: Mapping[tuple[int, int], Expected], accepted: Accepted, history: History
) -> dict[tuple[int, int], Expected]:
    """Section 10: the orders of which it was asked, when they had been decided, to forget their checksums."""
    found = {}
    for request in history.requests:
        order = None if request.order is None else accepted.get((request.partition, *request.order))
        if order is not None and was_decided_when_asked(order, request, history):
            found[order.place] = replace(endings[order.place], linked_checksums=())
    return found


def without_empty_text(record: LoggedOrder) -> LoggedOrder:
    """Section 8: optional text that is empty says nothing."""
    order = record.event
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
    event = structs.replace(
        order,
        visitor_id=order.visitor_id or None,
        session_id=order.session_id or None,
        customer_id=order.customer_id or None,
        market=order.market or None,
        channel=order.channel or None,
        awc=order.awc or None,
        lines=lines,
    )
    return replace(record, event=event)


def ending_of(
    order: LoggedOrder, history: History, accepted: Accepted, rulebook: Rulebook, cut_over_ms: int
) -> Expected:
    """The ending of one order; ``accepted`` holds those that took their reference so far, and may take this one."""
    event = order.event
    early = ending_without_programme(order, rulebook, cut_over_ms)
    if early is not None:
        return early
    rules = programme_of(event, rulebook)
    if rules is None:
        return dead_letter(order, Fault("no_programme", ""))
    early = ending_without_decision(order, rules, accepted)
    if early is not None:
        return early
    accepted[identity_of(order, rules)] = order
    cut = history.facts.cuts.get(order.place)
    ending = ending_by_decision(order, rules, decide(event, touches_of(order, history), rules, cut))
    if ending.ending == "conversion" and was_forgotten_before(order, history):
        return replace(ending, notes=(*ending.notes, "forgotten"))
    return ending


def ending_without_programme(order: LoggedOrder, rulebook: Rulebook, cut_over_ms: int) -> Expected | None:
    """Section 8, steps 1 to 3: the ending of an order that no programme is asked about."""
    event = order.event
    if event.completed_at_ms > order.timestamp_ms + rulebook.shop.max_clock_skew_ms:
        return dead_letter(order, Fault("event_time_in_future", "completed_at"))
    if event.completed_at_ms < cut_over_ms:
        return Expected(**place_of(order), ending="before_cut_over")
    if is_excluded(event, rulebook):
        return Expected(**place_of(order), ending="not_reportable")
    return None


def ending_without_decision(order: LoggedOrder, rules: Rules, accepted: Accepted) -> Expected | None:
    """Section 8, steps 4 to 8: the ending of an order of this programme that is not to be decided."""
    event = order.event
    if rules.currencies and event.currency not in rules.currencies:
        return dead_letter(order, Fault("currency_not_enabled", "currency"), rules)
    fault = fault_of(event, rules)
    if fault is not None:
        return dead_letter(order, fault, rules)
    if amount_of(event) == 0 and rules.zero_value == "skip":
        return Expected(**place_of(order, rules), ending="not_reportable")
    first = accepted.get(identity_of(order, rules))
    if first is not None:
        same = says_the_same(event, first.event)
        return Expected(
            **place_of(order, rules),
            ending="duplicate" if same else "conflict",
            reason="" if same else "conflict",
        )
    if order.timestamp_ms > event.completed_at_ms + rules.max_order_delay_ms:
        return dead_letter(order, Fault("order_too_late", "completed_at"), rules)
    return None


def ending_by_decision(order: LoggedOrder, rules: Rules, decision: Decision) -> Expected:
    """Section 8, step 10: the ending of an order that was decided."""
    if rules.report == "awin" and decision.channel != "aw" and not decision.chosen:
        return Expected(**place_of(order, rules), ending="not_reportable", channel=decision.channel, why=decision.why)
    return conversion(order, rules, decision)


def identity_of(order: LoggedOrder, rules: Rules) -> tuple[int, str, str]:
    """Section 8: what no two reported orders have in common."""
    return order.partition, rules.advertiser_id, order.event.order_ref


def says_the_same(order: OrderCompleted, first: OrderCompleted) -> bool:
    """Section 8: the same subtotal, currency and lines."""
    return (order.subtotal, order.currency, order.lines) == (first.subtotal, first.currency, first.lines)


def place_of(order: LoggedOrder, rules: Rules | None = None) -> Place:
    """Which order record an expectation speaks of, and of which programme if it got that far."""
    return {
        "partition": order.partition,
        "offset": order.offset,
        "programme": "" if rules is None else rules.advertiser_id,
        "order_ref": order.event.order_ref,
    }


def dead_letter(order: LoggedOrder, fault: Fault, rules: Rules | None = None) -> Expected:
    """The ending of a bad order."""
    return Expected(**place_of(order, rules), ending="dead_letter", reason=fault.reason, field=fault.field)


def conversion(order: LoggedOrder, rules: Rules, decision: Decision) -> Expected:
    """The ending of a good order (section 6), decidable when section 7 says."""
    event = order.event
    wait_ms = rules.grace_ms if event.visitor_id else 0
    division = division_of(event, rules)
    return Expected(
        **place_of(order, rules),
        ending="conversion",
        channel=decision.channel,
        why=decision.why,
        click_checksums=decision.click_checksums(),
        linked_checksums=decision.click_checksums(),
        amount=amount_of(event),
        currency=event.currency,
        parts=division.parts,
        vouchers=vouchers_of(event, rules),
        customer_acquisition=event.customer_type,
        custom=custom_of(event, rules),
        products=products_of(event, rules),
        notes=(*division.notes, *(("malformed_awc",) if event.awc is not None and own_awc(event) is None else ())),
        test=event.test or rules.mode == "test",
        entered_at_ms=order.timestamp_ms,
        decidable_at_ms=event.completed_at_ms + wait_ms,
        evidence=evidence_of(event, decision, rules),
    )
