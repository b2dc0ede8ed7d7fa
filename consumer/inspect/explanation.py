"""Why an order was reported as it was, put together from what the topics still say. Pure.

Conversion, receipt and dead letters tell what was done. What they do not tell (lines, consent, why this programme) is
worked out from the records of the order and of its touches, by the settings as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct

from consumer.attribution import landing
from consumer.attribution.channels import ChannelTable
from consumer.attribution.rules import Rulebook
from consumer.attribution.touch import Kind
from consumer.awin import sread
from consumer.delivery.sent import OFFLINE
from consumer.errors import Unreportable
from consumer.events import Consent, Conversion, DeadLetter, Evidence, OrderCompleted, Position, Receipt, SessionLanded
from consumer.inspect.arithmetic import Arithmetic, arithmetic
from consumer.inspect.choice import Check, Tried, excluding, tried
from consumer.inspect.consent import ConsentFound, consent

State = Literal[
    "pending",
    "outstanding",
    "unreceipted",
    "delivered",
    "exported",
    "shadow",
    "for_export",
    "deferred",
    "dead_letter",
    "replayed",
    "not_reportable",
    "remembered",
    "unknown",
]


_NO_RULES = ChannelTable()
"""A checksum is read off a landing whatever the channel table says."""


class Decided(Struct, frozen=True, kw_only=True):
    """A conversion and where it stands."""

    at: Position
    decided_at_ms: int
    conversion: Conversion
    is_replay: bool = False
    """It was a dead letter, and was appended again."""


class Refusal(Struct, frozen=True, kw_only=True):
    """A dead letter, without the original bytes."""

    at: Position
    stage: Literal["attribute", "deliver"]
    reason: str
    field: str
    message: str
    source: Position
    failed_at_ms: int
    by_content: bool
    """True when the letter does not say which order it is, but its original bytes hold the order reference."""
    replayed_at_ms: int | None = None
    """When its record was appended again, if it was."""


class Waiting(Struct, frozen=True, kw_only=True):
    """An order that waits for the sessions before it."""

    since_ms: int
    completed_at_ms: int
    source: Position


class Remembered(Struct, frozen=True, kw_only=True):
    """What is kept of a decided order when its conversion has expired, or when there was none."""

    completed_at_ms: int
    channel: str
    click_checksums: tuple[str, ...]
    source: Position
    reported: bool = True


class OrderFound(Struct, frozen=True, kw_only=True):
    """The order's own record."""

    at: Position
    order: OrderCompleted


class TouchFound(Struct, frozen=True, kw_only=True):
    """A touch that the decision looked at."""

    session_offset: int | None
    """``None``: the order itself carried it."""
    landed_at_ms: int
    clicked_at_ms: int
    age_ms: int
    """Of the click, when the order was completed; touches are ranked by it."""
    channel: str | None
    rule: str | None
    """The line of the channel table that named the channel; ``awc``: its checksum; ``order``: the order."""
    awc: str | None
    kind: Literal["normal", "strictly_necessary", "gclid", "erased"] | None
    """Of the checksum; ``None`` also where the session's record is not there any more."""
    consent: Consent | None
    """What the session's record says about consent, if it is still there."""
    verdict: str


class Traces(Struct, frozen=True, kw_only=True):
    """Everything that was found of one order."""

    conversions: Sequence[Decided] = ()
    receipt: Receipt | None = None
    refusals: Sequence[Refusal] = ()
    waiting: Waiting | None = None
    remembered: Remembered | None = None
    order: OrderFound | None = None
    sessions: Mapping[int, SessionLanded] = {}
    """The records of the touches that the conversion tells of, by their offsets."""
    delivered_to: int | None = None
    """Deliver's committed offset in the conversion's partition."""
    unread_orders: int | None = None
    """Order records that the attribute stage has yet to read; asked only when nothing else was found."""
    notes: Sequence[str] = ()
    """What was not looked at."""


class Explanation(Struct, frozen=True, kw_only=True):
    """The answer. Holds click checksums, which are personal data: it is for people, not for logs."""

    programme: str
    order_ref: str
    state: State
    since_ms: int | None
    conversion: Decided | None
    order: OrderFound | None
    """The order's record, if it is still there."""
    touches: tuple[TouchFound, ...]
    """The latest click first; those that decided, and the newest of the others."""
    consent: ConsentFound | None
    programmes: tuple[Tried, ...]
    """Those that the settings try for the order, up to the first that takes it."""
    excluded_by: tuple[Check, ...]
    """By the settings as they are the order would not be reported, for these conditions hold."""
    arithmetic: Arithmetic | None
    request: dict[str, str]
    """Names and unencoded values, rebuilt from the conversion."""
    url: str
    left_out: Literal["", "products", "products_and_custom"]
    """What the request does not say, since it would be too long."""
    receipt: Receipt | None
    repeats: tuple[Position, ...]
    """Further conversions of the same order, which were not sent; replays are none."""
    refusals: tuple[Refusal, ...]
    waiting: Waiting | None
    remembered: Remembered | None
    unread_orders: int | None
    notes: tuple[str, ...]


