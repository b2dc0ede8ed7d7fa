"""Finds conversions, receipts and dead letters of an order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from confluent_kafka import murmur2

from consumer.dead_letter import REPLAYED
from consumer.errors import Undecodable
from consumer.events import DeadLetter, Position, Receipt
from consumer.inspect.reading import Reading, position
from consumer.inspect.traces import Decided, Traces, needle
from consumer.replay_header import replay_in
from consumer.stream.avro import ConversionDecoder, DeadLetterDecoder, ReceiptDecoder
from consumer.stream.log import Record, TopicPartition
from consumer.stream.schemas import Schemas

LetterFound: TypeAlias = tuple[DeadLetter, Position, int | None]
"""A dead letter, where it stands, and when it was replayed."""

_REPLAYED = needle(REPLAYED)


class OutputSearch:
    """Looks where the two stages write to.

    Args:
        schemas: how our own records are written.
        deliver_group: the consumer group of deliver.
    """

    def __init__(self, schemas: Schemas, deliver_group: str) -> None:
        self._group = deliver_group
        self._conversion = ConversionDecoder(schemas)
        self._receipt = ReceiptDecoder(schemas)
        self._dead_letter = DeadLetterDecoder(schemas)

    def outbox(self, keys: Mapping[bytes, str], reading: Reading) -> dict[str, Traces]:
        """Return conversions and receipts by programme, each found by its key's partition.

        Args:
            keys: the outbox keys of the order with their programmes.
            reading: where to read.
        """
        topics, reader = reading.topics, reading.reader
        reading.progress(topics.conversion)
        committed = reader.committed(self._group, topics.conversion)
        spans = {topic: reader.spans(topic) for topic in (topics.conversion, topics.receipt)}
        numbers = {key: murmur2(key, len(spans[topics.conversion])) for key in keys}
        pieces = {
            TopicPartition(topic, number): spans[topic][number] for topic in spans for number in set(numbers.values())
        }
        conversions: dict[bytes, list[Decided]] = {key: [] for key in keys}
        receipts: dict[bytes, Receipt | None] = {}
        for record in reader.read(pieces, keys):
            key = record.key or b""
            if record.topic == topics.conversion:
                conversions[key] += self._decided(record, reading)
            else:
                receipts[key] = None if record.value is None else self._receipt(record.value, record.headers)
        return {
            programme: Traces(
                conversions=conversions[key],
                receipt=receipts.get(key),
                delivered_to=committed[numbers[key]].offset if numbers[key] in committed else None,
            )
            for key, programme in keys.items()
        }

    def letters(self, order_ref: str, reading: Reading) -> list[LetterFound]:
        """Return the dead letters whose bytes hold the reference, where they stand, and when they were replayed."""
        wanted = needle(order_ref)
        found: list[tuple[DeadLetter, Position]] = []
        replayed: dict[Position, int] = {}
        for record in reading.read_newest(reading.topics.dead_letter, reading.newest.dead_letters):
            if record.value is None or not (wanted in record.value or _REPLAYED in record.value):
                continue
            try:
                letter = self._dead_letter(record.value, record.headers)
            except Undecodable:
                reading.undecodable(record)
                continue
            if letter.stage == "replay":
                replayed[letter.source] = letter.failed_at_ms
            else:
                found.append((letter, position(record)))
        return [(letter, at, replayed.get(at)) for letter, at in found]

    def _decided(self, record: Record, reading: Reading) -> Iterator[Decided]:
        try:
            conversion = self._conversion(record.value, record.headers)
        except Undecodable:
            reading.undecodable(record)
            return
        yield Decided(
            at=position(record),
            decided_at_ms=record.timestamp_ms,
            conversion=conversion,
            is_replay=replay_in(record.headers) is not None,
        )
