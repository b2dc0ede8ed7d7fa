"""Last click: which channel an order gets, and which click checksums. Source: docs/attribution.md, sections 2 to 4."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum
from heapq import nlargest
from operator import attrgetter, itemgetter
from typing import Literal, NamedTuple

from msgspec import Struct

from consumer.attribution import erasure
from consumer.attribution.awc import Checksum, of_touch, parse
from consumer.attribution.channels import AWIN_CHANNEL
from consumer.attribution.rules import Rules
from consumer.attribution.touch import Kind, Touch
from consumer.events import Evidence, OrderCompleted

MAX_EVIDENCE = 20
ORDER_RULE = "order"
"""Stands for a rule where the order itself names the channel."""

Reason = Literal["no_model", "order_channel", "last_click", "direct_only", "no_landing"]

_STRICTLY_NECESSARY = Kind.STRICTLY_NECESSARY.value
_ERASED = Kind.ERASED.value
"""This kind and that after it have no checksum any more, and stand for normal and gclid ones."""
_FORGOTTEN = Kind.FORGOTTEN.value
_landing_order = attrgetter("landed_at_ms", "offset")
_AFTER_SESSIONS = 2**63
"""Stands for the offset of what the order itself carries, which ranks after every session's."""


class Verdict(StrEnum):
    """What became of one touch, as evidence says it. The words are a contract."""

    WON = "won"
    """Its channel is the order's."""
    WON_NO_CONSENT = "won_no_consent"
    """Its channel is the order's, but its checksum is not sent for lack of consent."""
    NO_CONSENT = "no_consent"
    """A later candidate won; its checksum would be sent along, but for lack of consent."""
    EARLIER = "earlier"
    """A later candidate won."""
    NO_MODEL = "no_model"
    """It could have won, but ``attribution.model: none`` lets nothing win."""
    DIRECT = "direct"
    """It has no channel."""
    SAME_CLICK = "same_click"
    """Its checksum was seen before: no click of its own."""
    SAME_LANDING = "same_landing"
    """The session said the same before: no landing of its own, only a statement of consent."""
    OUTSIDE_WINDOW = "outside_window"
    """It, or its click, is older than its channel's window."""
    OTHER_PROGRAMME = "other_programme"
    """Its checksum is of another advertiser."""


class Attribution(Struct, frozen=True):
    """The decision about one order."""

    channel: str
    reason: Reason
    click_checksums: tuple[str, ...]
    """The normal (or gclid) one first, then the strictly necessary one; each may be absent."""
    evidence: tuple[Evidence, ...]
    """What was looked at, newest first: what decided and, up to 20 in all, the newest of the rest."""
    forgotten: bool = False
    """Whether the visitor was forgotten, so that what the order would have seen before that is not known."""

    def concerns_awin(self) -> bool:
        """Whether a programme that reports only Awin's orders reports this one."""
        return self.channel == AWIN_CHANNEL or bool(self.click_checksums)


class _Weighed(NamedTuple):
    """A touch and the time that it counts at; the first three fields are its rank."""

    time_ms: int
    landed_at_ms: int
    offset: int
    channel: str | None
    rule: str | None
    awc: str | None
    kind: int
    verdict: Verdict | None
    """``None`` for a candidate."""


_rank = itemgetter(slice(3))


