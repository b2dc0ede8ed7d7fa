"""Sections 2, 3 and 4 of ``docs/attribution.md``: which touches an order sees, and what they decide.

By section 10 an erased checksum changes nothing but what tells its click from others, and that it is not sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from consumer.attribution.rules import Rules
from consumer.demo.reference.landing import Kind, Touch, is_awc_form, is_gclid_form
from consumer.events import Consent, OrderCompleted

OFFSET_OF_ORDERS_AWC = 2**64
OFFSET_OF_ORDERS_CHANNEL = 2**64 + 1
"""Both greater than any session's offset, the channel's greater than the awc's."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A click, or a landing with a channel of its own, that may win an order."""

    time_ms: int
    landed_at_ms: int
    offset: int
    channel: str
    checksum: str | None = None
    kind: Kind | None = None
    is_erased: bool = False

    def rank(self) -> tuple[int, int, int]:
        """What "newest" goes by."""
        return (self.time_ms, self.landed_at_ms, self.offset)


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided of an order, and by what."""

    seen: tuple[Touch, ...]
    """The touches that the order sees, the earliest first."""
    names: Mapping[int, str | None]
    """By the offset of each of them, the name of its click."""
    candidates: tuple[Candidate, ...]
    winner: Candidate | None
    channel: str
    why: str
    chosen: tuple[Candidate, ...]
    """The clicks whose checksums are sent: the ordinary one first, then the strictly necessary one."""
    withheld: Candidate | None
    """The ordinary click that is chosen, too, but not sent for lack of consent, now or when it was erased."""

    def click_checksums(self) -> tuple[str, ...]:
        """What is sent."""
        return tuple(click.checksum for click in self.chosen if click.checksum is not None)


def decide(order: OrderCompleted, touches: Iterable[Touch], rules: Rules, cut: int | None) -> Decision:
    """Decide an order by all the touches of its visitor; ``cut`` is the session offset of a forced decision."""
    seen = [with_own_checksum(touch, order) for touch in touches if is_seen(touch, order, rules, cut)]
    seen.sort(key=lambda touch: (touch.landed_at_ms, touch.offset))
    clicks = counting_clicks(order, seen, rules)
    candidates = [*clicks, *other_landings(order, seen, rules), *orders_channel(order)]
    winner = max(candidates, key=Candidate.rank) if candidates and rules.model != "none" else None
    channel, why = channel_of(order, seen, winner, rules)
    chosen = chosen_of(clicks)
    ordinary = [click for click in chosen if click.kind != "strictly_necessary"]
    withheld = [click for click in ordinary if click.is_erased or is_denied(order, seen, rules)]
    return Decision(
        seen=tuple(seen),
        names={landing.offset: name_of_click(landing, seen) for landing in seen},
        candidates=tuple(candidates),
        winner=winner,
        channel=channel,
        why=why,
        chosen=tuple(click for click in chosen if click not in withheld),
        withheld=withheld[0] if withheld else None,
    )


def is_seen(touch: Touch, order: OrderCompleted, rules: Rules, cut: int | None) -> bool:
    """Section 2: does the order see this touch of its visitor?"""
    if touch.landed_at_ms > order.completed_at_ms:
        return False
    if touch.landed_at_ms < order.completed_at_ms - rules.window_ms:
        return False
    if cut is not None:
        return touch.offset < cut
    return touch.watermark_ms is None or touch.watermark_ms < order.completed_at_ms + rules.grace_ms


def with_own_checksum(touch: Touch, order: OrderCompleted) -> Touch:
    """Section 10: the order's own awc tells what a landing of its advertiser and time had, if that was erased."""
    own = own_awc(order)
    if touch.is_erased and own is not None and advertiser_and_time(own) == touch.checksum:
        return replace(touch, checksum=own, is_erased=False)
    return touch


def counting_clicks(order: OrderCompleted, seen: list[Touch], rules: Rules) -> list[Candidate]:
    """Section 3: the clicks that count for this order, its own awc included. ``seen`` has the earliest first."""
    clicks = {}
    for landing in seen:
        name = name_of_click(landing, seen)
        if landing.checksum is not None and name not in clicks:
            clicks[name] = click_of(landing.checksum, landing, rules)
    own = own_awc(order)
    if own is not None and all(landing.checksum != own for landing in seen):
        clicks[own] = click_of_order(own, order)
    return [click for click in clicks.values() if counts(click, order, rules)]


def own_awc(order: OrderCompleted) -> str | None:
    """Section 3: the order's own awc, if it is well-formed."""
    if order.awc is None or is_awc_form(order.awc) or is_gclid_form(order.awc):
        return order.awc
    return None


def name_of_click(landing: Touch, seen: Iterable[Touch]) -> str | None:
    """Sections 3 and 10: what tells a click from others, its checksum or what is left of one like it."""
    if landing.checksum is None or landing.kind == "gclid":
        return landing.checksum
    left = advertiser_and_time(landing.checksum)
    is_left = any(other.is_erased and other.checksum == left for other in seen)
    return left if is_left else landing.checksum


