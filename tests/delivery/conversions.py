"""Conversions for tests of delivery, and the codecs and outbox records that carry them."""

from __future__ import annotations

from decimal import Decimal
from functools import cache

from msgspec.structs import replace

from consumer.delivery.endings import Codecs
from consumer.delivery.outstanding import Outstanding
from consumer.delivery.pacing.retry import Trial
from consumer.events import Conversion, Mode, Part, Position, outbox_key
from consumer.stream.avro import (
    ConversionDecoder,
    ConversionEncoder,
    DeadLetterEncoder,
    ReceiptDecoder,
    ReceiptEncoder,
)
from consumer.stream.log import Record, TopicPartition
from consumer.stream.schemas import Schemas

T0_MS = 1_700_000_000_000

SALE = Conversion(
    programme="1001",
    order_ref="A-1",
    order_id="4711",
    method="sread",
    mode="live",
    amount=Decimal("49.99"),
    currency="EUR",
    channel="aw",
    parts=(Part("DEFAULT", Decimal("49.99")),),
    vouchers=(),
    click_checksums=("1001_1699990000_a430d81e22c9e8687f423efcf024fbaa",),
    customer_acquisition=None,
    custom={},
    test=False,
    completed_at_ms=T0_MS,
    entered_at_ms=T0_MS + 500,
    decidable_at_ms=T0_MS + 10_000,
    reason="last_click",
    session_cut=None,
    evidence=(),
    fingerprint=b"same",
    source=Position("order.completed", 0, 7),
)


def sale(order_ref: str, *, mode: Mode = "live", fingerprint: bytes = b"same", at_ms: int = T0_MS) -> Conversion:
    """Return a conversion of one order."""
    return replace(SALE, order_ref=order_ref, mode=mode, fingerprint=fingerprint, completed_at_ms=at_ms)


def key_of(conversion: Conversion) -> bytes:
    """Return the key under which a conversion and its receipt travel."""
    return outbox_key(conversion.programme, conversion.order_ref)


@cache
def schemas() -> Schemas:
    """Return the shipped schemas."""
    return Schemas.load()


@cache
def codecs() -> Codecs:
    """Return the real codecs."""
    return Codecs(
        ConversionDecoder(schemas()),
        ReceiptDecoder(schemas()),
        ReceiptEncoder(schemas()),
        DeadLetterEncoder(schemas()),
    )


def encoded(conversion: Conversion) -> bytes:
    """Return the outbox value of a conversion."""
    return ConversionEncoder(schemas())(conversion)


def outstanding(conversion: Conversion, offset: int, topic: str = "awin.conversion") -> Outstanding:
    """Return a conversion in hand, as read from partition 0 of the outbox, or of what was put off once."""
    record = Record(topic, 0, offset, T0_MS, key_of(conversion), encoded(conversion))
    return in_hand(record, conversion)


def in_hand(record: Record, conversion: Conversion) -> Outstanding:
    """Return a conversion in hand, as read from this record."""
    at = TopicPartition(record.topic, record.partition)
    return Outstanding(
        record=record,
        conversion=conversion,
        key=key_of(conversion),
        at=Position(*at, record.offset),
        written_at_ms=record.timestamp_ms,
        trial=Trial(conversion.programme, 0),
        suspect=False,
        deferrals=int(record.topic == "awin.deferred"),
    )
