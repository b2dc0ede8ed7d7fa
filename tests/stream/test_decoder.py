"""Producers' own schemas resolve to ours, wherever those schemas are kept."""

from __future__ import annotations

import json
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from consumer.errors import SchemaUnavailable, Undecodable
from consumer.events import OrderCompleted, OrderLine, SessionLanded
from consumer.stream.avro import OrderDecoder, SessionDecoder
from consumer.stream.schemas import Schemas, parse_writer
from tests.stream.avro_producers import ORDER_FIELDS, SESSION_FIELDS, MemoryRegistry, body, field_of, shipped, without
from tests.stream.avro_samples import ORDER, SCHEMAS, SESSION

GUID = UUID("89791762-2336-186f-9674-299b90a8e8e2")
FRAME = b"\x00\x00\x00\x00\x07"


def decoded_session(schema: dict[str, Any], fields: dict[str, Any]) -> SessionLanded:
    """A session as we read it, written with a schema that the registry holds."""
    registry = MemoryRegistry({7: json.dumps(schema)})
    return SessionDecoder(SCHEMAS.asking(registry))(FRAME + body(schema, fields))


def decoded_order(schema: dict[str, Any], fields: dict[str, Any]) -> OrderCompleted:
    """An order as we read it, written with a schema that the registry holds."""
    registry = MemoryRegistry({7: json.dumps(schema)})
    return OrderDecoder(SCHEMAS.asking(registry))(FRAME + body(schema, fields))


def decimal(precision: int, scale: int) -> dict[str, Any]:
    """A decimal type."""
    return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}


def test_our_own_schema_from_a_registry() -> None:
    """The contract itself, registered by a producer, reads as it does from its file."""
    assert decoded_session(shipped("session.landed"), SESSION_FIELDS) == SESSION
    assert decoded_order(shipped("order.completed"), ORDER_FIELDS) == ORDER


def test_added_fields_are_left_out() -> None:
    """A producer may add fields anywhere, records included, and use its own namespace and order."""
    schema = shipped("session.landed") | {"namespace": "com.shop"}
    added = {
        "name": "device",
        "type": {"type": "record", "name": "Device", "fields": [{"name": "os", "type": "string"}]},
    }
    schema["fields"] = [added, *reversed(schema["fields"])]
    assert decoded_session(schema, SESSION_FIELDS | {"device": {"os": "BeOS"}}) == SESSION


def test_nullable_fields_may_be_missing() -> None:
    """A producer that has no referrer and no consent leaves these fields out of its schema."""
    schema = without(shipped("session.landed"), "referrer", "consent", "market", "customer_id")
    assert decoded_session(schema, SESSION_FIELDS) == replace(SESSION, referrer=None, consent=None)


def test_an_order_may_be_short() -> None:
    """All that an order must have are its ids, time, currency and subtotal."""
    needed = {"order_id", "order_ref", "completed_at", "currency", "subtotal"}
    full = shipped("order.completed")
    schema = without(full, *(each["name"] for each in full["fields"] if each["name"] not in needed))
    short = OrderCompleted(
        order_id="o-1", order_ref="R-1", completed_at_ms=1_700_000_100_000, currency="EUR", subtotal=Decimal("49.90")
    )
    assert decoded_order(schema, ORDER_FIELDS) == short


def test_a_missing_required_field_is_undecodable() -> None:
    """A schema without the order reference does not resolve, and the text names the field."""
    with pytest.raises(Undecodable, match="order_ref") as refusal:
        decoded_order(without(shipped("order.completed"), "order_ref"), ORDER_FIELDS)
    assert refusal.value.reason == "undecodable"


@given(units=st.integers(-(10**15) + 1, 10**15 - 1), scale=st.integers(0, 10), precision=st.integers(10, 38))
def test_amounts_are_exact_in_any_scale(units: int, scale: int, precision: int) -> None:
    """An amount is what the producer wrote, also when it has more digits than its schema declares."""
    schema = shipped("order.completed")
    wide, declared = decimal(38, scale), decimal(precision, scale)
    field_of(schema, "subtotal")["type"] = wide
    amount = Decimal(units).scaleb(-scale)
    value = FRAME + body(schema, ORDER_FIELDS | {"subtotal": amount})
    field_of(schema, "subtotal")["type"] = declared
    order = OrderDecoder(SCHEMAS.asking(MemoryRegistry({7: json.dumps(schema)})))(value)
    assert order.subtotal == amount


