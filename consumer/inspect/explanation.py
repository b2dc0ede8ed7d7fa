"""Why an order was reported as it was, put together from what the topics still say. Pure.

Conversion, receipt and dead letters tell what was done. What they do not tell (lines, consent, why this programme) is
worked out from the records of the order and of its touches, by the settings as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct

from consumer.attribution.rules import Rulebook
from consumer.awin import sread
from consumer.delivery.sent import OFFLINE
from consumer.errors import Unreportable
from consumer.events import Conversion, Position, Receipt
from consumer.inspect.arithmetic import Arithmetic, arithmetic
from consumer.inspect.choice import Exclusion, Tried, excluding, tried
from consumer.inspect.consent import ConsentFound, consent
from consumer.inspect.touches import TouchFound, touches
from consumer.inspect.traces import (
    Decided,
    DecidedAgain,
    Forgotten,
    Judgement,
    OrderFound,
    Refusal,
    Remembered,
    Traces,
    Waiting,
    decisive,
)

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
    "unread",
    "before_cut_over",
    "excluded",
    "zero_value",
    "untraced",
    "unknown",
]


_STATES: dict[str, State] = {
    "unread": "unread",
    "before_cut_over": "before_cut_over",
    "excluded": "excluded",
    "zero_value": "zero_value",
    "refused": "untraced",
    "accepted": "untraced",
}
_UNTRACED = frozenset(_STATES.values())


class Explanation(Struct, frozen=True, kw_only=True):
    """The answer. Holds click checksums, which are personal data: it is for people, not for logs."""

    programme: str | None
    """``None``: the order is no programme's."""
    order_ref: str
    state: State
    since_ms: int | None
    conversion: Decided | None
    order: OrderFound | None
    """The order's record, if it is still there."""
    other_records: int
    """How many more have the reference; counted only where nothing says which one is the order's."""
    judgement: Judgement | None
    """What the settings make of a record that left no trace."""
    again: DecidedAgain | None
    """Of an order without conversion; touches, consent and arithmetic are then those of this decision."""
    touches: tuple[TouchFound, ...]
    """The latest click first; those that decided, and the newest of the others."""
    forgotten: Forgotten | None
    """The request by which the visitor had been forgotten, if the decision notes it and it is still there."""
    consent: ConsentFound | None
    programmes: tuple[Tried, ...]
    """Those that the settings try for the order, up to the first that takes it."""
    excluded_by: Exclusion | None
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
    sent = None if decided is None else decided.conversion
    conversion = sent if traces.again is None else traces.again.conversion
    order = None if traces.order is None else traces.order.order
    judgement = traces.judgement
    state, since_ms = _state(traces, decided)
    request, why_not = _request(sent, endpoint)
    known = {each.advertiser_id: each for each in rulebook.programmes}
    rules = None if conversion is None else known.get(conversion.programme)
    return Explanation(
        programme=programme if judgement is None or state not in _UNTRACED else judgement.programme,
        order_ref=order_ref,
        state=state,
        since_ms=since_ms,
        conversion=decided,
        order=traces.order,
        other_records=traces.other_records,
        judgement=judgement,
        again=traces.again,
        touches=() if conversion is None else touches(conversion, traces.sessions),
        forgotten=traces.forgotten,
        consent=consent(conversion, order, traces.sessions, rules) if conversion is not None and rules else None,
        programmes=() if order is None else tried(order, rulebook),
        excluded_by=None if order is None else excluding(order, rulebook),
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
        notes=(*map(_too, traces.others), *traces.notes, *why_not),
    )


def _too(other: str) -> str:
    return f"programme {other} has an order of this reference too: --programme {other}"


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
    ending = None if traces.judgement is None else _STATES[traces.judgement.ending]
    if traces.refusals and (ending in {None, "untraced"} or _refuses(traces)):
        refused = [each.failed_at_ms for each in traces.refusals if each.replayed_at_ms is None]
        return ("dead_letter", max(refused)) if refused else ("replayed", max(_replayed(traces).values()))
    return ending or "unknown", None


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


def _refuses(traces: Traces) -> bool:
    """Whether a dead letter is about the order's newest record."""
    return traces.order is not None and any(each.source == traces.order.at for each in traces.refusals)
