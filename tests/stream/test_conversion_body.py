"""The hot path writes conversions as fastavro does."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.events import Conversion
from consumer.stream.conversion_body import write_conversion
from tests.stream.avro_producers import body, shipped
from tests.stream.avro_samples import CONVERSION, conversions

SHIPPED = shipped("awin.conversion")
plain = json.loads(json.dumps(SHIPPED).replace('"logicalType": "timestamp-millis"', '"doc": ""'))
"""Times as numbers, since datetimes do not reach as far."""


@given(conversion=conversions)
def test_it_writes_what_fastavro_writes(conversion: Conversion) -> None:
    """Every conversion is the same bytes as written from the schema file by a general writer."""
    assert write_conversion(conversion) == body(plain, _fields(conversion))


@given(size=st.sampled_from((0, 1, 63, 64, 65, 8_191, 8_192, 100_000)), count=st.integers(0, 70))
def test_sizes_of_any_length_are_written(size: int, count: int) -> None:
    """Long texts and long lists too."""
    conversion = msgspec.structs.replace(CONVERSION, order_id="x" * size, evidence=CONVERSION.evidence * count)
    assert write_conversion(conversion) == body(plain, _fields(conversion))


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 2**80])
def test_a_number_that_does_not_fit_is_not_written(number: int) -> None:
    """More than 64 bits are refused."""
    with pytest.raises(ValueError, match="64 bits"):
        write_conversion(msgspec.structs.replace(CONVERSION, completed_at_ms=number))


@pytest.mark.parametrize("amount", ["0.00001", "1E+16", "-1E+16", "NaN", "sNaN", "Infinity"])
def test_an_amount_that_does_not_fit_is_not_written(amount: str) -> None:
    """What decimal(20, 4) cannot hold is refused, not rounded."""
    with pytest.raises(ValueError, match=r"decimal\(20, 4\)"):
        write_conversion(msgspec.structs.replace(CONVERSION, amount=Decimal(amount)))


def _fields(conversion: Conversion) -> dict[str, Any]:
    """Return what a general writer is given, by the schema's names."""
    fields: dict[str, Any] = msgspec.to_builtins(conversion, builtin_types=(Decimal, bytes))
    fields["custom"] = dict(sorted(fields["custom"].items()))
    for record in (fields, *fields["evidence"]):
        for name in [name for name in record if name.endswith("_at_ms")]:
            record[name.removesuffix("_ms")] = record.pop(name)
    return fields
