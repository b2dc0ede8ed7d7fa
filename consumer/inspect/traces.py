"""What the topics say of one order, as it was found. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from consumer.events import Conversion, DeadLetter, OrderCompleted, Position, Receipt, SessionLanded


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
    session_cut: int | None = None
    """Next session offset at a forced decision; ``None`` when the watermark decided."""
    reported: bool = True


class OrderFound(Struct, frozen=True, kw_only=True):
    """The order's own record."""

    at: Position
    recorded_at_ms: int
    order: OrderCompleted


class Judgement(Struct, frozen=True, kw_only=True):
    """What becomes of an order record by the settings as they are."""

    ending: Literal["unread", "before_cut_over", "excluded", "zero_value", "refused", "accepted"]
    programme: str | None = None
    """Whose order it is; ``None``: nobody's, or that does not matter."""
    message: str = ""
    """Of a refused one: what is wrong with it."""
    cut_over_ms: int | None = None
    """Of its partition; ``None``: the attribute stage never worked on it."""


class DecidedAgain(Struct, frozen=True, kw_only=True):
    """The decision of an order that has no conversion, made again from the records that are still there."""

    conversion: Conversion
    """As it would be written."""
    agrees: bool | None
    """Whether it is what is remembered of the decision; ``None``: nothing is."""
    sessions_since_ms: int | None
    """Sessions from before this record time are not there any more, though the order might have seen them."""


class Forgotten(Struct, frozen=True, kw_only=True):
    """The last request to forget an order's visitor that was obeyed before the order was read."""

    at: Position
    asked_at_ms: int


class Traces(Struct, frozen=True, kw_only=True):
    """Everything that was found of one order."""

    conversions: Sequence[Decided] = ()
    receipt: Receipt | None = None
    refusals: Sequence[Refusal] = ()
    others: Sequence[str] = ()
    """Other programmes that have an order of this reference."""
    waiting: Waiting | None = None
    remembered: Remembered | None = None
    in_state: Sequence[int] = ()
    """The partitions whose state knows the order; asked only where there is no conversion."""
    order: OrderFound | None = None
    """Where nothing says which one it is, the newest of its reference."""
    other_records: int = 0
    """How many more have its reference; counted only where nothing says which one it is."""
    judgement: Judgement | None = None
    """Of that record, where nothing says which one it is: then it was not accepted, as far as is known."""
    sessions: Mapping[int, SessionLanded] = {}
    """The records of the touches that the conversion, or the decision made again, tells of, by their offsets."""
    again: DecidedAgain | None = None
    forgotten: Forgotten | None = None
    """``None`` also when the request is not there any more."""
    delivered_to: int | None = None
    """Deliver's committed offset in the conversion's partition."""
    unread_orders: int | None = None
    """Order records that the attribute stage has yet to read; asked only when nothing at all was found."""
    notes: Sequence[str] = ()
    """What was not looked at."""


def decisive(traces: Traces) -> Decided | None:
    """Return the conversion that the receipt answers, or else the first."""
    answered = (each for each in traces.conversions if traces.receipt is not None and each.at == traces.receipt.source)
    return next(answered, next(iter(traces.conversions), None))


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
