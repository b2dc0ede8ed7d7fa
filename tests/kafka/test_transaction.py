"""What only a real coordinator can show about transactions: who is refused, and what survives a stall."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

import pytest

from consumer.demo.broker import EmbeddedKafka
from consumer.errors import Fenced, Rebalanced, SettingsError, TopicError, Unavailable
from consumer.stream.log import BATCH_OVERHEAD_BYTES, Committed, Source, TopicPartition
from consumer.stream.properties import Value
from consumer.stream.source import KafkaSource
from consumer.stream.transaction import KafkaTransaction
from tests.stream.logs import OnKafka, Recorder, poll_until

pytestmark = pytest.mark.kafka


@pytest.fixture
def log(kafka: EmbeddedKafka, topic_names: Callable[[str], str]) -> Iterator[OnKafka]:
    """Topics and clients on the shared broker."""
    made = OnKafka(kafka.bootstrap_servers, topic_names)
    yield made
    made.close()


def joined(log: OnKafka, topic: str, recorder: Recorder | None = None, member: str = "a") -> Source:
    """A group of one member."""
    listener = recorder or Recorder()
    source = log.source([topic], listener, member)
    log.share([topic], {member: source}, {member: listener})
    return source


def end_of(source: Source, partition: TopicPartition) -> int:
    """Return the log's end, uncommitted records and markers included."""
    return source.offsets_at({partition: 2**50}, 10)[partition]


class Remembered:
    """Group metadata as it was once: what a member presents that does not know of its expulsion yet."""

    def __init__(self, metadata: bytes) -> None:
        self._metadata = metadata

    def membership(self, _: Iterable[TopicPartition]) -> bytes:
        """Return what is remembered."""
        return self._metadata


def test_the_broker_refuses_the_offsets_of_an_earlier_generation(
    log: OnKafka, topic_names: Callable[[str], str]
) -> None:
    """A member that was replaced unknowingly commits nothing, even with an offset that has not changed."""
    at, out = TopicPartition(log.topic("in"), 0), log.topic("out")
    first = log.source([at.topic], listener := Recorder())
    log.share([at.topic], {"a": first}, {"a": listener})
    stale = KafkaTransaction(log.servers, topic_names("stale"), Remembered(first.membership([at])))
    log.transaction("seed", first).commit({at: Committed(4, "")})
    first.close()
    second = joined(log, at.topic, member="b")
    stale.send(out, b"k", b"stale")
    with pytest.raises(Rebalanced, match=r"UNKNOWN_MEMBER_ID|ILLEGAL_GENERATION"):
        stale.commit({at: Committed(4, "")})
    stale.close()
    assert log.visible(out) == []
    assert second.committed([at], 10) == {at: Committed(4, "")}


def test_a_refused_transaction_can_be_followed_by_another(log: OnKafka, topic_names: Callable[[str], str]) -> None:
    """After `Rebalanced` the same writer goes on."""
    at, out = TopicPartition(log.topic("in"), 0), log.topic("out")
    source = log.source([at.topic], listener := Recorder())
    log.share([at.topic], {"a": source}, {"a": listener})
    members = Remembered(source.membership([at]).replace(b"\x01\x00\x00\x00", b"\x00\x00\x00\x00", 1))
    transaction = KafkaTransaction(log.servers, topic_names("writer"), members)
    transaction.send(out, b"k", b"refused")
    with pytest.raises(Rebalanced):
        transaction.commit({at: Committed(0, "")})
    members._metadata = source.membership([at])
    transaction.send(out, b"k", b"taken")
    transaction.commit({at: Committed(0, "")})
    transaction.close()
    assert log.visible(out) == [(b"k", b"taken")]


