"""Fills the outbox without an attribute stage."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import yaml
from msgspec import structs

from benchmarks.inputs import producer
from benchmarks.process import BenchmarkError
from consumer.events import Conversion, Part, Position, outbox_key
from consumer.settings import Settings, load
from consumer.stream.avro import ConversionEncoder
from consumer.stream.schemas import Schemas


class Outbox:
    """Appends conversions as the attribute stage does."""

    def __init__(self, settings: Settings) -> None:
        self._topic = settings.topics.conversion
        self._programme = settings.programmes[0].advertiser_id
        self._encode = ConversionEncoder(Schemas.load())
        self._producer = producer(settings.kafka.bootstrap_servers, linger_ms=5)
        self._sale = Conversion(
            programme=self._programme,
            order_ref="",
            order_id="1",
            method="sread",
            mode="live",
            amount=Decimal("49.99"),
            currency="EUR",
            channel="aw",
            parts=(Part("DEFAULT", Decimal("49.99")),),
            vouchers=(),
            click_checksums=(f"{self._programme}_1700000000_a430d81e22c9e8687f423efcf024fbaa",),
            customer_acquisition=None,
            custom={"1": "benchmark"},
            test=False,
            completed_at_ms=0,
            entered_at_ms=0,
            decidable_at_ms=0,
            reason="last_click",
            session_cut=None,
            evidence=(),
            fingerprint=b"fingerprint",
            source=Position("order.completed", 0, 0),
        )

    def produce(self, orders: Iterator[tuple[str, int]]) -> None:
        """Append a conversion for each reference and time of completion.

        Raises:
            BenchmarkError: the broker did not take them.
        """
        for ref, at_ms in orders:
            sale = structs.replace(
                self._sale, order_ref=ref, completed_at_ms=at_ms, entered_at_ms=at_ms, decidable_at_ms=at_ms
            )
            self._producer.produce(self._topic, self._encode(sale), outbox_key(self._programme, ref))
            if len(self._producer) >= 100_000:
                self._producer.poll(0.05)
        if self._producer.flush(120):
            raise BenchmarkError("the broker did not take all conversions")


def live(file: Path, endpoint: str, max_outstanding: int) -> Settings:
    """Have the settings of a run deliver to this endpoint, and return them."""
    values = json.loads(file.read_text("utf-8"))
    values["delivery"] |= {"mode": "live", "endpoint": endpoint, "max_outstanding": max_outstanding}
    file.write_text(yaml.safe_dump(values), "utf-8")
    return load(file)
