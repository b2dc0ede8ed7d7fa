"""Short ways to write down the logs of an example. Times count in seconds from `NOON_MS`."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from consumer.attribution.rules import Condition, Rules
from consumer.demo.reference import LoggedForget, LoggedOrder, LoggedSession, SessionRecord
from consumer.events import Consent, OrderCompleted, OrderLine, SessionLanded

NOON_MS = 1_700_000_000_000
NOON_S = NOON_MS // 1_000

RULES = Rules(
    advertiser_id="1001",
    mode="live",
    own_domains=("brand.example",),
    window_ms=1_000_000,
    grace_ms=10_000,
    click_delay_ms=20_000,
    max_clock_skew_ms=60_000,
    max_order_delay_ms=100_000,
    sender="sender-1.0",
)

GOOGLE_AD = "https://shop.example/?gclid=x"
NEWSLETTER = "https://shop.example/?utm_medium=email"
DIRECT = "https://shop.example/"


def awc(at_s: int, letters: str = "a", advertiser: str = "1001") -> str:
    """A checksum whose own time is ``at_s`` after noon."""
    return f"{advertiser}_{NOON_S + at_s}_{letters}"


def by(checksum: str, more: str = "") -> str:
    """A landing URL that carries a checksum."""
    return f"https://shop.example/?awc={checksum}{more}"


def landing(
    at_s: float,
    url: str = DIRECT,
    *,
    session: str | None = None,
    visitor: str = "ann",
    consent: Consent | None = None,
    referrer: str | None = None,
    stamped_s: float | None = None,
    partition: int = 0,
) -> LoggedSession:
    """A session at ``at_s``, of its own unless ``session`` is given; `log` numbers it."""
    landed_at_ms = NOON_MS + round(at_s * 1_000)
    stamped_ms = landed_at_ms if stamped_s is None else NOON_MS + round(stamped_s * 1_000)
    event = SessionLanded(session or f"at {at_s} {url}", visitor, landed_at_ms, url, referrer, consent)
    return LoggedSession(partition, 0, stamped_ms, event)


def log(*landings: LoggedSession) -> list[LoggedSession]:
    """Number the sessions of a log as they stand, partition by partition."""
    numbered: list[LoggedSession] = []
    for entry in landings:
        offset = sum(other.partition == entry.partition for other in numbered)
        numbered.append(LoggedSession(entry.partition, offset, entry.timestamp_ms, entry.event))
    return numbered


def forget(visitor: str = "ann", order: tuple[str, str] | None = None) -> LoggedForget:
    """A request to forget somebody; `numbered` numbers it."""
    return LoggedForget(0, 0, NOON_MS, visitor, order)


def numbered(*records: SessionRecord) -> list[SessionRecord]:
    """Number the records of partition 0 as they stand."""
    return [dataclasses.replace(record, offset=offset) for offset, record in enumerate(records)]


ORDER = OrderCompleted(
    order_id="1",
    order_ref="R1",
    completed_at_ms=NOON_MS,
    currency="EUR",
    subtotal=Decimal("100.00"),
    visitor_id="ann",
)
"""An order of ann's at noon."""


def ordered(
    event: OrderCompleted = ORDER,
    /,
    *,
    offset: int = 0,
    partition: int = 0,
    stamped_s: float | None = None,
    **changes: Any,
) -> LoggedOrder:
    """An order record; ``changes`` are to `ORDER`, and its own timestamp is the order's unless given."""
    event = replace(event, **changes)
    stamped_ms = event.completed_at_ms if stamped_s is None else NOON_MS + round(stamped_s * 1_000)
    return LoggedOrder(partition, offset, stamped_ms, event)


def line(amount: str, group: str | None = None, /, **fields: Any) -> OrderLine:
    """An order line of one piece."""
    price = Decimal(amount)
    said = OrderLine(product_id="p", unit_price=price, quantity=1, amount=price, commission_group=group)
    return replace(said, **fields)


def when(field: str, *values: str | None) -> tuple[Condition, ...]:
    """A set of one condition."""
    return (Condition(field, frozenset(values)),)
