"""Finds the records of the shop that an order is explained by: its own, and those of its visitor's landings."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import NamedTuple

from msgspec import Struct

from consumer.attribution.rules import Rules
from consumer.errors import KafkaError, Undecodable
from consumer.events import Conversion, OrderCompleted, Position, SessionLanded
from consumer.inspect.beginnings import first_record, ledger
from consumer.inspect.judgement import Stand
from consumer.inspect.reading import Reading, position
from consumer.inspect.topic_reader import Span
from consumer.inspect.traces import Decided, Forgotten, OrderFound, needle
from consumer.stream.avro import OrderDecoder, SessionDecoder
from consumer.stream.log import Committed, Record, TopicPartition
from consumer.stream.schemas import Schemas


class VisitorWanted(Struct, frozen=True, kw_only=True):
    """Which records of a visitor's sessions are wanted."""

    visitor: str
    partition: int
    from_ms: int
    """Record time of the earliest."""
    to_ms: int
    """Record time of the latest."""
    before_offset: int | None
    """Instead of ``to_ms``, where it is known."""


class VisitorRecords(NamedTuple):
    """Those that are there, found by their key."""

    records: list[Record]
    since_ms: int | None
    """Record time of the first session that is there, where earlier ones of the wanted time are not."""


class InputSearch:
    """Looks where the attribute stage reads from.

    Args:
        schemas: how the records are written.
        attribute_group: the consumer group of the stage.
        shop: the rules, as far as they are the same for all programmes.
    """

    def __init__(self, schemas: Schemas, attribute_group: str, shop: Rules) -> None:
        self._group = attribute_group
        self._shop = shop
        self._order = OrderDecoder(schemas)
        self._session = SessionDecoder(schemas)

    def order_at(self, source: Position, order_ref: str, reading: Reading) -> OrderFound | None:
        """Return the order's record; ``None``, and a note says so, when it is not there any more."""
        for record in reading.pick(source.topic, source.partition, (source.offset,)):
            try:
                order = self._order(record.value, record.headers)
            except Undecodable:
                continue
            if order.order_ref == order_ref:
                return OrderFound(at=source, recorded_at_ms=record.timestamp_ms, order=order)
        reading.notes.append(
            f"the order's record ({source.topic}[{source.partition}]@{source.offset}) is not there any more: its "
            "lines, and why it is of this programme, cannot be told"
        )
        return None

    def orders_of(self, order_ref: str, reading: Reading) -> list[OrderFound]:
        """Return the order records that have the reference, the newest last."""
        wanted = needle(order_ref)
        found = []
        for record in reading.read_newest(reading.topics.order_completed, reading.newest.orders):
            if record.value is None or wanted not in record.value:
                continue
            try:
                order = self._order(record.value, record.headers)
            except Undecodable:
                continue
            if order.order_ref == order_ref:
                found.append(OrderFound(at=position(record), recorded_at_ms=record.timestamp_ms, order=order))
        return sorted(found, key=lambda each: (each.recorded_at_ms, each.at))

    def read_to(self, reading: Reading) -> Mapping[int, Committed]:
        """Return how far the attribute stage has read the orders, by partition."""
        return reading.reader.committed(self._group, reading.topics.order_completed)

    def stand(self, partition: int, committed: Committed | None, reading: Reading) -> Stand:
        """Return how the attribute stage stands in a partition of the orders, of which it has read so much."""
        topics = reading.topics
        state = TopicPartition(topics.orders, partition)
        facts = ledger(reading.reader, state, reading.reader.spans(topics.orders)[partition])
        return Stand(
            cut_over_ms=None if facts is None else facts.cut_over_ms,
            first_order=0 if facts is None else facts.first_order_offset,
            read_to=0 if committed is None else committed.offset,
        )

    def landings_of(self, conversion: Conversion, reading: Reading) -> dict[int, SessionLanded]:
        """Return the records of the touches that a conversion tells of, those that are still there."""
        landed_at_ms = {
            each.session_offset: each.landed_at_ms for each in conversion.evidence if each.session_offset is not None
        }
        found = {}
        for record in reading.pick(reading.topics.session_landed, conversion.source.partition, landed_at_ms):
            try:
                session = self._session(record.value, record.headers)
            except Undecodable:
                continue
            if session.landed_at_ms == landed_at_ms[record.offset]:
                found[record.offset] = session
        return found

    def forgotten_before(self, decided: Decided, order: OrderCompleted, reading: Reading) -> Forgotten | None:
        """Return the request by which an order's visitor had been forgotten; ``None`` when it is not there any more."""
        conversion = decided.conversion
        wanted = VisitorWanted(
            visitor=order.visitor_id or "",
            partition=conversion.source.partition,
            from_ms=order.completed_at_ms - self._shop.window_ms,
            to_ms=decided.decided_at_ms,
            before_offset=conversion.session_cut,
        )
        found = None
        for record in self.visitor_records(wanted, reading).records:
            if record.value is None:
                found = Forgotten(at=position(record), asked_at_ms=record.timestamp_ms)
        return found

    def visitor_records(self, wanted: VisitorWanted, reading: Reading) -> VisitorRecords:
        """Return session records of a visitor; what does not answer is noted."""
        topic, reader = reading.topics.session_landed, reading.reader
        at = TopicPartition(topic, wanted.partition)
        reading.progress(f"{topic} [{wanted.partition}]")
        try:
            kept = reader.spans(topic)[wanted.partition]
            start = reader.offsets_at(topic, max(0, wanted.from_ms))[wanted.partition]
            first = first_record(reader, at, kept) if kept.start and start <= kept.start else None
            end = wanted.before_offset
            if end is None:
                end = reader.offsets_at(topic, wanted.to_ms + 1)[wanted.partition]
            with closing(reader.read({at: Span(max(start, kept.start), end)}, {wanted.visitor.encode()})) as records:
                return VisitorRecords(list(records), None if first is None else first.timestamp_ms)
        except KafkaError as error:
            reading.notes.append(str(error))
            return VisitorRecords([], None)

    def unread_orders(self, reading: Reading) -> int:
        """Return how many order records the attribute stage has yet to read."""
        topic = reading.topics.order_completed
        committed = self.read_to(reading)
        spans = reading.reader.spans(topic)
        return sum(
            span.end - max(span.start, committed[number].offset if number in committed else 0)
            for number, span in spans.items()
        )
