"""Finds what the topics say about one order, reading no more than needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from confluent_kafka import murmur2
from msgspec import Struct

from consumer.errors import Undecodable
from consumer.events import Position, Receipt, outbox_key
from consumer.inspect.explanation import Decided, Refusal, Remembered, Traces, Waiting, needle, refusal
from consumer.inspect.topic_reader import Span, TopicReader
from consumer.settings import Topics
from consumer.state import orders
from consumer.stream.avro import ConversionDecoder, DeadLetterDecoder, ReceiptDecoder
from consumer.stream.log import Record, TopicPartition
from consumer.stream.schemas import Schemas


class Newest(Struct, frozen=True):
    """How many records are read of topics in which an order's partition is not known: some seconds' worth."""

    dead_letters: int = 500_000
    state_records: int = 2_000_000


EVERYTHING = Newest(dead_letters=2**63, state_records=2**63)


class Search:
    """Looks for orders.

    Args:
        reader: where to read.
        schemas: how our own records are written.
        topics: their names.
        groups: the consumer groups of attribute and deliver.
        newest: how much to read of dead letters and state.
    """

    def __init__(
        self, reader: TopicReader, schemas: Schemas, topics: Topics, groups: tuple[str, str], newest: Newest
    ) -> None:
        self._reader = reader
        self._topics = topics
        self._attribute_group, self._deliver_group = groups
        self._newest = newest
        self._conversion = ConversionDecoder(schemas)
        self._receipt = ReceiptDecoder(schemas)
        self._dead_letter = DeadLetterDecoder(schemas)
        self._notes: list[str] = []

    def traces(self, programme: str, order_ref: str) -> Traces:
        """Return everything found of an order. Conversion and receipt are found by their key's partition.

        Raises:
            KafkaError: the topics cannot be read.
            StateError: a newer release wrote the state.
        """
        key = outbox_key(programme, order_ref)
        conversions, receipt, delivered_to = self._outbox(key)
        refusals = self._refusals(programme, order_ref)
        waiting, remembered = (None, None) if conversions else self._state(key)
        found = conversions or receipt or refusals or waiting or remembered
        return Traces(
            conversions=conversions,
            receipt=receipt,
            refusals=refusals,
            waiting=waiting,
            remembered=remembered,
            delivered_to=delivered_to,
            unread_orders=None if found else self._unread_orders(),
            notes=tuple(self._notes),
        )

    def _outbox(self, key: bytes) -> tuple[list[Decided], Receipt | None, int | None]:
        topics = self._topics
        committed = self._reader.committed(self._deliver_group, topics.conversion)
        number = murmur2(key, len(self._reader.spans(topics.conversion)))
        spans = {
            TopicPartition(topic, number): self._reader.spans(topic)[number]
            for topic in (topics.conversion, topics.receipt)
        }
        conversions: list[Decided] = []
        receipt = None
        for record in self._reader.read(spans, {key}):
            if record.topic == topics.conversion:
                conversions += self._decided(record)
            else:
                receipt = None if record.value is None else self._receipt(record.value, record.headers)
        return conversions, receipt, committed[number].offset if number in committed else None

    def _decided(self, record: Record) -> Iterator[Decided]:
        try:
            conversion = self._conversion(record.value, record.headers)
        except Undecodable:
            self._notes.append(f"{_place(record)} cannot be decoded")
            return
        yield Decided(at=_position(record), decided_at_ms=record.timestamp_ms, conversion=conversion)

    def _refusals(self, programme: str, order_ref: str) -> list[Refusal]:
        wanted = needle(order_ref)
        found = []
        for record in self._reader.read(self._spans(self._topics.dead_letter, self._newest.dead_letters)):
            if record.value is None or wanted not in record.value:
                continue
            try:
                letter = self._dead_letter(record.value, record.headers)
            except Undecodable:
                self._notes.append(f"{_place(record)} cannot be decoded")
                continue
            found.append(refusal(letter, _position(record), programme, order_ref))
        return [each for each in found if each is not None]

    def _state(self, key: bytes) -> tuple[Waiting | None, Remembered | None]:
        topic = self._topics.orders
        pending_key, link_key = orders.pending_key(key), orders.link_key(key)
        spans = self._spans(topic, self._newest.state_records)
        newest: dict[tuple[int, bytes], Record] = {}
        for record in self._reader.read(spans, {pending_key, link_key}):
            if record.key is not None:
                newest[record.partition, record.key] = record
        return self._waiting(newest.values(), pending_key), self._remembered(newest.values(), link_key)

    def _waiting(self, records: Iterable[Record], key: bytes) -> Waiting | None:
        for record in records:
            if record.key == key and record.value is not None:
                pending = orders.decode_pending(record.value)
                return Waiting(
                    since_ms=record.timestamp_ms,
                    completed_at_ms=pending.order.completed_at_ms,
                    source=Position(self._topics.order_completed, record.partition, pending.offset),
                )
        return None

    def _remembered(self, records: Iterable[Record], key: bytes) -> Remembered | None:
        for record in records:
            if record.key == key and record.value is not None:
                link = orders.decode_link(record.value)
                return Remembered(
                    completed_at_ms=link.completed_at_ms,
                    channel=link.channel,
                    click_checksums=link.click_checksums,
                    source=Position(self._topics.order_completed, record.partition, link.offset),
                )
        return None

    def _unread_orders(self) -> int:
        topic = self._topics.order_completed
        committed = self._reader.committed(self._attribute_group, topic)
        spans = self._reader.spans(topic)
        return sum(
            span.end - max(span.start, committed[number].offset if number in committed else 0)
            for number, span in spans.items()
        )

    def _spans(self, topic: str, newest: int) -> dict[TopicPartition, Span]:
        """Return what to read of a topic in which the order's partition is not known."""
        spans = self._reader.spans(topic)
        if sum(span.end - span.start for span in spans.values()) <= newest:
            return {TopicPartition(topic, number): span for number, span in spans.items()}
        self._notes.append(f"of {topic} only the newest {newest:,} records were read; --deep reads them all")
        each = -(-newest // len(spans))
        return {TopicPartition(topic, number): span.newest(each) for number, span in spans.items()}


def _position(record: Record) -> Position:
    return Position(record.topic, record.partition, record.offset)


def _place(record: Record) -> str:
    return f"{record.topic}[{record.partition}]@{record.offset}"