def decide(order: OrderCompleted, touches: Collection[Touch], rules: Rules, cut: int | None = None) -> Attribution:
    """Return the channel and the checksums of an order that has passed `consumer.attribution.conversion.check`.

    The answer depends neither on the order of ``touches`` nor on those among them that the order does not see.

    Args:
        order: the order.
        touches: all touches of the order's visitor that are at hand, a marker of his being forgotten among them.
        rules: the settings of the decision.
        cut: session offset of a decision by force; ``None`` when the watermark decided.
    """
    own = None if order.awc is None else parse(order.awc)
    seen = erasure.brought_back(_seen(order, touches, rules, cut), None if own is None else own.value)
    ranked = sorted(_weigh(order, own, seen, rules), key=_rank, reverse=True)
    candidates = [item for item in ranked if item.verdict is None]
    winner = candidates[0] if candidates and rules.model != "none" else None
    clicks = [item for item in candidates if item.kind]
    normal = next((item for item in clicks if item.kind != _STRICTLY_NECESSARY), None)
    necessary = next((item for item in clicks if item.kind == _STRICTLY_NECESSARY), None)
    is_erased = normal is not None and normal.kind >= _ERASED
    withheld = normal if is_erased or _denied(order, seen, rules) else None
    channel, reason = _channel(order, rules, winner, known=bool(seen))
    sent = tuple([c.awc for c in (normal, necessary) if c is not None and c.awc and c is not withheld])
    evidence = tuple(
        [
            _evidence(item, item.verdict or _verdict(item, winner, withheld))
            for item in _most_telling(ranked, (winner, normal, necessary))
        ]
    )
    return Attribution(channel, reason, sent, evidence, _is_forgotten(order, touches, rules))


def _most_telling(ranked: Sequence[_Weighed], deciding: Sequence[_Weighed | None]) -> Sequence[_Weighed]:
    """Return what decided and, up to `MAX_EVIDENCE` in all, the newest of the rest; the newest first."""
    if len(ranked) <= MAX_EVIDENCE:
        return ranked
    offsets = {item.offset for item in deciding if item is not None}
    chosen = nlargest(MAX_EVIDENCE, ranked, key=lambda item: (item.offset in offsets, _rank(item)))
    return sorted(chosen, key=_rank, reverse=True)


def _seen(order: OrderCompleted, touches: Iterable[Touch], rules: Rules, cut: int | None) -> list[Touch]:
    """Return the touches that the order sees, oldest landing first."""
    if not order.visitor_id:
        return []
    latest = order.completed_at_ms
    earliest = latest - rules.window_ms
    decided_at_ms = latest + rules.grace_ms
    seen = [
        touch
        for touch in touches
        if earliest <= touch.landed_at_ms <= latest
        and touch.kind != _FORGOTTEN
        and (touch.watermark_before_ms < decided_at_ms if cut is None else touch.offset < cut)
    ]
    return sorted(seen, key=_landing_order)


def _is_forgotten(order: OrderCompleted, touches: Iterable[Touch], rules: Rules) -> bool:
    """Say whether a marker stands for touches that the order might have seen."""
    earliest = order.completed_at_ms - rules.window_ms
    found = (touch for touch in touches if touch.kind == _FORGOTTEN and touch.landed_at_ms >= earliest)
    return bool(order.visitor_id) and any(found)


def _weigh(order: OrderCompleted, own: Checksum | None, seen: Sequence[Touch], rules: Rules) -> list[_Weighed]:
    """Return every touch with its time, and the verdict on those that are no candidates."""
    weighed: list[_Weighed] = []
    landings: set[tuple[str, str | None, str | None]] = set()
    clicks: dict[str, int] = {}
    erased = {touch.awc for touch in seen if touch.kind == _ERASED}
    at_ms = order.completed_at_ms
    for touch in seen:
        click: str | None = None
        time_ms, verdict = touch.landed_at_ms, None if touch.channel else Verdict.DIRECT
        if verdict is None and touch.awc is None and time_ms < at_ms - rules.window_of(touch.channel):
            verdict = Verdict.OUTSIDE_WINDOW
        if touch.awc is not None:
            checksum = of_touch(touch.awc, touch.kind)
            left = erasure.remainder(touch.awc, touch.kind) if erased else touch.awc
            click = left if left in erased else touch.awc
            time_ms = clicks.get(click, _click_time(checksum, touch.landed_at_ms, rules))
            verdict = Verdict.SAME_CLICK if click in clicks else _refusal(checksum, time_ms, order, rules)
            clicks[click] = clicks[touch.awc] = time_ms
        landing = (touch.session_id, touch.channel, click)
        if landing in landings:
            verdict = Verdict.SAME_LANDING
        landings.add(landing)
        channel = touch.channel if touch.awc is None else AWIN_CHANNEL
        awc = touch.awc if touch.kind < _ERASED else None
        weighed.append(
            _Weighed(time_ms, touch.landed_at_ms, touch.offset, channel, touch.rule, awc, touch.kind, verdict)
        )
    return weighed + _carried(order, own, clicks, rules)


