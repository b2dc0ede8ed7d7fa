"""What producers write: schemas that differ from ours, framings, and a registry in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from io import BytesIO
from typing import Any

from fastavro import parse_schema, schemaless_writer

from consumer.errors import SchemaUnavailable
from consumer.stream.schemas import shipped_directory


@dataclass
class MemoryRegistry:
    """A schema registry's answers, and whether it answers; ``asked`` holds every id it was asked for."""

    texts: Mapping[int | str, str] = field(default_factory=dict)
    answers: bool = True
    asked: list[int | str] = field(default_factory=list)

    def schema_by_id(self, schema_id: int | str) -> str:
        """See `consumer.stream.schemas.SchemaRegistry`."""
        self.asked.append(schema_id)
        if not self.answers:
            raise SchemaUnavailable("the registry does not answer: look after it")
        return self.texts[schema_id]


def shipped(topic: str) -> dict[str, Any]:
    """Our schema of a topic, to be changed into a producer's."""
    schema = json.loads((shipped_directory() / f"{topic}.avsc").read_text("utf-8"))
    assert isinstance(schema, dict)
    return schema


def field_of(schema: dict[str, Any], name: str) -> dict[str, Any]:
    """The field of a record schema."""
    found: dict[str, Any] = next(each for each in schema["fields"] if each["name"] == name)
    return found


def without(schema: dict[str, Any], *names: str) -> dict[str, Any]:
    """The schema less some fields."""
    return schema | {"fields": [each for each in schema["fields"] if each["name"] not in names]}


def body(schema: dict[str, Any], record: Mapping[str, Any]) -> bytes:
    """What fastavro alone, as a producer would use it, writes for a record."""
    stream = BytesIO()
    schemaless_writer(stream, parse_schema(schema), record)
    return stream.getvalue()


SESSION_FIELDS = {
    "session_id": "s-1",
    "visitor_id": "v-1",
    "landed_at": 1_700_000_000_000,
    "landing_url": "https://shop.example/?awc=1001_1403695822_a430d81e",
    "referrer": "https://blog.example/",
    "consent": "granted",
}
"""`avro_samples.SESSION` as a producer has it."""

ORDER_FIELDS = {
    "order_id": "o-1",
    "order_ref": "R-1",
    "visitor_id": "v-1",
    "completed_at": 1_700_000_100_000,
    "currency": "EUR",
    "subtotal": Decimal("49.90"),
    "lines": [{"product_id": "p-1", "unit_price": Decimal("24.95"), "quantity": 2, "amount": Decimal("49.90")}],
    "customer_type": "NEW",
    "consent": "denied",
}
"""`avro_samples.ORDER` as a producer has it."""
