"""Records of every topic: one plain one each, and strategies for all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from msgspec import Struct

from consumer.events import (
    Conversion,
    DeadLetter,
    Evidence,
    Header,
    OrderCompleted,
    OrderLine,
    Part,
    Position,
    Product,
    Receipt,
    SessionLanded,
)
from consumer.stream.avro import (
    ConversionDecoder,
    ConversionEncoder,
    DeadLetterDecoder,
    DeadLetterEncoder,
    OrderDecoder,
    OrderEncoder,
    ReceiptDecoder,
    ReceiptEncoder,
    SessionDecoder,
    SessionEncoder,
)
from consumer.stream.decoder import Decoder
from consumer.stream.schemas import Schemas

SCHEMAS = Schemas.load()

SESSION = SessionLanded(
    session_id="s-1",
    visitor_id="v-1",
    landed_at_ms=1_700_000_000_000,
    landing_url="https://shop.example/?awc=1001_1403695822_a430d81e",
    referrer="https://blog.example/",
    consent="granted",
)

ORDER = OrderCompleted(
    order_id="o-1",
    order_ref="R-1",
    completed_at_ms=1_700_000_100_000,
    currency="EUR",
    subtotal=Decimal("49.90"),
    visitor_id="v-1",
    lines=(OrderLine(product_id="p-1", unit_price=Decimal("24.95"), quantity=2, amount=Decimal("49.90")),),
    customer_type="NEW",
    consent="denied",
)

CONVERSION = Conversion(
    programme="1001",
    order_ref="R-1",
    order_id="o-1",
    method="sread",
    mode="live",
    amount=Decimal("49.90"),
    currency="EUR",
    channel="aw",
    parts=(Part("DEFAULT", Decimal("49.90")),),
    vouchers=("SAVE",),
    click_checksums=("1001_1403695822_a430d81e",),
    customer_acquisition="NEW",
    custom={"1": "awin-s2s-consumer"},
    test=False,
    completed_at_ms=1_700_000_100_000,
    entered_at_ms=1_700_000_100_500,
    decidable_at_ms=1_700_000_110_000,
    reason="last_click",
    session_cut=None,
    evidence=(
        Evidence(
            session_offset=7,
            landed_at_ms=1_700_000_000_000,
            clicked_at_ms=1_700_000_000_000,
            channel="aw",
            rule=None,
            awc="1001_1403695822_a430d81e",
            verdict="won",
        ),
    ),
    fingerprint=b"fingerprint",
    source=Position("order.completed", 3, 42),
)

RECEIPT = Receipt(
    programme="1001",
    order_ref="R-1",
    ending="delivered",
    mode="live",
    attempts=2,
    unknown_attempts=1,
    possible_repeat=False,
    repeats=0,
    http_status=200,
    outcome="delivered",
    excerpt="",
    reason="",
    first_attempt_at_ms=1_700_000_111_000,
    finished_at_ms=1_700_000_112_000,
    completed_at_ms=1_700_000_100_000,
    decidable_at_ms=1_700_000_110_000,
    fingerprint=b"fingerprint",
    source=Position("awin.conversion", 3, 9),
)

DEAD_LETTER = DeadLetter(
    stage="attribute",
    reason="bad_framing",
    field="",
    message="the value begins with neither mark: see its producer",
    source=Position("session.landed", 0, 11),
    timestamp_ms=1_700_000_000_500,
    failed_at_ms=1_700_000_001_000,
    programme=None,
    order_ref=None,
    key=b"v-1",
    value=b"{}",
    headers=(Header("__value_schema_id", b"\x00\x00\x00\x00\x07"), Header("trace", None)),
    value_sha256=b"\x00" * 32,
    truncated=False,
)

_text = st.text(max_size=20)
_name = st.text(min_size=1, max_size=20)
_url = st.text(min_size=1, max_size=300)
_long = st.integers(-(2**63), 2**63 - 1)
_int = st.integers(0, 2**31 - 1)
_event_time = st.integers(946_684_800_000, 4_102_444_799_999)
_money = st.integers(-(10**15) * 10**4 + 1, 10**15 * 10**4 - 1).map(lambda units: Decimal(units).scaleb(-4))
_consent = st.sampled_from((None, "unknown", "granted", "denied"))
_customer_type = st.sampled_from((None, "NEW", "RETURNING"))
_custom = st.dictionaries(_text, _text, max_size=4)
_position = st.builds(Position, topic=_text, partition=_int, offset=_long)


def _tuples(items: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(items, max_size=3).map(tuple)


_line = st.builds(
    OrderLine,
    product_id=_text,
    sku=st.none() | _name,
    name=st.none() | _name,
    category=st.none() | _name,
    unit_price=_money,
    quantity=_long,
    amount=_money,
    commission_group=st.none() | _name,
)
_evidence = st.builds(
    Evidence,
    session_offset=st.none() | _long,
    landed_at_ms=_long,
    clicked_at_ms=_long,
    channel=st.none() | _text,
    rule=st.none() | _text,
    awc=st.none() | _text,
    verdict=_text,
)

_product = st.builds(
    Product,
    product_id=_text,
    name=_text,
    unit_price=_money,
    quantity=_long,
    sku=_text,
    group=_text,
    category=_text,
)

sessions = st.builds(
    SessionLanded,
    session_id=_name,
    visitor_id=_name,
    landed_at_ms=_event_time,
    landing_url=_url,
    referrer=st.none() | _url,
    consent=_consent,
)
orders = st.builds(
    OrderCompleted,
    order_id=_text,
    order_ref=_text,
    completed_at_ms=_event_time,
    currency=_text,
    subtotal=_money,
    visitor_id=st.none() | _name,
    session_id=st.none() | _name,
    customer_id=st.none() | _name,
    lines=_tuples(_line),
    voucher_codes=_tuples(_text),
    customer_type=_customer_type,
    consent=_consent,
    market=st.none() | _name,
    channel=st.none() | _name,
    awc=st.none() | _name,
    custom=_custom,
    test=st.booleans(),
)
conversions = st.builds(
    Conversion,
    programme=_text,
    order_ref=_text,
    order_id=_text,
    method=st.sampled_from(("sread", "conversion_api", "offline")),
    mode=st.sampled_from(("shadow", "test", "live")),
    amount=_money,
    currency=_text,
    channel=_text,
    parts=_tuples(st.builds(Part, code=_text, amount=_money)),
    vouchers=_tuples(_text),
    click_checksums=_tuples(_text),
    customer_acquisition=_customer_type,
    custom=_custom,
    test=st.booleans(),
    completed_at_ms=_long,
    entered_at_ms=_long,
    decidable_at_ms=_long,
    reason=_text,
    session_cut=st.none() | _long,
    evidence=_tuples(_evidence),
    fingerprint=st.binary(max_size=40),
    source=_position,
    products=_tuples(_product),
    notes=_tuples(_text),
)
receipts = st.builds(
    Receipt,
    programme=_text,
    order_ref=_text,
    ending=st.sampled_from(("delivered", "exported", "shadow", "dead_letter", "deferred")),
    mode=st.sampled_from(("shadow", "test", "live")),
    attempts=_int,
    unknown_attempts=_int,
    possible_repeat=st.booleans(),
    repeats=_int,
    http_status=st.none() | _int,
    outcome=st.sampled_from((None, "delivered", "rejected", "throttled", "not_sent", "unknown")),
    excerpt=_text,
    reason=_text,
    first_attempt_at_ms=st.none() | _long,
    finished_at_ms=_long,
    completed_at_ms=_long,
    decidable_at_ms=_long,
    fingerprint=st.binary(max_size=40),
    source=_position,
)
dead_letters = st.builds(
    DeadLetter,
    stage=st.sampled_from(("attribute", "deliver", "replay")),
    reason=_text,
    field=_text,
    message=_text,
    source=_position,
    timestamp_ms=_long,
    failed_at_ms=_long,
    programme=st.none() | _text,
    order_ref=st.none() | _text,
    key=st.none() | st.binary(max_size=40),
    value=st.none() | st.binary(max_size=40),
    headers=_tuples(st.builds(Header, _text, st.none() | st.binary(max_size=40))),
    value_sha256=st.binary(max_size=40),
    truncated=st.booleans(),
)


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic's records, and how they are written and read."""

    name: str
    plain: Struct
    records: st.SearchStrategy[Any]
    encode: Callable[[Any], bytes]
    decode: Decoder[Any]


TOPICS = (
    Topic("session.landed", SESSION, sessions, SessionEncoder(SCHEMAS), SessionDecoder(SCHEMAS)),
    Topic("order.completed", ORDER, orders, OrderEncoder(SCHEMAS), OrderDecoder(SCHEMAS)),
    Topic("awin.conversion", CONVERSION, conversions, ConversionEncoder(SCHEMAS), ConversionDecoder(SCHEMAS)),
    Topic("awin.receipt", RECEIPT, receipts, ReceiptEncoder(SCHEMAS), ReceiptDecoder(SCHEMAS)),
    Topic("awin.dead-letter", DEAD_LETTER, dead_letters, DeadLetterEncoder(SCHEMAS), DeadLetterDecoder(SCHEMAS)),
)
