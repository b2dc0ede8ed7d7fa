"""Section 4 of ``docs/attribution.md``, evidence: what was looked at, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass

from consumer.attribution.rules import Rules
from consumer.demo.reference.decision import (
    OFFSET_OF_ORDERS_AWC,
    OFFSET_OF_ORDERS_CHANNEL,
    Candidate,
    Decision,
    click_of,
    click_of_order,
    own_awc,
)
from consumer.demo.reference.landing import Touch
from consumer.events import Evidence, OrderCompleted

MOST = 20


@dataclass(frozen=True, slots=True)
class Item:
    """What is told of one touch, or of what the order carried."""

    time_ms: int
    landed_at_ms: int
    offset: int
    channel: str | None
    rule: str | None
    checksum: str | None
    verdict: str

    def rank(self) -> tuple[int, int, int]:
        """What "newest" goes by."""
        return (self.time_ms, self.landed_at_ms, self.offset)


def evidence_of(order: OrderCompleted, decision: Decision, rules: Rules) -> tuple[Evidence, ...]:
    """At most twenty, the newest first; what decided is always among them."""
    items = [item_of(place, decision, rules) for place in range(len(decision.seen))]
    items += items_of_order(order, decision, rules)
    items.sort(key=Item.rank, reverse=True)
    deciding = {candidate.offset for candidate in (decision.winner, decision.withheld, *decision.chosen) if candidate}
    always = [item for item in items if item.offset in deciding]
    others = [item for item in items if item.offset not in deciding]
    told = sorted([*always, *others[: MOST - len(always)]], key=Item.rank, reverse=True)
    return tuple(
        Evidence(
            session_offset=item.offset if item.offset < OFFSET_OF_ORDERS_AWC else None,
            landed_at_ms=item.landed_at_ms,
            clicked_at_ms=item.time_ms,
            channel=item.channel,
            rule=item.rule,
            awc=item.checksum,
            verdict=item.verdict,
        )
        for item in told
    )


def item_of(place: int, decision: Decision, rules: Rules) -> Item:
    """A touch that the order sees, ``place`` being its own among them."""
    touch, before = decision.seen[place], decision.seen[:place]
    time_ms = touch.landed_at_ms
    if touch.checksum is not None:
        time_ms = click_at(touch, decision, rules).time_ms
    return Item(
        time_ms=time_ms,
        landed_at_ms=touch.landed_at_ms,
        offset=touch.offset,
        channel=touch.channel,
        rule=touch.rule,
        checksum=None if touch.is_erased else touch.checksum,
        verdict=verdict_on_touch(touch, before, decision, rules),
    )


def click_at(touch: Touch, decision: Decision, rules: Rules) -> Candidate:
    """The click that a landing with a checksum is of."""
    first = next(other for other in decision.seen if decision.names[other.offset] == decision.names[touch.offset])
    return click_of(first.checksum or "", first, rules)


def items_of_order(order: OrderCompleted, decision: Decision, rules: Rules) -> list[Item]:
    """What the order itself carried: its awc and its channel."""
    at_ms = order.completed_at_ms
    items = []
    own = own_awc(order)
    if own is not None:
        landings = [touch for touch in decision.seen if touch.checksum == own]
        click = click_at(landings[0], decision, rules) if landings else click_of_order(own, order)
        verdict = verdict_on_first(OFFSET_OF_ORDERS_AWC, own, decision, rules)
        verdict = "same_click" if landings else verdict
        items.append(Item(click.time_ms, at_ms, OFFSET_OF_ORDERS_AWC, "aw", "order", own, verdict))
    if order.channel is not None:
        verdict = verdict_on_first(OFFSET_OF_ORDERS_CHANNEL, None, decision, rules)
        items.append(Item(at_ms, at_ms, OFFSET_OF_ORDERS_CHANNEL, order.channel, "order", None, verdict))
    return items


def verdict_on_touch(touch: Touch, before: tuple[Touch, ...], decision: Decision, rules: Rules) -> str:
    """The first verdict that holds of a touch, ``before`` being those seen earlier."""
    alike = [other for other in before if decision.names[other.offset] == decision.names[touch.offset]]
    if any((other.session_id, other.channel) == (touch.session_id, touch.channel) for other in alike):
        return "same_landing"
    if touch.channel is None:
        return "direct"
    if touch.checksum is not None and alike:
        return "same_click"
    return verdict_on_first(touch.offset, touch.checksum, decision, rules)


def verdict_on_first(offset: int, checksum: str | None, decision: Decision, rules: Rules) -> str:
    """The verdict on what may be a candidate."""
    for candidate in decision.candidates:
        if candidate.offset == offset:
            return verdict_on_candidate(candidate, decision)
    if checksum is not None and not checksum.startswith(("gclid_", f"{rules.advertiser_id}_")):
        return "other_programme"
    return "outside_window"


def verdict_on_candidate(candidate: Candidate, decision: Decision) -> str:
    """The verdict on a candidate."""
    if candidate == decision.winner:
        return "won_no_consent" if candidate == decision.withheld else "won"
    if candidate == decision.withheld:
        return "no_consent"
    return "earlier" if decision.winner is not None else "no_model"
