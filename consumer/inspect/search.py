"""Finds what the topics say about one order, reading no more than needed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from confluent_kafka import murmur2
from msgspec import Struct, structs

from consumer.dead_letter import REPLAYED
from consumer.errors import KafkaError, Undecodable
from consumer.events import Conversion, DeadLetter, Position, Receipt, SessionLanded, outbox_key
from consumer.inspect.explanation import (
    Decided,
    OrderFound,
    Refusal,
    Remembered,
    Traces,
    Waiting,
    decisive,
    needle,
    refusal,
)
from consumer.inspect.topic_reader import Span, TopicReader
from consumer.replay_header import replay_in
from consumer.settings import Topics
from consumer.state import orders
from consumer.stream.avro import ConversionDecoder, DeadLetterDecoder, OrderDecoder, ReceiptDecoder, SessionDecoder
from consumer.stream.log import Record, TopicPartition
from consumer.stream.schemas import Schemas

_Found: TypeAlias = tuple[DeadLetter, Position, int | None]
"""A dead letter, where it stands, and when it was replayed."""


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
        self._order = OrderDecoder(schemas)
        self._session = SessionDecoder(schemas)
        self._notes: list[str] = []

    def traces(self, programme: str, order_ref: str) -> Traces:
        """Return everything found of an order. Conversion and receipt are found by their key's partition.

        Raises:
            KafkaError: the topics cannot be read.
            StateError: a newer release wrote the state.
        """
        return self.find((programme,), order_ref)[1]

    def find(self, programmes: Sequence[str], order_ref: str) -> tuple[str, Traces]:
        """Look for an order in several programmes; return the one that has it, with everything found there.

        Where several have it, it is the first in which it was decided, and a note names the others.

        Raises:
            KafkaError: the topics cannot be read.
            StateError: a newer release wrote the state.
        """
        self._notes = []
        keys = {outbox_key(programme, order_ref): programme for programme in programmes}
        outbox = self._outbox(keys)
        letters = self._letters(order_ref)
        is_decided = any(found.conversions for found in outbox.values())
        state = {} if is_decided else self._state(keys)
        found = {
            programme: structs.replace(
                outbox[programme],
                refusals=_refusals(letters, programme, order_ref),
                waiting=state.get(programme, _NOTHING).waiting,
                remembered=state.get(programme, _NOTHING).remembered,
            )
            for programme in programmes
        }
        programme = max(programmes, key=lambda each: _weight(found[each]))
        self._name_others(programme, found)
        traces = found[programme]
        decided = decisive(traces)
        source = _source(traces)
        return programme, structs.replace(
            traces,
            order=None if source is None else self._order_record(source, order_ref),
            sessions={} if decided is None else self._sessions(decided.conversion),
            unread_orders=None if _weight(traces) else self._unread_orders(),
            notes=tuple(self._notes),
        )

    def _outbox(self, keys: Mapping[bytes, str]) -> dict[str, Traces]:
        topics = self._topics
        committed = self._reader.committed(self._deliver_group, topics.conversion)
        spans = {topic: self._reader.spans(topic) for topic in (topics.conversion, topics.receipt)}
        numbers = {key: murmur2(key, len(spans[topics.conversion])) for key in keys}
        pieces = {
            TopicPartition(topic, number): spans[topic][number] for topic in spans for number in set(numbers.values())
        }
        conversions: dict[bytes, list[Decided]] = {key: [] for key in keys}
        receipts: dict[bytes, Receipt | None] = {}
        for record in self._reader.read(pieces, keys):
            key = record.key or b""
            if record.topic == topics.conversion:
                conversions[key] += self._decided(record)
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

    def _decided(self, record: Record) -> Iterator[Decided]:
        try:
            conversion = self._conversion(record.value, record.headers)
        except Undecodable:
            self._notes.append(f"{_place(record)} cannot be decoded")
            return
        yield Decided(
            at=_position(record),
            decided_at_ms=record.timestamp_ms,
            conversion=conversion,
            is_replay=replay_in(record.headers) is not None,
        )

    def _letters(self, order_ref: str) -> list[_Found]:
        """Return the dead letters whose bytes hold the reference, and when they were replayed."""
        wanted, found, replayed = needle(order_ref), [], {}
        for record in self._reader.read(self._spans(self._topics.dead_letter, self._newest.dead_letters)):
            if record.value is None or not (wanted in record.value or _REPLAYED in record.value):
                continue
            try:
                letter = self._dead_letter(record.value, record.headers)
            except Undecodable:
                self._notes.append(f"{_place(record)} cannot be decoded")
                continue
            if letter.stage == "replay":
                replayed[letter.source] = letter.failed_at_ms
            else:
                found.append((letter, _position(record)))
        return [(letter, at, replayed.get(at)) for letter, at in found]

    def _state(self, keys: Mapping[bytes, str]) -> dict[str, Traces]:
        topic = self._topics.orders
        wanted = {kind(key) for key in keys for kind in (orders.pending_key, orders.link_key)}
        newest: dict[tuple[int, bytes], Record] = {}
        for record in self._reader.read(self._spans(topic, self._newest.state_records), wanted):
            if record.key is not None:
                newest[record.partition, record.key] = record
        return {
            programme: Traces(
                waiting=self._waiting(newest.values(), orders.pending_key(key)),
                remembered=self._remembered(newest.values(), orders.link_key(key)),
            )
            for key, programme in keys.items()
        }

    def _name_others(self, programme: str, found: Mapping[str, Traces]) -> None:
        for other, traces in found.items():
            if other != programme and _weight(traces) > _REFUSED:
                self._notes.append(f"programme {other} has an order of this reference too: --programme {other}")

    def _order_record(self, source: Position, order_ref: str) -> OrderFound | None:
        """Return the order's record; ``None``, and a note says so, when it is not there any more."""
        for record in self._pick(source.topic, source.partition, (source.offset,)):
            try:
                order = self._order(record.value, record.headers)
            except Undecodable:
                continue
            if order.order_ref == order_ref:
                return OrderFound(at=source, order=order)
        self._notes.append(
            f"the order's record ({source.topic}[{source.partition}]@{source.offset}) is not there any more: its "
            "lines, and why it is of this programme, cannot be told"
        )
        return None

    def _sessions(self, conversion: Conversion) -> dict[int, SessionLanded]:
        """Return the records of the touches that a conversion tells of, those that are still there."""
        landed_at_ms = {
            each.session_offset: each.landed_at_ms for each in conversion.evidence if each.session_offset is not None
        }
        found = {}
        for record in self._pick(self._topics.session_landed, conversion.source.partition, landed_at_ms):
            try:
                session = self._session(record.value, record.headers)
            except Undecodable:
                continue
            if session.landed_at_ms == landed_at_ms[record.offset]:
                found[record.offset] = session
        return found

    def _pick(self, topic: str, partition: int, offsets: Collection[int]) -> list[Record]:
        """Return a few records of an input; what does not answer is noted, since the rest can be told without."""
        if not offsets:
            return []
        try:
            return self._reader.pick(TopicPartition(topic, partition), offsets)
        except KafkaError as error:
            self._notes.append(str(error))
            return []

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
                    reported=link.reported,
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


_NOTHING = Traces()
_REPLAYED = needle(REPLAYED)
_REFUSED, _ACCEPTED, _DECIDED = 1, 2, 3


def _refusals(letters: Iterable[_Found], programme: str, order_ref: str) -> list[Refusal]:
    found = (refusal(letter, at, programme, order_ref, replayed_at_ms) for letter, at, replayed_at_ms in letters)
    return [each for each in found if each is not None]


def _weight(traces: Traces) -> int:
    """Return how far an order has come, as far as is known: 0 when nothing is."""
    if traces.conversions or traces.receipt is not None:
        return _DECIDED
    if traces.waiting is not None or traces.remembered is not None:
        return _ACCEPTED
    return _REFUSED if traces.refusals else 0


def _source(traces: Traces) -> Position | None:
    """Return where the order's record stands."""
    decided = decisive(traces)
    if decided is not None:
        return decided.conversion.source
    found = traces.waiting or traces.remembered
    return None if found is None else found.source


def _position(record: Record) -> Position:
    return Position(record.topic, record.partition, record.offset)


def _place(record: Record) -> str:
    return f"{record.topic}[{record.partition}]@{record.offset}"
