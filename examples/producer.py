"""What a shop emits: a landing, the answer to the consent banner, and the order, as docs/producers.md says.

Needs confluent-kafka and fastavro alone. Run in the project's folder:

    python examples/producer.py --bootstrap-servers localhost:9092

The order says test, so that Awin pays nobody for it. A shop keeps one producer open for as long as it runs.
"""
# ruff: noqa: INP001, T201  # a script to be read and run

from __future__ import annotations

import argparse
import json
import time
import uuid
from decimal import Decimal
from io import BytesIO
from pathlib import Path

from confluent_kafka import KafkaError, Message, Producer
from fastavro import parse_schema, schemaless_writer
from fastavro.schema import fingerprint, to_parsing_canonical_form

SCHEMAS = Path(__file__).parent.parent / "schemas"


class Topic:
    """Encodes and sends the records of one topic."""

    def __init__(self, producer: Producer, name: str, schema_file: Path) -> None:
        self._producer = producer
        self._name = name
        self._schema = parse_schema(json.loads(schema_file.read_text("utf-8")))
        # Avro's single-object encoding: C3 01, then the schema's fingerprint.
        self._prefix = b"\xc3\x01" + bytes.fromhex(fingerprint(to_parsing_canonical_form(self._schema), "CRC-64-AVRO"))

    def send(self, key: str, event: dict[str, object]) -> None:
        """Hand a record to the producer, which sends it soon and tells `delivered`."""
        value = BytesIO(self._prefix)
        value.seek(0, 2)
        schemaless_writer(value, self._schema, event)
        self._producer.produce(self._name, value.getvalue(), key, on_delivery=delivered)
        self._producer.poll(0)


def delivered(error: KafkaError | None, message: Message) -> None:
    """Hear what became of a record. Whoever ignores an error loses a sale."""
    if error is not None:
        raise SystemExit(f"{message.topic()} did not take a record: {error.str()}")
    print(f"{message.topic()}[{message.partition()}] at offset {message.offset()}")


def now_ms() -> int:
    """Return the server's time: milliseconds UTC. Never the browser's."""
    return time.time_ns() // 1_000_000


def main() -> None:
    """Play one visit with an order."""
    parser = argparse.ArgumentParser(description="Emit a landing, a consent update and a test order.")
    parser.add_argument("--bootstrap-servers", default="localhost:9092")
    parser.add_argument("--session-topic", default="session.landed")
    parser.add_argument("--order-topic", default="order.completed")
    parser.add_argument("--advertiser", default="1001", help="Awin's number of the programme.")
    asked = parser.parse_args()

    producer = Producer(
        {
            "bootstrap.servers": asked.bootstrap_servers,
            "partitioner": "murmur2_random",  # Java's default; librdkafka's own is another
            "enable.idempotence": True,  # with acks=all: nothing lost, nothing twice, nothing out of order
        }
    )
    landed = Topic(producer, asked.session_topic, SCHEMAS / "session.landed.avsc")
    completed = Topic(producer, asked.order_topic, SCHEMAS / "order.completed.avsc")

    visitor, session = str(uuid.uuid4()), str(uuid.uuid4())  # from the shop's cookies
    landing: dict[str, object] = {
        "session_id": session,
        "visitor_id": visitor,
        "landed_at": now_ms(),
        # What the server was asked for, with its whole query string.
        "landing_url": f"https://shop.example/shoes?color=blue&awc={asked.advertiser}_{int(time.time())}_{uuid.uuid4().hex}",
        "referrer": "https://blog.example/best-shoes",
        "consent": None,  # the banner was not answered yet
    }
    landed.send(visitor, landing)

    # Seconds later the banner is answered: the same session again, with what it says now.
    landed.send(visitor, {**landing, "landed_at": now_ms(), "consent": "granted"})

    # The checkout is done. Once per order, when it is placed.
    number = uuid.uuid4().hex[:8]
    order = {
        "order_id": f"internal-{number}",
        "order_ref": f"EXAMPLE-{number}",  # what the customer sees, and what the pixel says
        "visitor_id": visitor,
        "session_id": session,
        "completed_at": now_ms(),
        "currency": "EUR",
        "subtotal": Decimal("49.90"),  # after discounts, before tax and shipping
        "lines": [
            {
                "product_id": "P-100",
                "sku": "P-100-M",
                "name": "Café mug ☕",
                "category": "home",
                "unit_price": Decimal("24.95"),
                "quantity": 2,
                "amount": Decimal("49.90"),
            }
        ],
        "voucher_codes": ["SAVE10"],
        "customer_type": "NEW",
        "market": "de",
        "test": True,
    }
    completed.send(visitor, order)
    if producer.flush(30):
        raise SystemExit("the broker did not take everything within 30 s")
    print(f"order {order['order_ref']}")


if __name__ == "__main__":
    main()