def test_a_transaction_that_outlives_its_time_limit_is_no_reason_to_exit(
    log: OnKafka, topic_names: Callable[[str], str]
) -> None:
    """The broker aborts it and fences the producer; the caller is told `Unavailable` and goes on with a new one."""
    at, out = TopicPartition(log.topic("in"), 0), TopicPartition(log.topic("out"), 0)
    source = log.source([at.topic], listener := Recorder())
    log.share([at.topic], {"a": source}, {"a": listener})
    properties: dict[str, Value] = {**log.servers, "transaction.timeout.ms": 1_000}
    transaction = KafkaTransaction(properties, topic_names("slow"), source)
    transaction.send(out.topic, b"k", b"dropped")
    # The record and the marker that ends its transaction.
    poll_until(lambda: end_of(source, out) == 2, source)
    with pytest.raises(Unavailable, match=r"transaction\.timeout\.ms"):
        transaction.commit({at: Committed(0, "")})
    transaction.send(out.topic, b"k", b"kept")
    transaction.commit({at: Committed(0, "")})
    transaction.close()
    assert log.visible(out.topic) == [(b"k", b"kept")]


def test_a_missing_topic_stops(log: OnKafka) -> None:
    """A record for a topic that does not exist is a `TopicError` at the commit, and nothing else of it is seen."""
    at, out = TopicPartition(log.topic("in"), 0), log.topic("out")
    source = joined(log, at.topic)
    transaction = log.transaction("writer", source)
    transaction.send(out, b"k", b"v", partition=9)
    transaction.send(out, b"k", b"v")
    with pytest.raises(TopicError, match="topics check"):
        transaction.commit({at: Committed(0, "")})
    assert log.visible(out) == []


def test_the_largest_record_allowed_fits(log: OnKafka, topic_names: Callable[[str], str]) -> None:
    """A record of exactly the limit is taken by a topic whose ``max.message.bytes`` leaves room for the batch."""
    at, out = TopicPartition(log.topic("in"), 0), log.topic("out", max_message_bytes=200_000)
    source = joined(log, at.topic)
    assert isinstance(source, KafkaSource)
    limit = 200_000 - BATCH_OVERHEAD_BYTES
    transaction = log.closing(KafkaTransaction(log.servers, topic_names("w"), source, max_record_bytes=limit))
    value = random.Random(1).randbytes(limit - 1)
    transaction.send(out, b"k", value)
    transaction.send(out, b"k", value)
    transaction.commit({at: Committed(0, "")})
    assert log.visible(out) == [(b"k", value)] * 2


def test_a_topic_that_takes_less_than_it_should_stops(log: OnKafka, topic_names: Callable[[str], str]) -> None:
    """A limit of the topic's that is below ours is a mistake in its settings, not in the record."""
    at, out = TopicPartition(log.topic("in"), 0), log.topic("out", max_message_bytes=1_000)
    transaction = log.transaction("writer", joined(log, at.topic))
    transaction.send(out, b"k", random.Random(1).randbytes(50_000))
    with pytest.raises(TopicError, match="MSG_SIZE_TOO_LARGE"):
        transaction.commit({at: Committed(0, "")})


def test_metadata_that_the_broker_does_not_take_stops(log: OnKafka) -> None:
    """It would be refused for ever, so it is no reason to rewind and try again."""
    at = TopicPartition(log.topic("in"), 0)
    transaction = log.transaction("writer", joined(log, at.topic))
    with pytest.raises(TopicError, match="OFFSET_METADATA_TOO_LARGE"):
        transaction.commit({at: Committed(0, "x" * 5_000)})


def test_aborts_right_after_the_first_record_are_harmless(log: OnKafka) -> None:
    """Aborting at once, again and again, breaks nothing (librdkafka #4849)."""
    at, out = TopicPartition(log.topic("in"), 0), log.topic("out", 3)
    source = joined(log, at.topic)
    transaction = log.transaction("writer", source)
    for number in range(20):
        assert source.poll(10, 0) == []  # a member that does not ask for three seconds is put out
        transaction.send(out, b"%d" % number, b"aborted")
        transaction.abort()
        transaction.send(out, b"%d" % number, b"kept")
        transaction.commit({at: Committed(number, "")})
    values = [value for partition in range(3) for _, value in log.visible(out, partition)]
    assert values == [b"kept"] * 20