def explain(
    programme: str, order_ref: str, traces: Traces, rulebook: Rulebook, endpoint: str = sread.ENDPOINT
) -> Explanation:
    """Tell what became of an order.

    Args:
        programme: of the order.
        order_ref: its reference.
        traces: everything that was found of it.
        rulebook: the settings as they are.
        endpoint: where requests go.
    """
    decided = decisive(traces)
    conversion = None if decided is None else decided.conversion
    order = None if traces.order is None else traces.order.order
    state, since_ms = _state(traces, decided)
    request, why_not = _request(conversion, endpoint)
    rules = {each.advertiser_id: each for each in rulebook.programmes}.get(programme)
    return Explanation(
        programme=programme,
        order_ref=order_ref,
        state=state,
        since_ms=since_ms,
        conversion=decided,
        order=traces.order,
        touches=() if conversion is None else _touches(conversion, traces.sessions),
        consent=consent(conversion, order, traces.sessions, rules) if conversion is not None and rules else None,
        programmes=() if order is None else tried(order, rulebook),
        excluded_by=() if order is None else excluding(order, rulebook),
        arithmetic=arithmetic(order, rules, conversion) if order and conversion and rules else None,
        request={} if request is None else _said(request.url),
        url="" if request is None else request.url,
        left_out="" if request is None else request.left_out,
        receipt=traces.receipt,
        repeats=_repeats(traces, decided),
        refusals=tuple(sorted(traces.refusals, key=lambda each: each.failed_at_ms)),
        waiting=None if decided is not None else traces.waiting,
        remembered=None if decided is not None else traces.remembered,
        unread_orders=traces.unread_orders,
        notes=(*traces.notes, *why_not),
    )


def _request(conversion: Conversion | None, endpoint: str) -> tuple[sread.SreadRequest | None, tuple[str, ...]]:
    """Return the request for a conversion, if it is sent by request; else, where none can be made, why."""
    if conversion is None or conversion.method != "sread":
        return None, ()
    try:
        return sread.request(conversion, endpoint), ()
    except Unreportable as error:
        return None, (f"no request can be made: {error.message}",)


def _said(url: str) -> dict[str, str]:
    """Return what a request says, as Awin reads it."""
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True, strict_parsing=True))


def _touches(conversion: Conversion, sessions: Mapping[int, SessionLanded]) -> tuple[TouchFound, ...]:
    return tuple(
        TouchFound(
            session_offset=each.session_offset,
            landed_at_ms=each.landed_at_ms,
            clicked_at_ms=each.clicked_at_ms,
            age_ms=conversion.completed_at_ms - each.clicked_at_ms,
            channel=each.channel,
            rule=each.rule,
            awc=each.awc,
            kind=_kind(each, session),
            consent=None if session is None else session.consent,
            verdict=each.verdict,
        )
        for each in conversion.evidence
        for session in [sessions.get(-1 if each.session_offset is None else each.session_offset)]
    )


def _kind(
    touch: Evidence, session: SessionLanded | None
) -> Literal["normal", "strictly_necessary", "gclid", "erased"] | None:
    if touch.rule == landing.CHECKSUM_RULE and touch.awc is None:
        return "erased"
    if touch.awc is not None and touch.awc.startswith("gclid_"):
        return "gclid"
    if touch.awc is None or session is None:
        return None
    kind = landing.read(session.landing_url, session.referrer, _NO_RULES).kind
    return "strictly_necessary" if kind == Kind.STRICTLY_NECESSARY else "normal"


def refusal(
    letter: DeadLetter, at: Position, programme: str, order_ref: str, replayed_at_ms: int | None = None
) -> Refusal | None:
    """Return what a dead letter says about an order, ``None`` if it is about another one, or notes a replay."""
    if letter.stage == "replay":
        return None
    named = letter.order_ref == order_ref and letter.programme in {None, programme}
    by_content = letter.order_ref is None and letter.value is not None and needle(order_ref) in letter.value
    if not named and not by_content:
        return None
    return Refusal(
        at=at,
        stage=letter.stage,
        reason=letter.reason,
        field=letter.field,
        message=letter.message,
        source=letter.source,
        failed_at_ms=letter.failed_at_ms,
        by_content=by_content,
        replayed_at_ms=replayed_at_ms,
    )


def needle(text: str) -> bytes:
    """Return how Avro writes a text of fewer than 64 bytes, or the text alone: to be looked for in a value."""
    encoded = text.encode()
    return bytes((2 * len(encoded),)) + encoded if len(encoded) < 64 else encoded


def decisive(traces: Traces) -> Decided | None:
    """Return the conversion that the receipt answers, or else the first."""
    answered = (each for each in traces.conversions if traces.receipt is not None and each.at == traces.receipt.source)
    return next(answered, next(iter(traces.conversions), None))


def _state(traces: Traces, decided: Decided | None) -> tuple[State, int | None]:
    if traces.receipt is not None:
        return _ended(traces.receipt, _replayed(traces))
    if decided is not None:
        passed = traces.delivered_to is not None and traces.delivered_to > decided.at.offset
        return "unreceipted" if passed else "outstanding", decided.decided_at_ms
    if traces.waiting is not None:
        return "pending", traces.waiting.since_ms
    if traces.remembered is not None:
        return "remembered" if traces.remembered.reported else "not_reportable", None
    refused = [each.failed_at_ms for each in traces.refusals if each.replayed_at_ms is None]
    if refused:
        return "dead_letter", max(refused)
    return ("replayed", max(_replayed(traces).values())) if traces.refusals else ("unknown", None)


def _repeats(traces: Traces, decided: Decided | None) -> tuple[Position, ...]:
    others = (each for each in traces.conversions if each is not decided and not each.is_replay)
    replayed = _replayed(traces)
    return tuple(each.at for each in others if each.at not in replayed)


def _ended(receipt: Receipt, replayed: Mapping[Position, int]) -> tuple[State, int]:
    if receipt.ending == "dead_letter" and receipt.source in replayed:
        return "replayed", replayed[receipt.source]
    for_export = receipt.ending == "deferred" and receipt.reason == OFFLINE
    return "for_export" if for_export else receipt.ending, receipt.finished_at_ms


def _replayed(traces: Traces) -> dict[Position, int]:
    """Return where the records of replayed dead letters stood, and when they were replayed."""
    return {each.source: each.replayed_at_ms for each in traces.refusals if each.replayed_at_ms is not None}