def advertiser_and_time(checksum: str) -> str:
    """A normal checksum without what stands behind its time."""
    return "_".join(checksum.split("_")[:2])


def click_of(checksum: str, landing: Touch, rules: Rules) -> Candidate:
    """Section 3: the click of a checksum, or of what is left of it, by the earliest landing that brought it."""
    time_ms = landing.landed_at_ms
    if landing.kind != "gclid":
        own_ms = own_time_ms(checksum)
        is_later = own_ms > landing.landed_at_ms
        is_just_before = landing.landed_at_ms - own_ms <= rules.click_delay_ms
        if not is_later and not is_just_before:
            time_ms = own_ms
    return Candidate(
        time_ms, landing.landed_at_ms, landing.offset, "aw", checksum, landing.kind, is_erased=landing.is_erased
    )


def click_of_order(checksum: str, order: OrderCompleted) -> Candidate:
    """Section 3: the click of the order's own awc, when no landing that it sees brought it."""
    at_ms = order.completed_at_ms
    if is_gclid_form(checksum):
        return Candidate(at_ms, at_ms, OFFSET_OF_ORDERS_AWC, "aw", checksum, "gclid")
    return Candidate(min(own_time_ms(checksum), at_ms), at_ms, OFFSET_OF_ORDERS_AWC, "aw", checksum, "normal")


def own_time_ms(checksum: str) -> int:
    """The time in a checksum's middle number."""
    return int(checksum.split("_")[1]) * 1000


def window_of(channel: str, rules: Rules) -> int:
    """Section 3: how far back a channel counts, in milliseconds."""
    return rules.windows_ms.get(channel, rules.window_ms)


def counts(click: Candidate, order: OrderCompleted, rules: Rules) -> bool:
    """Section 3: a click counts when it is inside the window of ``aw`` and of the order's programme."""
    if click.time_ms < order.completed_at_ms - window_of("aw", rules):
        return False
    if click.checksum is None or click.kind == "gclid":
        return True
    return click.checksum.split("_")[0] == rules.advertiser_id


def other_landings(order: OrderCompleted, seen: list[Touch], rules: Rules) -> list[Candidate]:
    """Sections 3 and 4: the landings with a channel other than by checksum, each within its channel's window.

    Those of one session are taken as one, the earliest. ``seen`` has the earliest first.
    """
    candidates = {}
    for landing in seen:
        one = (landing.session_id, landing.channel)
        if landing.channel is not None and landing.checksum is None and one not in candidates:
            candidates[one] = Candidate(landing.landed_at_ms, landing.landed_at_ms, landing.offset, landing.channel)
    return [
        candidate
        for candidate in candidates.values()
        if candidate.landed_at_ms >= order.completed_at_ms - window_of(candidate.channel, rules)
    ]


def orders_channel(order: OrderCompleted) -> list[Candidate]:
    """Section 4: the order's own channel, later than everything else."""
    if order.channel is None:
        return []
    return [Candidate(order.completed_at_ms, order.completed_at_ms, OFFSET_OF_ORDERS_CHANNEL, order.channel)]


def channel_of(order: OrderCompleted, seen: list[Touch], winner: Candidate | None, rules: Rules) -> tuple[str, str]:
    """Section 4: ``ch`` and its reason."""
    if rules.model == "none":
        return "aw", "no_model"
    if order.channel is not None and rules.order_channel == "trust":
        return order.channel, "order_channel"
    if winner is not None:
        return winner.channel, "last_click"
    if seen:
        return rules.channel_none, "direct_only"
    return rules.channel_unknown, "no_landing"


def chosen_of(clicks: list[Candidate]) -> list[Candidate]:
    """Section 4, ``cks``: the newest ordinary click, and the newest strictly necessary one."""
    ordinary = [click for click in clicks if click.kind in ("normal", "gclid")]
    necessary = [click for click in clicks if click.kind == "strictly_necessary"]
    return [max(kind, key=Candidate.rank) for kind in (ordinary, necessary) if kind]


def is_denied(order: OrderCompleted, seen: list[Touch], rules: Rules) -> bool:
    """Section 4: is consent denied, by the last statement before the order or for lack of one?"""
    statement = statement_of(order, seen)
    if statement is not None:
        return statement == "denied"
    for market, missing in rules.consent_missing_in.items():
        if order.market is not None and order.market.lower() == market.lower():
            return missing == "deny"
    return rules.consent_missing == "deny"


def statement_of(order: OrderCompleted, seen: list[Touch]) -> Consent | None:
    """Section 4: the last statement before the order, if any. ``seen`` has the earliest first."""
    if order.consent in ("granted", "denied"):
        return order.consent
    statements = [touch.consent for touch in seen if touch.consent in ("granted", "denied")]
    return statements[-1] if statements else None