def test_an_old_instance_is_fenced_when_it_sends(log: OnKafka) -> None:
    """Whatever the old one does next is refused, and closing it is still possible."""
    at, out = TopicPartition(log.topic("in"), 0), log.topic("out")
    source = joined(log, at.topic)
    old = log.transaction("writer", source)
    log.transaction("writer", source)
    old.send(out, b"k", b"old")
    with pytest.raises(Fenced):
        old.commit({at: Committed(0, "")})
    with pytest.raises(Fenced):
        old.send(out, b"k", b"old")
    old.close()
    assert log.visible(out) == []


@pytest.mark.parametrize(("name", "value"), [("acks", 1), ("partitioner", "random"), ("transactional.id", "x")])
def test_a_writer_refuses_what_would_break_a_promise(name: str, value: str | int) -> None:
    """The error names the property."""
    with pytest.raises(SettingsError, match=name.replace(".", r"\.")):
        KafkaTransaction({"bootstrap.servers": "127.0.0.1:1", name: value}, "id", Remembered(b""))


def test_no_broker_at_the_start_is_told_in_time() -> None:
    """Making a writer is bounded."""
    with pytest.raises(Unavailable, match="given us our transactional id"):
        KafkaTransaction({"bootstrap.servers": "127.0.0.1:1"}, "id", Remembered(b""), timeout_s=0.5)


def state_of(pid: int) -> str:
    """The first letter of a process's state; a signal to stop takes a moment."""
    return subprocess.check_output(["ps", "-o", "state=", "-p", str(pid)], text=True).strip()[:1]


@pytest.mark.slow
def test_an_outage_longer_than_a_transaction_may_last_is_waited_out(topic_names: Callable[[str], str]) -> None:
    """While the broker stalls everything is `Unavailable`, in time; afterwards the same writer goes on."""
    with EmbeddedKafka() as kafka:
        log = OnKafka(kafka.bootstrap_servers, topic_names)
        at, out = TopicPartition(log.topic("in"), 0), TopicPartition(log.topic("out"), 0)
        source = KafkaSource(log.servers, [at.topic], recorder := Recorder(), group=topic_names("g"), instance="i")
        log.share([at.topic], {"a": source}, {"a": recorder})
        properties: dict[str, Value] = {**log.servers, "transaction.timeout.ms": 2_000}
        transaction = KafkaTransaction(properties, topic_names("writer"), source, timeout_s=2)
        transaction.send(out.topic, b"k", b"dropped")
        poll_until(lambda: end_of(source, out) == 1, source)
        os.kill(kafka.pid(), signal.SIGSTOP)
        poll_until(lambda: state_of(kafka.pid()) == "T", source)
        try:
            answer = source.ask_ends([at])
            for _ in range(2):
                with pytest.raises(Unavailable):
                    transaction.commit({at: Committed(1, "")})
                assert source.poll(10, 0.2) == []
            with pytest.raises(Unavailable):
                transaction.send(out.topic, b"k", b"dropped")
            with pytest.raises(Unavailable):
                source.committed([at], 0.5)
            assert answer() is None
        finally:
            os.kill(kafka.pid(), signal.SIGCONT)

        def commit() -> bool:
            with suppress(Unavailable):
                transaction.send(out.topic, b"k", b"kept")
                transaction.commit({at: Committed(1, "")})
                return True
            return False

        poll_until(commit, source)
        assert log.visible(out.topic) == [(b"k", b"kept")]
        assert source.committed([at], 10) == {at: Committed(1, "")}
        assert (recorder.lost, recorder.revoked) == ([], [])
        transaction.close()
        source.close()
