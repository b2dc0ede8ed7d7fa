"""Both feeds keep the promises of `consumer.delivery.control.Feed`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from consumer.delivery.control import Feed
from consumer.demo.broker import EmbeddedKafka
from consumer.stream.feed_kafka import KafkaFeed
from consumer.stream.feed_memory import MemoryFeed
from consumer.stream.log import Record
from tests.stream.logs import TIMEOUT_S, InMemory, Log, OnKafka


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.kafka)])
def log(request: pytest.FixtureRequest) -> Iterator[Log]:
    """The in-memory log, and a real broker."""
    made: Log
    if request.param == "memory":
        made = InMemory()
    else:
        kafka: EmbeddedKafka = request.getfixturevalue("kafka")
        names: Callable[[str], str] = request.getfixturevalue("topic_names")
        made = OnKafka(kafka.bootstrap_servers, names)
    yield made
    made.close()


def opened(log: Log, topic: str) -> Feed:
    """Open a feed of a topic."""
    if isinstance(log, InMemory):
        return MemoryFeed(log.log, topic)
    assert isinstance(log, OnKafka)
    return KafkaFeed(log.servers, "test-feed", topic)


def taken(feed: Feed, number: int) -> list[Record]:
    """Advance until so many records have come and the feed has caught up."""
    deadline_s = time.monotonic() + TIMEOUT_S
    records: list[Record] = []
    while len(records) < number or not feed.caught_up:
        assert time.monotonic() < deadline_s, f"{len(records)} of {number} records came"
        records += feed.advance()
    return records


def test_everything_is_there_when_it_has_caught_up(log: Log) -> None:
    """Not before; and what is written later comes later, each record once."""
    topic = log.topic("control")
    before = [log.produce(topic, b"k", str(number).encode()) for number in range(3)]
    with closing(opened(log, topic)) as feed:
        records = taken(feed, 0)
        assert [record.value for record in records] == [record.value for record in before]
        log.produce(topic, b"k", None)
        assert [record.value for record in taken(feed, 1)] == [None]


def test_an_empty_topic_is_caught_up_with(log: Log) -> None:
    """There is nothing to wait for."""
    with closing(opened(log, log.topic("control"))) as feed:
        assert taken(feed, 0) == []


def test_what_is_not_committed_is_not_there(log: Log) -> None:
    """A record of an open transaction comes with its commit."""
    topic = log.topic("control")
    writer = log.writer("writer")
    writer.send(topic, b"k", b"aborted")
    writer.abort()
    writer.send(topic, b"k", b"kept")
    with closing(opened(log, topic)) as feed:
        assert taken(feed, 0) == []
        writer.commit_alone()
        assert [record.value for record in taken(feed, 1)] == [b"kept"]
