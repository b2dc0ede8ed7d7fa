"""What to write so that somebody is forgotten."""

from __future__ import annotations

import pytest
from confluent_kafka import murmur2

from consumer.errors import Unfound
from consumer.events import FORGET_ORDER_HEADER, OrderCompleted, Position
from consumer.inspect.forgetting import Tombstone, of_order, of_visitor
from consumer.inspect.traces import Remembered, Traces
from consumer.settings import Topics
from consumer.stream.avro import OrderEncoder
from consumer.stream.schemas import Schemas
from tests.attribution.test_conversion import order
from tests.inspect.memory_topics import MemoryTopics

TOPICS = Topics()
PARTITIONS = 8
SCHEMAS = Schemas.load()


def topics_with(*orders: OrderCompleted) -> MemoryTopics:
    """Make topics in whose first partition these orders stand."""
    made = MemoryTopics(dict.fromkeys((TOPICS.session_landed, TOPICS.order_completed), PARTITIONS))
    for each in orders:
        made.append(TOPICS.order_completed, b"k", OrderEncoder(SCHEMAS)(each), 3)
    return made


def traces(offset: int) -> Traces:
    """Say that state remembers an order of partition 3."""
    said = Remembered(
        completed_at_ms=0, channel="aw", click_checksums=(), source=Position(TOPICS.order_completed, 3, offset)
    )
    return Traces(remembered=said)


def test_a_visitor_is_addressed_as_his_sessions_are() -> None:
    """By key, in the partition of Kafka's own partitioner."""
    found = of_visitor("Änn", TOPICS, topics_with())
    key = "Änn".encode()
    assert found == Tombstone(TOPICS.session_landed, murmur2(key, PARTITIONS), key)


@pytest.mark.parametrize(("visitor", "key"), [("v", b"v"), (None, b"R-1")])
def test_an_order_is_forgotten_where_it_was_read(visitor: str | None, key: bytes) -> None:
    """With its visitor, if it has one, and by its outbox key."""
    topics = topics_with(order(order_ref="other"), order(visitor_id=visitor))
    found = of_order("1001", "R-1", traces(1), TOPICS, topics, SCHEMAS)
    assert found == Tombstone(TOPICS.session_landed, 3, key, ((FORGET_ORDER_HEADER, b"1001:R-1"),))


def test_an_order_that_is_not_there_is_told() -> None:
    """Never known, or known by state alone while its record has expired, or not to be decoded."""
    topics = topics_with(order())
    with pytest.raises(Unfound, match="neither in state"):
        of_order("1001", "R-1", Traces(), TOPICS, topics, SCHEMAS)
    topics.append(TOPICS.order_completed, b"k", b"garbage", 3)
    with pytest.raises(Unfound, match="begins neither"):
        of_order("1001", "R-1", traces(1), TOPICS, topics, SCHEMAS)
    topics.expire(TOPICS.order_completed, 3, 1)
    with pytest.raises(Unfound, match="has expired"):
        of_order("1001", "R-1", traces(0), TOPICS, topics, SCHEMAS)
