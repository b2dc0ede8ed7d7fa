"""Finds the records of the shop that an order is explained by: its own, and those of its visitor's landings."""

from __future__ import annotations

from consumer.errors import Undecodable
from consumer.events import Conversion, Position, SessionLanded
from consumer.inspect.reading import Reading
from consumer.inspect.traces import OrderFound
from consumer.stream.avro import OrderDecoder, SessionDecoder
from consumer.stream.schemas import Schemas


class InputSearch:
    """Looks where the attribute stage reads from.

    Args:
        schemas: how the records are written.
        attribute_group: the consumer group of the stage.
    """

    def __init__(self, schemas: Schemas, attribute_group: str) -> None:
        self._group = attribute_group
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
                return OrderFound(at=source, order=order)
        reading.notes.append(
            f"the order's record ({source.topic}[{source.partition}]@{source.offset}) is not there any more: its "
            "lines, and why it is of this programme, cannot be told"
        )
        return None

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

    def unread_orders(self, reading: Reading) -> int:
        """Return how many order records the attribute stage has yet to read."""
        topic = reading.topics.order_completed
        committed = reading.reader.committed(self._group, topic)
        spans = reading.reader.spans(topic)
        return sum(
            span.end - max(span.start, committed[number].offset if number in committed else 0)
            for number, span in spans.items()
        )
