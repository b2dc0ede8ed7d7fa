"""What goes into the reference and what comes out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeAlias

from consumer.events import CustomerType, Evidence, OrderCompleted, Part, Product, SessionLanded

LONGEST_ID = 1000
"""Of a visitor or a session, in characters."""

Ending = Literal["conversion", "duplicate", "conflict", "before_cut_over", "not_reportable", "dead_letter"]


@dataclass(frozen=True, slots=True)
class LoggedSession:
    """A ``session.landed`` record where it stands; ``timestamp_ms`` is the record's, not the event's."""

    partition: int
    offset: int
    timestamp_ms: int
    event: SessionLanded


@dataclass(frozen=True, slots=True)
class LoggedForget:
    """A ``session.landed`` record without a value: the visitor in its key is to be forgotten (section 10)."""

    partition: int
    offset: int
    timestamp_ms: int
    visitor_id: str
    order: tuple[str, str] | None = None
    """Programme and order reference in its header, if it has one."""


SessionRecord: TypeAlias = LoggedSession | LoggedForget


@dataclass(frozen=True, slots=True)
class LoggedOrder:
    """An ``order.completed`` record where it stands; ``timestamp_ms`` is the record's, not the event's."""

    partition: int
    offset: int
    timestamp_ms: int
    event: OrderCompleted

    @property
    def place(self) -> tuple[int, int]:
        """Partition and offset."""
        return self.partition, self.offset


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What must become of one order record.

    ``reason`` and ``field`` speak of a dead letter (a conflict is one, too); ``channel``, ``why`` and both kinds of
    checksums of an order that was decided, whether it is reportable or not; everything below them of a conversion.
    What an ending does not speak of keeps its default.
    """

    partition: int
    offset: int
    programme: str
    """Empty when the order was judged before its programme, or has none."""
    order_ref: str
    ending: Ending
    reason: str = ""
    field: str = ""
    channel: str = ""
    why: str = ""
    """The reason word of the channel, such as ``last_click``."""
    click_checksums: tuple[str, ...] = ()
    """The normal (or gclid) one first, then the strictly necessary one."""
    linked_checksums: tuple[str, ...] = ()
    """Those of them that are remembered with the order: none if that was asked for (section 10)."""
    amount: Decimal = Decimal(0)
    currency: str = ""
    parts: tuple[Part, ...] = ()
    vouchers: tuple[str, ...] = ()
    customer_acquisition: CustomerType | None = None
    custom: Mapping[str, str] = dataclasses.field(default_factory=dict)
    products: tuple[Product, ...] = ()
    notes: tuple[str, ...] = ()
    test: bool = False
    entered_at_ms: int = 0
    """Timestamp of the order's record."""
    decidable_at_ms: int = 0
    """Event time."""
    evidence: tuple[Evidence, ...] = ()