def test_amounts_of_lines_have_their_own_scale() -> None:
    """Each decimal of a schema is read in its own scale, those of the lines too."""
    schema = shipped("order.completed")
    line = field_of(schema, "lines")["type"]["items"]
    field_of(line, "unit_price")["type"] = decimal(12, 6)
    field_of(line, "amount")["type"] = decimal(9, 2)
    lines = [{"product_id": "p-1", "unit_price": Decimal("0.123456"), "quantity": 3, "amount": Decimal("0.37")}]
    order = decoded_order(schema, ORDER_FIELDS | {"lines": lines})
    assert order.lines == (
        OrderLine(product_id="p-1", unit_price=Decimal("0.123456"), quantity=3, amount=Decimal("0.37")),
    )


@pytest.mark.parametrize("amount", [Decimal("1E-11"), Decimal(10) ** 30, Decimal(10) ** 90])
def test_amounts_beyond_all_sense_are_undecodable(amount: Decimal) -> None:
    """An amount whose sums could lose digits is refused."""
    schema = shipped("order.completed")
    field_of(schema, "subtotal")["type"] = decimal(120, 11)
    with pytest.raises(Undecodable) as refusal:
        decoded_order(schema, ORDER_FIELDS | {"subtotal": amount})
    assert refusal.value.reason == "undecodable"


@pytest.mark.parametrize("type_", ["bytes", "string", "double", {"type": "fixed", "name": "Money", "size": 8}])
def test_amounts_that_are_no_decimals_are_undecodable(type_: object) -> None:
    """Bytes without a scale, text and floats are not taken for money."""
    schema = shipped("order.completed")
    field_of(schema, "subtotal")["type"] = type_
    written = {"bytes": b"\x00\x01", "string": "49.90", "double": 49.9}.get(str(type_), b"\x00" * 8)
    with pytest.raises(Undecodable) as refusal:
        decoded_order(schema, ORDER_FIELDS | {"subtotal": written})
    assert refusal.value.reason == "undecodable"


@pytest.mark.parametrize(
    ("unit", "landed_at"),
    [
        ("none", 1_700_000_000_000),
        ("timestamp-millis", 1_700_000_000_000),
        ("timestamp-micros", 1_700_000_000_000_999),
        ("timestamp-nanos", 1_700_000_000_000_999_999),
    ],
)
def test_times_become_milliseconds(unit: str, landed_at: int) -> None:
    """Times in the unit that the schema states are rounded down to milliseconds; a plain long is milliseconds."""
    schema = shipped("session.landed")
    field_of(schema, "landed_at")["type"] = {"type": "long", "logicalType": unit}
    assert decoded_session(schema, SESSION_FIELDS | {"landed_at": landed_at}) == SESSION


@pytest.mark.parametrize("position", [0, 3])
def test_a_new_consent_symbol_is_unknown(position: int) -> None:
    """A producer's new symbol, wherever it stands in its enum, does not refuse the session; ours keep their meaning."""
    schema = shipped("session.landed")
    consent = field_of(schema, "consent")["type"][1]
    consent["symbols"].insert(position, "partly")
    consent.pop("default")
    assert decoded_session(schema, SESSION_FIELDS | {"consent": "partly"}) == replace(SESSION, consent="unknown")
    assert decoded_session(schema, SESSION_FIELDS) == SESSION


@pytest.mark.parametrize("symbol", ["UNKNOWN", "GUEST"])
def test_a_customer_type_that_says_nothing_is_none(symbol: str) -> None:
    """UNKNOWN, and a producer's new symbol, leave the customer's type out."""
    schema = shipped("order.completed")
    field_of(schema, "customer_type")["type"][1]["symbols"].append("GUEST")
    assert decoded_order(schema, ORDER_FIELDS | {"customer_type": symbol}) == replace(ORDER, customer_type=None)


def test_javas_spelling_of_strings_is_ours() -> None:
    """Attributes that Java producers add to a schema make no difference."""
    schema = shipped("session.landed")
    field_of(schema, "session_id")["type"] = {"type": "string", "avro.java.string": "String"}
    field_of(schema, "visitor_id")["type"] = {"type": "string", "logicalType": "uuid"}
    assert parse_writer(json.dumps(schema)) == SCHEMAS.contract("session.landed").written
    assert decoded_session(schema, SESSION_FIELDS) == SESSION


