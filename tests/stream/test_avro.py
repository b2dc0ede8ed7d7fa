"""Every record survives its topic, the bytes never drift, and bad bytes are always `Undecodable`."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.errors import Undecodable
from consumer.stream.avro import OrderDecoder, OrderEncoder, SessionDecoder, SessionEncoder
from tests.stream.avro_producers import ORDER_FIELDS, SESSION_FIELDS, body, shipped
from tests.stream.avro_samples import ORDER, SCHEMAS, SESSION, TOPICS, Topic

GOLDEN_SESSION = bytes.fromhex(
    "c301b522b86fa2ebf5d606732d3106762d3180a0abfef9626468747470733a2f2f73686f702e6578616d706c652f3f617763"
    "3d313030315f313430333639353832325f6134333064383165022a68747470733a2f2f626c6f672e6578616d706c652f0202"
    "0000"
)

each_topic = pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)


@each_topic
@given(data=st.data())
def test_a_record_comes_back_as_it_was(topic: Topic, data: st.DataObject) -> None:
    """Whatever is written to a topic is read from it unchanged, and writing it again gives the same bytes."""
    record = data.draw(topic.records)
    value = topic.encode(record)
    assert topic.decode(value) == record
    assert topic.encode(topic.decode(value)) == value


def test_the_bytes_of_a_session_never_change() -> None:
    """A session is written to the same bytes as by every release before."""
    assert SessionEncoder(SCHEMAS)(SESSION) == GOLDEN_SESSION
    assert SessionDecoder(SCHEMAS)(GOLDEN_SESSION) == SESSION


def test_other_avro_libraries_write_the_same_bytes() -> None:
    """A plain Avro writer with our schema files, knowing nothing of this package, writes what we write."""
    assert SessionEncoder(SCHEMAS)(SESSION)[10:] == body(shipped("session.landed"), SESSION_FIELDS)
    assert OrderEncoder(SCHEMAS)(ORDER)[10:] == body(shipped("order.completed"), ORDER_FIELDS)


def test_maps_and_amounts_have_one_spelling() -> None:
    """Orders that are equal are equal bytes, whatever the order of their map and the zeros of their amounts."""
    encode = OrderEncoder(SCHEMAS)
    one = msgspec.structs.replace(ORDER, custom={"2": "b", "3": "c"}, subtotal=Decimal("49.9"))
    other = msgspec.structs.replace(ORDER, custom={"3": "c", "2": "b"}, subtotal=Decimal("49.900000"))
    assert encode(one) == encode(other)


@pytest.mark.parametrize("amount", ["0.00001", "1E+16", "-1E+16", "NaN", "sNaN", "Infinity"])
def test_an_amount_that_does_not_fit_is_not_written(amount: str) -> None:
    """Encoding refuses, rather than rounds, what decimal(20, 4) cannot hold."""
    with pytest.raises(ValueError, match=r"decimal\(20, 4\)"):
        OrderEncoder(SCHEMAS)(msgspec.structs.replace(ORDER, subtotal=Decimal(amount)))


@each_topic
def test_every_struct_field_has_its_schema_field(topic: Topic) -> None:
    """Schemas and Structs name the same fields, times without their unit; nested records too."""
    extra = {"session.landed": {"market", "customer_id"}}.get(topic.name, set())
    assert set(_schema_fields(shipped(topic.name))) == set(_struct_fields(type(topic.plain))) | extra


@each_topic
def test_every_schema_field_is_documented(topic: Topic) -> None:
    """Records, enums and fields all have a doc, since the schemas are an open contract."""
    assert not list(_undocumented(shipped(topic.name)))


@each_topic
def test_a_value_cut_off_anywhere_is_undecodable(topic: Topic) -> None:
    """No prefix of a value is taken for a record."""
    value = topic.encode(topic.plain)
    for size in range(len(value)):
        with pytest.raises(Undecodable) as refusal:
            topic.decode(value[:size])
        assert refusal.value.reason == ("bad_framing" if size < 10 else "undecodable")


@each_topic
def test_bytes_left_over_are_undecodable(topic: Topic) -> None:
    """A value longer than its record is refused."""
    value = topic.encode(topic.plain)
    for rest in (b"\x00", b"\x00\x00", b"garbage"):
        with pytest.raises(Undecodable) as refusal:
            topic.decode(value + rest)
        assert refusal.value.reason == "undecodable"


@each_topic
def test_another_topics_record_is_undecodable(topic: Topic) -> None:
    """A known schema of another topic does not resolve to this one's."""
    other = TOPICS[(TOPICS.index(topic) + 1) % len(TOPICS)]
    with pytest.raises(Undecodable) as refusal:
        topic.decode(other.encode(other.plain))
    assert refusal.value.reason == "undecodable"