def _carried(order: OrderCompleted, checksum: Checksum | None, clicks: dict[str, int], rules: Rules) -> list[_Weighed]:
    """Return what the order itself carries: its checksum and its channel, each ranking after every session."""
    at_ms = order.completed_at_ms
    carried: list[_Weighed] = []
    if checksum is not None:
        own_ms = at_ms if checksum.clicked_at_ms is None else min(checksum.clicked_at_ms, at_ms)
        time_ms = clicks.get(checksum.value, own_ms)
        verdict = Verdict.SAME_CLICK if checksum.value in clicks else _refusal(checksum, time_ms, order, rules)
        carried.append(
            _Weighed(
                time_ms, at_ms, _AFTER_SESSIONS, AWIN_CHANNEL, ORDER_RULE, checksum.value, checksum.kind.value, verdict
            )
        )
    if order.channel is not None:
        carried.append(_Weighed(at_ms, at_ms, _AFTER_SESSIONS + 1, order.channel, ORDER_RULE, None, 0, None))
    return carried


def _click_time(checksum: Checksum | None, landed_at_ms: int, rules: Rules) -> int:
    """Return when the click of an earliest landing happened: by its checksum where that says more than the landing."""
    if checksum is None or checksum.clicked_at_ms is None:
        return landed_at_ms
    return checksum.clicked_at_ms if landed_at_ms - checksum.clicked_at_ms > rules.click_delay_ms else landed_at_ms


def _refusal(checksum: Checksum | None, time_ms: int, order: OrderCompleted, rules: Rules) -> Verdict | None:
    """Say why a click does not count for the order; ``None`` when it does."""
    if checksum is not None and checksum.advertiser_id not in {None, rules.advertiser_id}:
        return Verdict.OTHER_PROGRAMME
    return Verdict.OUTSIDE_WINDOW if time_ms < order.completed_at_ms - rules.window_of(AWIN_CHANNEL) else None


def _denied(order: OrderCompleted, seen: Sequence[Touch], rules: Rules) -> bool:
    """Say whether the last statement about consent, the order's own before all, is a refusal."""
    statements = (order.consent, *(touch.consent for touch in reversed(seen)))
    said = next((statement for statement in statements if statement in {"granted", "denied"}), None)
    if said is None:
        return rules.consent_missing_for(order.market) == "deny"
    return said == "denied"


def _channel(order: OrderCompleted, rules: Rules, winner: _Weighed | None, *, known: bool) -> tuple[str, Reason]:
    if rules.model == "none":
        return AWIN_CHANNEL, "no_model"
    if order.channel is not None and rules.order_channel == "trust":
        return order.channel, "order_channel"
    if winner is not None and winner.channel is not None:
        return winner.channel, "last_click"
    return (rules.channel_none, "direct_only") if known else (rules.channel_unknown, "no_landing")


def _verdict(candidate: _Weighed, winner: _Weighed | None, withheld: _Weighed | None) -> Verdict:
    """Return the verdict on a candidate."""
    if candidate is winner:
        return Verdict.WON_NO_CONSENT if candidate is withheld else Verdict.WON
    if candidate is withheld:
        return Verdict.NO_CONSENT
    return Verdict.EARLIER if winner is not None else Verdict.NO_MODEL


def _evidence(item: _Weighed, verdict: Verdict) -> Evidence:
    return Evidence(
        session_offset=item.offset if item.offset < _AFTER_SESSIONS else None,
        landed_at_ms=item.landed_at_ms,
        clicked_at_ms=item.time_ms,
        channel=item.channel,
        rule=item.rule,
        awc=item.awc,
        verdict=verdict.value,
    )
