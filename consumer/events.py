"""The records that cross a topic, as frozen values.

Field by field these are the schemas in ``schemas/``; times are integer milliseconds UTC, money is `Decimal`.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Literal

from msgspec import Struct

Consent = Literal["granted", "denied", "unknown"]
Mode = Literal["shadow", "test", "live"]
Method = Literal["sread", "conversion_api", "offline"]
CustomerType = Literal["NEW", "RETURNING"]
Ending = Literal["delivered", "exported", "shadow", "dead_letter", "deferred"]
Outcome = Literal["delivered", "rejected", "throttled", "not_sent", "unknown"]
ProgrammeState = Literal["running", "paused", "halted"]


FORGET_ORDER_HEADER = "awin-forget-order"
"""On a ``session.landed`` record without a value: the `outbox_key` of an order whose checksums to forget as well. Where
the record has no key, or an empty one, that is all it asks for."""


class SessionLanded(Struct, frozen=True, gc=False):
    """A visitor arrived on the shop. ``landing_url`` keeps its full query string."""

    session_id: str
    visitor_id: str
    landed_at_ms: int
    landing_url: str
    referrer: str | None = None
    consent: Consent | None = None


class OrderLine(Struct, frozen=True, kw_only=True):
    """One line of an order; ``amount`` is the line's total after discount, without tax."""

    product_id: str
    sku: str | None = None
    name: str | None = None
    category: str | None = None
    unit_price: Decimal
    quantity: int
    amount: Decimal
    commission_group: str | None = None


class OrderCompleted(Struct, frozen=True, kw_only=True):
    """An order was placed. ``subtotal`` is after discounts, before tax and shipping."""

    order_id: str
    order_ref: str
    completed_at_ms: int
    currency: str
    subtotal: Decimal
    visitor_id: str | None = None
    session_id: str | None = None
    customer_id: str | None = None
    lines: tuple[OrderLine, ...] = ()
    voucher_codes: tuple[str, ...] = ()
    customer_type: CustomerType | None = None
    consent: Consent | None = None
    market: str | None = None
    channel: str | None = None
    awc: str | None = None
    custom: dict[str, str] = {}
    test: bool = False


class Part(Struct, frozen=True):
    """The share of an order's amount that belongs to one commission group."""

    code: str
    amount: Decimal


class Evidence(Struct, frozen=True, kw_only=True):
    """One touch that an attribution looked at, and what became of it."""

    session_offset: int | None
    """Offset of the session record; ``None`` when the order itself carried the touch."""
    landed_at_ms: int
    clicked_at_ms: int
    channel: str | None
    rule: str | None
    awc: str | None
    verdict: str


class Position(Struct, frozen=True, order=True):
    """Where a record stands."""

    topic: str
    partition: int
    offset: int


class Product(Struct, frozen=True, kw_only=True):
    """One product row of a conversion; texts are empty where the order has none."""

    product_id: str
    name: str
    unit_price: Decimal
    """In the currency's minor digits."""
    quantity: int
    sku: str
    group: str
    category: str


class Conversion(Struct, frozen=True, kw_only=True):
    """The outbox record: everything a request to Awin will say, with nothing left to decide."""

    programme: str
    order_ref: str
    order_id: str
    method: Method
    mode: Mode
    amount: Decimal
    currency: str
    channel: str
    parts: tuple[Part, ...]
    vouchers: tuple[str, ...]
    click_checksums: tuple[str, ...]
    """At most two: the normal one first, then the strictly necessary one."""
    customer_acquisition: CustomerType | None
    custom: dict[str, str]
    """Custom parameters by number: ``{"1": ...}`` travels as ``p1``."""
    test: bool
    completed_at_ms: int
    entered_at_ms: int
    """When the order entered Kafka: the timestamp of its record."""
    decidable_at_ms: int
    """Event time from which the order could be decided: ``completed_at`` plus the grace, if it has a visitor."""
    reason: str
    """Why this channel: ``last_click``, ``order_channel``, ``direct_only``, ``no_landing``, ``no_model``."""
    session_cut: int | None
    """Next session offset at a forced decision; ``None`` when the watermark decided."""
    evidence: tuple[Evidence, ...]
    fingerprint: bytes
    source: Position
    products: tuple[Product, ...] = ()
    notes: tuple[str, ...] = ()
    """What was done to express the order: ``unknown_group``, then ``pro_rata`` or ``default_group``; ``malformed_awc``
    when it carried something that is no click checksum; ``forgotten`` when the visitor was forgotten before it was
    read."""


class Receipt(Struct, frozen=True, kw_only=True):
    """What became of one conversion. Keyed like it; the newest record of a key holds."""

    programme: str
    order_ref: str
    ending: Ending
    mode: Mode
    attempts: int
    unknown_attempts: int
    """Attempts whose outcome is not known; each may have reached Awin."""
    possible_repeat: bool
    repeats: int
    """How many later conversions said the same and were not sent."""
    http_status: int | None
    outcome: Outcome | None
    excerpt: str
    """The beginning of the last answer; once exported the file's name."""
    reason: str
    """For a dead letter its reason; for ``deferred`` why it was put off. ``offline`` for what its programme's method
    leaves to files: ``deferred`` until it is ``exported``, which keeps the reason why (``offline`` or ``too_old``).
    Else empty."""
    first_attempt_at_ms: int | None
    finished_at_ms: int
    completed_at_ms: int
    decidable_at_ms: int
    fingerprint: bytes
    source: Position
    """The conversion that this receipt answers."""
    deferrals: int = 0
    """How often it was put off."""


class Header(Struct, frozen=True):
    """One header of a record."""

    name: str
    value: bytes | None


class DeadLetter(Struct, frozen=True, kw_only=True):
    """A record that could not be processed, with its original bytes; or the note that it was replayed."""

    stage: Literal["attribute", "deliver", "replay"]
    """``replay``: this is no dead letter, but says that the one at ``source`` was appended again."""
    reason: str
    field: str
    message: str
    source: Position
    timestamp_ms: int
    failed_at_ms: int
    programme: str | None
    order_ref: str | None
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...] = ()
    value_sha256: bytes
    truncated: bool
    """True when this is not the whole record: key or value are cut off, or headers left out."""


class Control(Struct, frozen=True, kw_only=True):
    """Whether a programme's conversions are sent. Keyed by programme; the newest record of a key holds."""

    programme: str
    state: ProgrammeState
    reason: str
    changed_at_ms: int
    changed_by: str


def outbox_key(programme: str, order_ref: str) -> bytes:
    """Key of conversions and receipts; programme ids are digits, so the first colon separates."""
    return f"{programme}:{order_ref}".encode()


def orders_to_forget(headers: Iterable[tuple[str, bytes | None]]) -> list[bytes]:
    """Return the outbox keys of the orders that a ``session.landed`` record without a value names."""
    return [order for name, order in headers if name == FORGET_ORDER_HEADER and order]


def forgets_orders_alone(key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, bytes | None]]) -> bool:
    """Whether a ``session.landed`` record asks to forget orders and no visitor.

    It has nobody's key, and stands in the partition where the orders are remembered.
    """
    return value is None and not key and bool(orders_to_forget(headers))


def programme_in(key: bytes) -> str:
    """Return the programme in an `outbox_key`; of any other bytes something that is none."""
    return key.partition(b":")[0].decode("utf-8", "replace")
