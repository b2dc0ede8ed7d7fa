"""What only a real group can show about the source."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import pytest
from confluent_kafka import Producer
from confluent_kafka import TopicPartition as Native

from consumer.demo.broker import EmbeddedKafka
from consumer.errors import OffsetsLost, Rebalanced, TopicError, Unavailable
from consumer.stream.log import Committed, TopicPartition
from consumer.stream.source import KafkaSource
from tests.stream.logs import OnKafka, Recorder, poll_until, read

pytestmark = pytest.mark.kafka


@pytest.fixture
def log(kafka: EmbeddedKafka, topic_names: Callable[[str], str]) -> Iterator[OnKafka]:
    """Topics and clients on the shared broker."""
    made = OnKafka(kafka.bootstrap_servers, topic_names)
    yield made
    made.close()


def joined(log: OnKafka, topic: str, recorder: Recorder | None = None) -> KafkaSource:
    """A group of one member."""
    listener = recorder or Recorder()
    source = log.source([topic], listener)
    log.share([topic], {"a": source}, {"a": listener})
    return source


def test_an_expelled_member_is_told_that_partitions_are_lost(log: OnKafka) -> None:
    """Whoever overstays the poll interval hears `on_lost`, not `on_revoked`, and is assigned again after polling on."""
    recorder = Recorder()
    at = TopicPartition(log.topic("in"), 0)
    source = joined(log, at.topic, recorder)
    assert source.membership([at])
    while source.last_poll_age_s() < 3.5:
        time.sleep(0.05)
    with pytest.raises(Rebalanced, match="no member"):
        source.membership([at])
    before = source.generation()
    poll_until(lambda: recorder.current == {at} and bool(recorder.lost), source)
    assert (recorder.lost, recorder.revoked) == ([at], [])
    assert source.generation() > before
    assert source.last_poll_age_s() < 2


def test_an_offset_of_an_open_transaction_is_not_stable(log: OnKafka, topic_names: Callable[[str], str]) -> None:
    """While a transaction with offsets is open there is no answer: bounded, and an error rather than an old offset."""
    at = TopicPartition(log.topic("in"), 0)
    source = joined(log, at.topic)
    writer = Producer({**log.servers, "transactional.id": topic_names("open")})
    writer.init_transactions(10)
    writer.begin_transaction()
    writer.send_offsets_to_transaction([Native(*at, 3)], source.membership([at]), 10)
    began = time.monotonic()
    with pytest.raises(Unavailable):
        source.committed([at], 0.5)
    assert time.monotonic() - began < 3
    writer.commit_transaction(10)
    assert source.committed([at], 10) == {at: Committed(3, "")}


def test_lost_records_are_told_with_the_log_bounds(log: OnKafka) -> None:
    """A position before the log's start stops the source, naming what is asked for and what there is."""
    at = TopicPartition(log.topic("in"), 0)
    for _ in range(5):
        log.produce(at.topic, b"k", b"v")
    log.delete_before(at, 3)
    source = joined(log, at.topic)
    source.start(at, 1)
    with pytest.raises(OffsetsLost, match=r"\[0\]: offset 1 is asked for, but the log holds 3 to 5"):
        poll_until(lambda: False, source)


def test_high_watermarks_count_what_is_not_read_yet(log: OnKafka) -> None:
    """Lag is what the last fetch told minus the own position."""
    at = TopicPartition(log.topic("in"), 0)
    for _ in range(5):
        log.produce(at.topic, b"k", b"v")
    source = joined(log, at.topic)
    assert source.high_watermarks() == {}
    source.start(at, 0)
    read(source, 5)
    assert source.high_watermarks() == {at: 5}


def test_an_error_of_the_listener_leaves_poll(log: OnKafka) -> None:
    """What a listener raises is not swallowed by the client."""

    class Refusing(Recorder):
        def on_assigned(self, partitions: Sequence[TopicPartition]) -> None:
            raise TopicError(f"refused: {partitions}")

    source = log.source([log.topic("in")], Refusing())
    with pytest.raises(TopicError, match="refused"):
        poll_until(lambda: False, source)


def test_starting_inside_on_assigned_delivers_everything(log: OnKafka) -> None:
    """A listener may start partitions at once, again after each rebalance, and nothing before the offset is seen."""
    topic = log.topic("in", 4)
    written = [log.produce(topic, b"%d" % number, b"v") for number in range(40)]

    class Eager(Recorder):
        def on_assigned(self, partitions: Sequence[TopicPartition]) -> None:
            for each in partitions:
                source.start(each, 1)

    source = log.source([topic], Eager())
    wanted = {(record.partition, record.offset) for record in written if record.offset >= 1}
    assert {(record.partition, record.offset) for record in read(source, len(wanted))} == wanted


@pytest.mark.slow
def test_the_newer_group_protocol_keeps_topics_together(log: OnKafka, topic_names: Callable[[str], str]) -> None:
    """With KIP-848 both topics' partitions of one number go to the same member, and kept ones go on being read."""
    topics = [log.topic("in-1", 4), log.topic("in-2", 4)]
    listeners = {name: Recorder() for name in ("a", "b")}

    def member(name: str) -> KafkaSource:
        properties = {**log.servers, "group.protocol": "consumer"}
        source = KafkaSource(properties, topics, listeners[name], group=topic_names("new"), instance=name)
        return log.closing(source)

    first = member("a")
    log.share(topics, {"a": first}, {"a": listeners["a"]})
    for topic in topics:
        for number in range(4):
            first.start(TopicPartition(topic, number), 0)
    second = member("b")
    log.share(topics, {"a": first, "b": second}, listeners)
    for recorder in listeners.values():
        numbers = [{each.partition for each in recorder.current if each.topic == topic} for topic in topics]
        assert numbers[0] == numbers[1] != set()
    kept = sorted(listeners["a"].current)
    first.pause(kept[1:])
    written = [log.produce(each.topic, b"k", b"v", partition=each.partition) for each in kept]
    assert [record.offset for record in read(first, 1)] == [written[0].offset]
    with pytest.raises(LookupError):
        first.next_offset(min(listeners["b"].current))
    first.start(kept[0], 0)
    assert [(record.topic, record.partition, record.offset) for record in read(first, 1)] == [(*kept[0], 0)]
    first.resume(kept)
    assert len(read(first, len(kept) - 1)) == len(kept) - 1


def test_a_dead_broker_is_told_by_the_error_report_only() -> None:
    """Polling goes on without records or exceptions, questions end in time."""
    told: list[str] = []
    source = KafkaSource(
        {"bootstrap.servers": "127.0.0.1:1"}, ["in"], Recorder(), group="g", instance="i", on_error=told.append
    )
    poll_until(lambda: any("_ALL_BROKERS_DOWN" in text for text in told), source)
    assert source.poll(10, 0) == []
    at = TopicPartition("in", 0)
    with pytest.raises(Unavailable):
        source.committed([at], 0.2)
    with pytest.raises(Unavailable):
        source.offsets_at({at: 0}, 0.2)
    source.close()
