"""The hot path reads orders as fastavro does, and is at least as strict about bad bytes."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.events import OrderCompleted
from consumer.stream.avro import OrderDecoder
from consumer.stream.order_body import read_order
from consumer.stream.resolution import body_reader
from tests.stream.avro_producers import body, shipped
from tests.stream.avro_samples import SCHEMAS

SHIPPED = shipped("order.completed")
read_generally = body_reader(SCHEMAS.contract("order.completed").form, None)

texts = st.text(max_size=20) | st.integers(20, 9_000).map("aä€".__mul__)
optional = st.none() | texts
longs = st.integers(-(2**63), 2**63 - 1)
amounts = st.integers(-(10**20) + 1, 10**20 - 1).map(lambda units: Decimal(units).scaleb(-4))
lines = st.fixed_dictionaries(
    {
        "product_id": texts,
        "sku": optional,
        "name": optional,
        "category": optional,
        "unit_price": amounts,
        "quantity": longs,
        "amount": amounts,
        "commission_group": optional,
    }
)
bodies = st.fixed_dictionaries(
    {
        "order_id": texts,
        "order_ref": texts,
        "visitor_id": optional,
        "session_id": optional,
        "customer_id": optional,
        "completed_at": longs,
        "currency": texts,
        "subtotal": amounts,
        "lines": st.lists(lines, max_size=3),
        "voucher_codes": st.lists(texts, max_size=3),
        "customer_type": st.sampled_from((None, "NEW", "RETURNING", "UNKNOWN")),
        "consent": st.sampled_from((None, "unknown", "granted", "denied")),
        "market": optional,
        "channel": optional,
        "awc": optional,
        "custom": st.dictionaries(texts, texts, max_size=3),
        "test": st.booleans(),
    }
).map(lambda fields: body(SHIPPED, fields))


class _General(OrderDecoder):
    """The decoder without its hot path."""

    def build(self, fields: dict[str, Any]) -> OrderCompleted:
        return self._build(fields)


GENERAL = _General(SCHEMAS)

SMALL = b"\x02i\x02r\x00\x00\x00\x02\x06EUR\x02\x01"
"""An order up to its subtotal."""
REST = b"\x00\x00\x00\x00\x00\x00\x00\x00"
"""Vouchers, customer type, consent, market, channel, checksum, custom, test: none of them."""


@given(value=bodies, before=st.binary(max_size=12))
def test_it_reads_what_fastavro_reads(value: bytes, before: bytes) -> None:
    """Every order written by fastavro is read alike, wherever in the value it begins."""
    at = len(before)
    assert read_order(before + value, at) == _read_generally(before + value, at)


@given(value=bodies, at=st.integers(0, 10_000), change=st.binary(max_size=3), cut=st.integers(0, 3))
def test_what_it_takes_fastavro_takes_too(value: bytes, at: int, change: bytes, cut: int) -> None:
    """Damaged bytes that it accepts mean the same to fastavro."""
    at = at % len(value)
    damaged = value[:at] + change + value[at + cut :]
    with suppress(ValueError, LookupError, ArithmeticError):
        assert read_order(damaged, 0) == _read_generally(damaged, 0)


def test_items_may_come_in_several_blocks() -> None:
    """Blocks are joined, also those that tell their size in bytes."""
    one, two = b"\x02a", b"\x02b"
    blocks = b"\x02" + one + b"\x01\x04" + two + b"\x00"
    value = SMALL + b"\x00" + blocks + REST[1:]
    assert read_order(value, 0).voucher_codes == ("a", "b")
    assert read_order(value, 0) == _read_generally(value, 0)


@pytest.mark.parametrize(
    ("name", "damaged"),
    [
        ("nothing", b""),
        ("negative size", b"\x05o-1"),
        ("size without end", b"\xff" * 40),
        ("no such branch of visitor", b"\x02i\x02r\x04"),
        ("amount beyond the end", b"\x02i\x02r\x00\x00\x00\x02\x06EUR\x7e\x01"),
        ("amount of too many bytes", b"\x02i\x02r\x00\x00\x00\x02\x06EUR\x42" + b"\x01" * 33 + b"\x00" + REST),
        ("more lines than bytes", SMALL + b"\xfe\xff\xff\xff\x0f" + REST),
        ("no such customer type", SMALL + b"\x00\x00\x02\x06\x00\x00\x00\x00\x00\x00"),
        ("no such consent", SMALL + b"\x00\x00\x00\x02\x06\x00\x00\x00\x00\x00"),
        ("test neither true nor false", SMALL + b"\x00" + REST[:-1] + b"\x02"),
        ("left over", SMALL + b"\x00" + REST + b"\x00"),
        ("cut off", SMALL + b"\x00" + REST[:-1]),
        ("invalid UTF-8", b"\x04\xc3\x28" + SMALL[2:] + b"\x00" + REST),
    ],
)
def test_bad_bytes_are_refused(name: str, damaged: bytes) -> None:
    """Each way of being wrong is seen."""
    with pytest.raises((ValueError, LookupError)):
        read_order(damaged, 0)


def test_the_smallest_order_is_read() -> None:
    """What the bad ones above were made from is good."""
    assert read_order(SMALL + b"\x00" + REST, 0).order_ref == "r"


def _read_generally(value: bytes, at: int) -> OrderCompleted:
    return GENERAL.build(read_generally(value, at))