def test_a_null_where_we_need_a_value_is_undecodable() -> None:
    """A producer's nullable visitor_id is read as long as it is not null."""
    schema = shipped("session.landed")
    field_of(schema, "visitor_id")["type"] = ["null", "string"]
    assert decoded_session(schema, SESSION_FIELDS) == SESSION
    with pytest.raises(Undecodable) as refusal:
        decoded_session(schema, SESSION_FIELDS | {"visitor_id": None})
    assert refusal.value.reason == "undecodable"


def test_a_newer_schema_from_a_file(tmp_path: Path) -> None:
    """Single-object values of a newer schema are refused until its file is in the folder, then read to the end."""
    newer = shipped("session.landed")
    newer["fields"].insert(0, {"name": "device", "type": "string"})
    written = parse_writer(json.dumps(newer))
    value = b"\xc3\x01" + written.fingerprint + body(newer, SESSION_FIELDS | {"device": "tv"})
    with pytest.raises(Undecodable, match=r"schemas\.directory") as refusal:
        SessionDecoder(SCHEMAS)(value)
    assert refusal.value.reason == "unknown_schema"
    (tmp_path / "session.landed.v2.avsc").write_text(json.dumps(newer), "utf-8")
    decode = SessionDecoder(Schemas.load(tmp_path))
    assert decode(value) == SESSION
    with pytest.raises(Undecodable, match="left over"):
        decode(value + b"\x00")


def test_a_header_names_the_schema() -> None:
    """Newer producers put a GUID into a header and nothing before the body."""
    schema = shipped("session.landed")
    decode = SessionDecoder(SCHEMAS.asking(MemoryRegistry({str(GUID): json.dumps(schema)})))
    assert decode(body(schema, SESSION_FIELDS), (("__value_schema_id", b"\x01" + GUID.bytes),)) == SESSION


def test_a_registry_is_asked_once_for_each_schema() -> None:
    """What was looked up is kept, also while the registry is away."""
    schema = shipped("session.landed")
    registry = MemoryRegistry({7: json.dumps(schema), 8: json.dumps(without(schema, "market"))})
    decode = SessionDecoder(SCHEMAS.asking(registry))
    other = b"\x00\x00\x00\x00\x08" + body(without(schema, "market"), SESSION_FIELDS)
    for _ in range(3):
        assert decode(FRAME + body(schema, SESSION_FIELDS)) == decode(other) == SESSION
        registry.answers = False
    assert registry.asked == [7, 8]


def test_a_silent_registry_is_no_bad_record() -> None:
    """While the registry does not answer, decoding can only be put off; afterwards the same value decodes."""
    schema = shipped("session.landed")
    registry = MemoryRegistry({7: json.dumps(schema)}, answers=False)
    decode = SessionDecoder(SCHEMAS.asking(registry))
    with pytest.raises(SchemaUnavailable):
        decode(FRAME + body(schema, SESSION_FIELDS))
    registry.answers = True
    assert decode(FRAME + body(schema, SESSION_FIELDS)) == SESSION


@pytest.mark.parametrize(
    "registry",
    [None, MemoryRegistry(), MemoryRegistry({7: "message Proto {}"}), MemoryRegistry({7: '"string"'})],
    ids=["no registry", "unknown id", "not Avro", "no record"],
)
def test_an_id_without_a_schema_is_an_unknown_schema(registry: MemoryRegistry | None) -> None:
    """An id that leads to no schema of a record refuses the value and names the id."""
    with pytest.raises(Undecodable, match="registry id 7") as refusal:
        SessionDecoder(SCHEMAS.asking(registry))(FRAME + b"body")
    assert refusal.value.reason == "unknown_schema"


def test_a_tombstone_is_refused() -> None:
    """A record without a value is `null_value`, whatever its headers say."""
    with pytest.raises(Undecodable) as refusal:
        SessionDecoder(SCHEMAS)(None, (("__value_schema_id", b"\x00\x00\x00\x00\x07"),))
    assert refusal.value.reason == "null_value"


@given(noise=st.binary(max_size=200))
def test_noise_under_a_foreign_schema_raises_nothing_else(noise: bytes) -> None:
    """Resolving random bytes ends in an order or in `Undecodable`."""
    schema = without(shipped("order.completed"), "market")
    decode = OrderDecoder(SCHEMAS.asking(MemoryRegistry({7: json.dumps(schema)})))
    with suppress(Undecodable):
        assert isinstance(decode(FRAME + noise), OrderCompleted)