@each_topic
@given(data=st.data())
def test_damaged_bytes_raise_nothing_else(topic: Topic, data: st.DataObject) -> None:
    """A valid value with bytes changed, cut or put in decodes to something or is `Undecodable`."""
    value = bytearray(topic.encode(data.draw(topic.records)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(value)))
        value[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    _decode_or_refuse(topic, bytes(value))


@each_topic
@given(noise=st.binary(max_size=300))
def test_noise_raises_nothing_else(topic: Topic, noise: bytes) -> None:
    """Random bytes, with or without a good prefix before them, decode to something or are `Undecodable`."""
    prefix = topic.encode(topic.plain)[:10]
    _decode_or_refuse(topic, noise)
    _decode_or_refuse(topic, prefix + noise)


@pytest.mark.parametrize("name", ["session_id", "visitor_id", "landing_url"])
def test_a_session_needs_its_ids_and_its_landing(name: str) -> None:
    """A session with one of these empty is refused by the field's name."""
    value = SessionEncoder(SCHEMAS)(msgspec.structs.replace(SESSION, **{name: ""}))
    with pytest.raises(Undecodable, match=name) as refusal:
        SessionDecoder(SCHEMAS)(value)
    assert (refusal.value.reason, refusal.value.field) == ("missing_field", name)


@pytest.mark.parametrize("time_ms", [0, 946_684_799_999, 4_102_444_800_000, 1_700_000_000_000_000, -(2**63)])
def test_event_times_lie_between_2000_and_2099(time_ms: int) -> None:
    """A time in another unit or from a broken clock is refused, for sessions and orders."""
    session = SessionEncoder(SCHEMAS)(msgspec.structs.replace(SESSION, landed_at_ms=time_ms))
    order = OrderEncoder(SCHEMAS)(msgspec.structs.replace(ORDER, completed_at_ms=time_ms))
    with pytest.raises(Undecodable) as of_session:
        SessionDecoder(SCHEMAS)(session)
    with pytest.raises(Undecodable) as of_order:
        OrderDecoder(SCHEMAS)(order)
    assert (of_session.value.reason, of_session.value.field) == ("bad_event_time", "landed_at")
    assert (of_order.value.reason, of_order.value.field) == ("bad_event_time", "completed_at")


def test_an_absurd_amount_is_undecodable() -> None:
    """An amount of 10^15 or more is refused by the field's name, before any sum can lose digits."""
    value = OrderEncoder(SCHEMAS)(msgspec.structs.replace(ORDER, subtotal=Decimal(10**15)))
    with pytest.raises(Undecodable) as refusal:
        OrderDecoder(SCHEMAS)(value)
    assert (refusal.value.reason, refusal.value.field) == ("undecodable", "subtotal")


def test_an_order_reference_is_judged_elsewhere() -> None:
    """An order with an empty reference decodes: whether it can be reported is not the codec's business."""
    order = msgspec.structs.replace(ORDER, order_ref="")
    assert OrderDecoder(SCHEMAS)(OrderEncoder(SCHEMAS)(order)) == order


def test_messages_tell_nothing_personal() -> None:
    """The text of a refusal holds neither ids nor URL nor checksum of the record."""
    damaged = GOLDEN_SESSION.replace(b"https", b"\xff\xffttp")
    with pytest.raises(Undecodable) as refusal:
        SessionDecoder(SCHEMAS)(damaged)
    assert not any(word in str(refusal.value) for word in ("s-1", "v-1", "shop.example", "1001_"))


def _decode_or_refuse(topic: Topic, value: bytes) -> None:
    with suppress(Undecodable):
        assert isinstance(topic.decode(value), type(topic.plain))


def _struct_fields(record: type[msgspec.Struct]) -> list[str]:
    """Names of a Struct's fields as the schema has them, and dotted those of the Structs inside."""
    names = []
    for each in msgspec.structs.fields(record):
        name = each.name.removesuffix("_ms")
        names.append(name)
        for inner in getattr(each.type, "__args__", (each.type,)):
            if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
                names.extend(f"{name}.{nested}" for nested in _struct_fields(inner))
    return names


def _schema_fields(schema: dict[str, Any]) -> list[str]:
    """Names of a record schema's fields, and dotted those of the records inside."""
    names = []
    for each in schema["fields"]:
        names.append(each["name"])
        inner = each["type"]["items"] if isinstance(each["type"], dict) and "items" in each["type"] else each["type"]
        if isinstance(inner, dict) and inner["type"] == "record":
            names.extend(f"{each['name']}.{nested}" for nested in _schema_fields(inner))
    return names


def _undocumented(schema: object) -> list[object]:
    """Records, enums and fields without a doc."""
    if isinstance(schema, list):
        return [found for branch in schema for found in _undocumented(branch)]
    if not isinstance(schema, dict):
        return []
    found = [schema["name"]] if "name" in schema and not schema.get("doc") else []
    return found + [each for name in ("type", "items", "fields") for each in _undocumented(schema.get(name))]
