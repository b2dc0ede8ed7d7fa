"""Why an order was reported as it was, put together from what the topics still say. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct

from consumer.awin import sread
from consumer.delivery.sent import OFFLINE
from consumer.events import Conversion, DeadLetter, Position, Receipt

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
    "remembered",
    "unknown",
]


class Decided(Struct, frozen=True, kw_only=True):
    """A conversion and where it stands."""

    at: Position
    decided_at_ms: int
    conversion: Conversion


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


class Waiting(Struct, frozen=True, kw_only=True):
    """An order that waits for the sessions before it."""

    since_ms: int
    completed_at_ms: int
    source: Position


class Remembered(Struct, frozen=True, kw_only=True):
    """What is kept of a decided order when its conversion has expired."""

    completed_at_ms: int
    channel: str
    click_checksums: tuple[str, ...]
    source: Position


class Traces(Struct, frozen=True, kw_only=True):
    """Everything that was found of one order."""

    conversions: Sequence[Decided] = ()
    receipt: Receipt | None = None
    refusals: Sequence[Refusal] = ()
    waiting: Waiting | None = None
    remembered: Remembered | None = None
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
    request: dict[str, str]
    """Names and unencoded values, rebuilt from the conversion."""
    receipt: Receipt | None
    repeats: tuple[Position, ...]
    """Later conversions of the same order, which were not sent."""
    refusals: tuple[Refusal, ...]
    waiting: Waiting | None
    remembered: Remembered | None
    unread_orders: int | None
    notes: tuple[str, ...]


def explain(programme: str, order_ref: str, traces: Traces) -> Explanation:
    """Tell what became of an order.

    Raises:
        Unreportable: the conversion says what no request can.
    """
    decided = _decisive(traces)
    state, since_ms = _state(traces, decided)
    sent = decided is not None and decided.conversion.method == "sread"
    return Explanation(
        programme=programme,
        order_ref=order_ref,
        state=state,
        since_ms=since_ms,
        conversion=decided,
        request=_said(decided.conversion) if decided is not None and sent else {},
        receipt=traces.receipt,
        repeats=tuple(each.at for each in traces.conversions if each is not decided),
        refusals=tuple(sorted(traces.refusals, key=lambda each: each.failed_at_ms)),
        waiting=None if decided is not None else traces.waiting,
        remembered=None if decided is not None else traces.remembered,
        unread_orders=traces.unread_orders,
        notes=tuple(traces.notes),
    )


def _said(conversion: Conversion) -> dict[str, str]:
    """Return what the request says, as Awin reads it."""
    query = urlsplit(sread.request(conversion).url).query
    return dict(parse_qsl(query, keep_blank_values=True, strict_parsing=True))


def refusal(letter: DeadLetter, at: Position, programme: str, order_ref: str) -> Refusal | None:
    """Return what a dead letter says about an order, ``None`` if it is about another one."""
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
    )


def needle(text: str) -> bytes:
    """Return how Avro writes a text of fewer than 64 bytes, or the text alone: to be looked for in a value."""
    encoded = text.encode()
    return bytes((2 * len(encoded),)) + encoded if len(encoded) < 64 else encoded


def _decisive(traces: Traces) -> Decided | None:
    """Return the conversion that the receipt answers, or else the first."""
    answered = (each for each in traces.conversions if traces.receipt is not None and each.at == traces.receipt.source)
    return next(answered, next(iter(traces.conversions), None))


def _state(traces: Traces, decided: Decided | None) -> tuple[State, int | None]:
    if traces.receipt is not None:
        for_export = traces.receipt.ending == "deferred" and traces.receipt.reason == OFFLINE
        return "for_export" if for_export else traces.receipt.ending, traces.receipt.finished_at_ms
    if decided is not None:
        passed = traces.delivered_to is not None and traces.delivered_to > decided.at.offset
        return "unreceipted" if passed else "outstanding", decided.decided_at_ms
    if traces.waiting is not None:
        return "pending", traces.waiting.since_ms
    if traces.remembered is not None:
        return "remembered", None
    if traces.refusals:
        return "dead_letter", max(each.failed_at_ms for each in traces.refusals)
    return "unknown", None
