"""One letter in full."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from consumer.errors import Unfound
from consumer.events import Conversion, OrderCompleted, Position
from tests.delivery.conversions import T0_MS, encoded, key_of, sale
from tests.export.shop import HOUR_MS
from tests.letters.office import Office


@pytest.fixture
def office() -> Office:
    """An hour after the orders."""
    made = Office()
    made.now_ms = T0_MS + HOUR_MS
    return made


def test_a_letter_is_told_with_its_record(office: Office) -> None:
    """Where it stood, why it was refused and what to do, headers and key, and the order as it was decoded."""
    record = office.refuse_order("A-1")
    found, written = office.single().at(office.place_of("A-1"))
    assert (found.reason, found.message.split(": ")[1], found.order_ref) == ("no_programme", "see above", "A-1")
    assert found.advice.do.endswith("then replay")
    assert found.source == Position(record.topic, record.partition, record.offset)
    assert isinstance(found.record.decoded, OrderCompleted)
    assert (found.record.decoded.order_ref, found.record.decoded.subtotal) == ("A-1", Decimal(1))
    assert (found.record.key, found.record.headers, found.record.value) == ("A-1", (("trace", "t-1"),), None)
    assert (written.value, found.replayed, found.receipt) == (record.value, None, None)


def test_a_conversion_is_decoded_too(office: Office) -> None:
    """And the order's receipt is there."""
    office.put_aside(sale("A-1"), "rejected")
    found, _ = office.single().at(office.place_of("A-1"))
    assert isinstance(found.record.decoded, Conversion)
    assert found.receipt is not None
    assert (found.receipt.ending, found.receipt.reason) == ("dead_letter", "rejected")


def test_what_cannot_be_decoded_is_shown_escaped(office: Office) -> None:
    """Every byte of it, none as it is, and why."""
    record = office.log.produce(office.names.session_landed, b"\x00v\xff", b"\x1b[31m\n\xc3\xbc")
    place = office.letter_about(record, "bad_framing", programme=None, order_ref=None)
    found, _ = office.single().at(Position(place.topic, place.partition, place.offset))
    assert (found.record.key, found.record.value) == ("\\x00v\\xff", "\\x1b[31m\\n\\xc3\\xbc")
    assert found.record.decoded is None
    assert "begins neither with" in found.record.why_not


def test_a_record_without_value_is_no_puzzle(office: Office) -> None:
    """There is nothing to be decoded."""
    record = office.log.produce(office.names.order_completed, None, None, 0)
    place = office.letter_about(record, "null_value", programme=None, order_ref=None)
    found, _ = office.single().at(Position(place.topic, place.partition, place.offset))
    assert (found.record.key, found.record.value, found.record.size, found.record.why_not) == (None, None, 0, "")
    assert not found.advice.helps


def test_a_record_of_no_topic_of_ours_is_not_decoded(office: Office) -> None:
    """It may have been called otherwise once."""
    office.log.create("orders.old", 1)
    record = office.log.produce("orders.old", b"k", b"v")
    place = office.letter_about(record, "bad_framing", programme=None, order_ref=None)
    found, _ = office.single().at(Position(place.topic, place.partition, place.offset))
    assert found.record.why_not == "orders.old is none of our topics"


def test_its_fate_is_known(office: Office) -> None:
    """That it was replayed, and what the order's receipt says since."""
    office.put_aside(sale("A-1"), "rejected")
    office.now_ms += 1
    office.replay()
    office.deliver(sale("A-1"))
    found, _ = office.single().at(office.place_of("A-1"))
    assert found.replayed is not None
    assert (found.replayed.replayed_at_ms, found.replayed.again) == (office.now_ms, None)
    assert found.receipt is not None
    assert found.receipt.ending == "delivered"


def test_the_newest_letter_about_an_order_comes_first(office: Office) -> None:
    """With the places of the others."""
    office.refuse_order("A-1")
    office.now_ms += 1
    office.refuse_order("A-1", "currency_not_enabled")
    office.refuse_order("A-2")
    found, _ = office.single().about("A-1")
    assert (found.reason, found.others) == ("currency_not_enabled", (office.place_of("A-1"),))


def test_what_is_not_there_is_told(office: Office) -> None:
    """No such partition, no such letter, a note, what is none at all."""
    office.refuse_order("A-1")
    at = office.place_of("A-1")
    office.note_replay(at)
    office.log.produce(office.names.dead_letter, b"k", b"junk", at.partition)
    for offset, complaint in ((99, "may have expired"), (1, "the note that one was"), (2, "no dead letter that this")):
        with pytest.raises(Unfound, match=complaint):
            office.single().at(Position(at.topic, at.partition, offset))
    with pytest.raises(Unfound, match="no such partition"):
        office.single().at(Position(at.topic, 7, 0))
    with pytest.raises(Unfound, match="no dead letter about an order A-9"):
        office.single().about("A-9")


def test_everything_can_be_printed_for_programs(office: Office) -> None:
    """As one JSON value."""
    office.put_aside(sale("A-1"), "rejected")
    found, _ = office.single().about("A-1")
    value = msgspec.json.decode(msgspec.json.encode(found))
    assert value["record"]["decoded"]["amount"] == "49.9900"
    assert value["record"]["key"] == key_of(sale("A-1")).decode()
    assert value["record"]["size"] == len(encoded(sale("A-1")))
