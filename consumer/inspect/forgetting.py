"""What to write so that a visitor, and an order of his, are forgotten."""

from __future__ import annotations

from confluent_kafka import murmur2
from msgspec import Struct

from consumer.errors import Undecodable, Unfound
from consumer.events import FORGET_ORDER_HEADER, Position, outbox_key
from consumer.inspect.topic_reader import Span, TopicReader
from consumer.inspect.traces import Traces
from consumer.settings import Topics
from consumer.stream.avro import OrderDecoder
from consumer.stream.log import TopicPartition
from consumer.stream.schemas import Schemas


class Tombstone(Struct, frozen=True):
    """A record without a value, to be appended to ``session.landed``."""

    topic: str
    partition: int
    key: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


def of_visitor(visitor: str, topics: Topics, reader: TopicReader) -> Tombstone:
    """Return what makes the attribute stage forget a visitor.

    Raises:
        KafkaError: the topic cannot be seen.
    """
    key = visitor.encode()
    return Tombstone(topics.session_landed, murmur2(key, len(reader.spans(topics.session_landed))), key)


def of_order(
    programme: str, order_ref: str, traces: Traces, topics: Topics, reader: TopicReader, schemas: Schemas
) -> Tombstone:
    """Return what makes it forget the visitor of an order, and the order's checksums.

    Raises:
        Unfound: neither the order nor its record is there any more.
        KafkaError: the topics cannot be read.
    """
    source = _source(traces)
    if source is None:
        raise Unfound(f"order {order_ref} of programme {programme} is neither in state nor on {topics.conversion}")
    key = _visitor_of(source, reader, schemas)
    return Tombstone(
        topics.session_landed,
        source.partition,
        key or order_ref.encode(),
        ((FORGET_ORDER_HEADER, outbox_key(programme, order_ref)),),
    )


def _source(traces: Traces) -> Position | None:
    if traces.conversions:
        return traces.conversions[0].conversion.source
    found = traces.waiting or traces.remembered
    return None if found is None else found.source


def _visitor_of(source: Position, reader: TopicReader, schemas: Schemas) -> bytes | None:
    """Return the visitor of an order record; ``None`` when it has none.

    Raises:
        Unfound: the record has expired, or cannot be decoded.
    """
    at = TopicPartition(source.topic, source.partition)
    decode = OrderDecoder(schemas)
    for record in reader.read({at: Span(source.offset, source.offset + 1)}):
        try:
            visitor = decode(record.value, record.headers).visitor_id
        except Undecodable as error:
            raise Unfound(f"{source.topic}[{source.partition}]@{source.offset}: {error.message}") from error
        return None if visitor is None else visitor.encode()
    raise Unfound(
        f"the order's record {source.topic}[{source.partition}]@{source.offset} has expired, so its visitor is not "
        "known: forget the visitor by id"
    )
