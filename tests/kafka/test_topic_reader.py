"""All adapters keep the promises of `consumer.inspect.topic_reader.TopicReader`; Kafka's own are below."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Protocol

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka import TopicPartition as KafkaPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from consumer.demo.broker import EmbeddedKafka
from consumer.errors import TopicError, Unavailable
from consumer.inspect.kafka_reader import KafkaTopicReader
from consumer.inspect.topic_reader import Span, TopicReader
from consumer.stream.log import Committed, TopicPartition
from consumer.stream.memory import MemoryLog
from tests.inspect.log_reader import LogReader
from tests.inspect.memory_topics import MemoryTopics

Names = Callable[[str], str]
NOW_MS = 1_700_000_000_000


class Setting(Protocol):
    """Topics that a test writes to, and their reader."""

    reader: TopicReader

    def create(self, topics: Mapping[str, int]) -> None:
        """Make topics with so many partitions."""

    def append(
        self, topic: str, partition: int, key: bytes | None, value: bytes | None, timestamp_ms: int = NOW_MS
    ) -> None:
        """Add a record."""

    def commit(self, group: str, at: TopicPartition, committed: Committed) -> None:
        """Set a group's position."""


class MemorySetting:
    """In memory."""

    def __init__(self) -> None:
        self._topics = MemoryTopics({})
        self.reader: TopicReader = self._topics

    def create(self, topics: Mapping[str, int]) -> None:
        self._topics.create(topics)

    def append(
        self, topic: str, partition: int, key: bytes | None, value: bytes | None, timestamp_ms: int = NOW_MS
    ) -> None:
        self._topics.append(topic, key, value, partition, timestamp_ms)

    def commit(self, group: str, at: TopicPartition, committed: Committed) -> None:
        self._topics.commit(group, at, committed)


class LogSetting:
    """The log that the stages' tests use."""

    def __init__(self) -> None:
        self._log = MemoryLog({})
        self.reader: TopicReader = LogReader(self._log)

    def create(self, topics: Mapping[str, int]) -> None:
        for topic, partitions in topics.items():
            self._log.create(topic, partitions)

    def append(
        self, topic: str, partition: int, key: bytes | None, value: bytes | None, timestamp_ms: int = NOW_MS
    ) -> None:
        self._log.produce(topic, key, value, partition, timestamp_ms=timestamp_ms)

    def commit(self, group: str, at: TopicPartition, committed: Committed) -> None:
        self._log.group(group).committed[at] = committed


class KafkaSetting:
    """On a broker."""

    def __init__(self, servers: str, reader: KafkaTopicReader) -> None:
        self.reader: TopicReader = reader
        self._servers = {"bootstrap.servers": servers}
        self._producer = Producer({**self._servers, "log_level": 0})

    def create(self, topics: Mapping[str, int]) -> None:
        make(self._servers["bootstrap.servers"], topics)

    def append(
        self, topic: str, partition: int, key: bytes | None, value: bytes | None, timestamp_ms: int = NOW_MS
    ) -> None:
        self._producer.produce(topic, value, key, partition, timestamp=timestamp_ms)
        assert self._producer.flush(30) == 0

    def commit(self, group: str, at: TopicPartition, committed: Committed) -> None:
        with closing(Consumer({**self._servers, "group.id": group})) as member:
            position = KafkaPartition(at.topic, at.partition, committed.offset, committed.metadata)
            member.commit(offsets=[position], asynchronous=False)


def make(servers: str, topics: Mapping[str, int]) -> None:
    """Create topics."""
    wanted = [NewTopic(name, partitions, 1) for name, partitions in topics.items()]
    admin = AdminClient({"bootstrap.servers": servers})
    for future in admin.create_topics(wanted).values():
        future.result(30)


@pytest.fixture
def kafka_reader(kafka: EmbeddedKafka) -> KafkaTopicReader:
    """A reader on the shared broker."""
    return KafkaTopicReader({"bootstrap.servers": kafka.bootstrap_servers}, "inspect", stall_s=30)


@pytest.fixture(params=["memory", "log", pytest.param("kafka", marks=pytest.mark.kafka)])
def setting(request: pytest.FixtureRequest) -> Setting:
    """Each adapter in turn."""
    if request.param == "memory":
        return MemorySetting()
    if request.param == "log":
        return LogSetting()
    kafka: EmbeddedKafka = request.getfixturevalue("kafka")
    return KafkaSetting(kafka.bootstrap_servers, request.getfixturevalue("kafka_reader"))


def whole(reader: TopicReader, topic: str) -> dict[TopicPartition, Span]:
    """Return everything in a topic."""
    return {TopicPartition(topic, number): span for number, span in reader.spans(topic).items()}


def test_spans_are_those_of_every_partition(setting: Setting, topic_names: Names) -> None:
    """An empty partition has an empty span; a missing topic is an error that says so."""
    topic = topic_names("t")
    setting.create({topic: 2})
    setting.append(topic, 1, b"k", b"v")
    assert setting.reader.spans(topic) == {0: Span(0, 0), 1: Span(0, 1)}
    with pytest.raises(TopicError, match="does not exist"):
        setting.reader.spans(topic_names("other"))


def test_records_come_in_order_and_whole(setting: Setting, topic_names: Names) -> None:
    """Each partition's records in order, tombstones and records without key included."""
    topic = topic_names("t")
    setting.create({topic: 2})
    written = [(0, b"a", b"1"), (1, b"b", None), (0, None, b"2"), (0, b"a", b"3")]
    for partition, key, value in written:
        setting.append(topic, partition, key, value)
    records = list(setting.reader.read(whole(setting.reader, topic)))
    for partition in (0, 1):
        found = [(each.partition, each.key, each.value) for each in records if each.partition == partition]
        assert found == [each for each in written if each[0] == partition]
    assert [each.offset for each in records if each.partition == 0] == [0, 1, 2]


def test_only_the_pieces_asked_for_are_read(setting: Setting, topic_names: Names) -> None:
    """From start to before end, of these partitions of several topics, and again as often as wanted."""
    one, other = topic_names("one"), topic_names("other")
    setting.create({one: 2, other: 1})
    for value in b"0123":
        for topic in (one, other):
            setting.append(topic, 0, b"k", bytes([value]))
    pieces = {
        TopicPartition(one, 0): Span(1, 3),
        TopicPartition(other, 0): Span(3, 4),
        TopicPartition(one, 1): Span(0, 0),
    }
    for _ in range(2):
        found = sorted((each.topic, each.offset) for each in setting.reader.read(pieces))
        assert found == sorted([(one, 1), (one, 2), (other, 3)])


def test_keys_choose_records(setting: Setting, topic_names: Names) -> None:
    """With keys, those records alone come."""
    topic = topic_names("t")
    setting.create({topic: 1})
    for key in (b"a", b"b", None, b"c", b"a"):
        setting.append(topic, 0, key, b"v")
    found = setting.reader.read(whole(setting.reader, topic), {b"a", b"c"})
    assert [(each.key, each.offset) for each in found] == [(b"a", 0), (b"c", 3), (b"a", 4)]


def test_reading_may_be_left(setting: Setting, topic_names: Names) -> None:
    """After closing the iterator something else can be read."""
    topic = topic_names("t")
    setting.create({topic: 1})
    for value in (b"1", b"2"):
        setting.append(topic, 0, b"k", value)
    for _ in range(5):
        with closing(setting.reader.read(whole(setting.reader, topic))) as records:
            assert next(records).value == b"1"
        assert [each.value for each in setting.reader.read(whole(setting.reader, topic))] == [b"1", b"2"]


def test_positions_are_those_of_the_group(setting: Setting, topic_names: Names) -> None:
    """With their metadata; partitions and groups without one are left out."""
    topic, group = topic_names("t"), topic_names("g")
    setting.create({topic: 2})
    setting.commit(group, TopicPartition(topic, 1), Committed(5, "mark"))
    assert setting.reader.committed(group, topic) == {1: Committed(5, "mark")}
    assert setting.reader.committed(topic_names("nobody"), topic) == {}
    with pytest.raises(TopicError, match="does not exist"):
        setting.reader.committed(group, topic_names("other"))


def test_offsets_are_found_by_time(setting: Setting, topic_names: Names) -> None:
    """The first record of that time or later counts, wherever earlier times stand behind it; else the end."""
    topic = topic_names("t")
    setting.create({topic: 2})
    for time_ms in (NOW_MS, NOW_MS + 10, NOW_MS + 5, NOW_MS + 20):
        setting.append(topic, 0, b"k", b"v", time_ms)
    for time_ms, offset in ((0, 0), (NOW_MS, 0), (NOW_MS + 1, 1), (NOW_MS + 11, 3), (NOW_MS + 21, 4)):
        assert setting.reader.offsets_at(topic, time_ms) == {0: offset, 1: 0}
    with pytest.raises(TopicError, match="does not exist"):
        setting.reader.offsets_at(topic_names("other"), NOW_MS)


def test_single_records_are_picked(setting: Setting, topic_names: Names) -> None:
    """In order, each once; offsets at which there is nothing are left out."""
    topic = topic_names("t")
    setting.create({topic: 2})
    for number in range(30):
        setting.append(topic, 1, b"k", b"%d" % number)
    found = setting.reader.pick(TopicPartition(topic, 1), (29, 3, 17, 3, 30, 4_000, 0))
    assert [(each.partition, each.offset, each.value) for each in found] == [
        (1, offset, b"%d" % offset) for offset in (0, 3, 17, 29)
    ]
    assert setting.reader.pick(TopicPartition(topic, 0), (0,)) == []


@pytest.fixture
def writer(kafka: EmbeddedKafka, topic_names: Names) -> Producer:
    """A transactional producer."""
    servers = {"bootstrap.servers": kafka.bootstrap_servers}
    producer = Producer({**servers, "transactional.id": topic_names("writer"), "log_level": 0})
    producer.init_transactions(30)
    return producer


def test_aborted_records_are_not_there(
    kafka: EmbeddedKafka, kafka_reader: KafkaTopicReader, writer: Producer, topic_names: Names
) -> None:
    """Reading ends though nothing but aborted records and markers stands before the end."""
    topic = topic_names("t")
    make(kafka.bootstrap_servers, {topic: 1})
    for value, is_kept in ((b"kept", True), (b"aborted", False)):
        writer.begin_transaction()
        writer.produce(topic, value, b"k", 0)
        writer.flush(30)
        (writer.commit_transaction if is_kept else writer.abort_transaction)(30)
    assert kafka_reader.spans(topic)[0].end in {3, 4}  # the last marker may come a moment later
    assert [each.value for each in kafka_reader.read(whole(kafka_reader, topic))] == [b"kept"]


def test_aborted_records_are_not_picked(
    kafka: EmbeddedKafka, kafka_reader: KafkaTopicReader, writer: Producer, topic_names: Names
) -> None:
    """The record behind them is another one."""
    topic = topic_names("t")
    make(kafka.bootstrap_servers, {topic: 1})
    for value, is_kept in ((b"aborted", False), (b"kept", True)):
        writer.begin_transaction()
        writer.produce(topic, value, b"k", 0)
        writer.flush(30)
        (writer.commit_transaction if is_kept else writer.abort_transaction)(30)
    assert [each.value for each in kafka_reader.pick(TopicPartition(topic, 0), (0, 2))] == [b"kept"]


def test_an_open_transaction_is_waited_for(
    kafka: EmbeddedKafka, kafka_reader: KafkaTopicReader, writer: Producer, topic_names: Names
) -> None:
    """What it holds comes when it commits; records behind it come after it."""
    topic = topic_names("t")
    make(kafka.bootstrap_servers, {topic: 1})
    plain = Producer({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0})
    plain.produce(topic, b"before", b"k", 0)
    plain.flush(30)
    writer.begin_transaction()
    writer.produce(topic, b"within", b"k", 0)
    writer.flush(30)
    plain.produce(topic, b"behind", b"k", 0)
    plain.flush(30)
    records = kafka_reader.read(whole(kafka_reader, topic))
    assert next(records).value == b"before"
    writer.commit_transaction(30)
    assert [each.value for each in records] == [b"within", b"behind"]


def test_waiting_is_bounded(kafka: EmbeddedKafka, writer: Producer, topic_names: Names) -> None:
    """A transaction that stays open ends the reading with an error that says where."""
    topic = topic_names("t")
    make(kafka.bootstrap_servers, {topic: 1})
    writer.begin_transaction()
    writer.produce(topic, b"within", b"k", 0)
    writer.flush(30)
    reader = KafkaTopicReader({"bootstrap.servers": kafka.bootstrap_servers}, "inspect", stall_s=0.5)
    with pytest.raises(Unavailable, match=rf"{topic} \[0\] to offset 1 brought nothing for 0.5 s"):
        list(reader.read(whole(reader, topic)))
    writer.abort_transaction(30)


def test_positions_in_an_open_transaction_are_waited_for(
    kafka: EmbeddedKafka, writer: Producer, topic_names: Names
) -> None:
    """They are told once they are stable; until then there is no answer, and not an old one."""
    servers = {"bootstrap.servers": kafka.bootstrap_servers}
    topic, group = topic_names("t"), topic_names("g")
    make(kafka.bootstrap_servers, {topic: 1})
    reader = KafkaTopicReader(servers, "inspect", timeout_s=0.5)
    with closing(Consumer({**servers, "group.id": group})) as member:
        writer.begin_transaction()
        writer.send_offsets_to_transaction([KafkaPartition(topic, 0, 3, "mark")], member.consumer_group_metadata(), 30)
        with pytest.raises(Unavailable, match="UNSTABLE_OFFSET_COMMIT"):
            reader.committed(group, topic)
        writer.commit_transaction(30)
    assert reader.committed(group, topic) == {0: Committed(3, "mark")}


def test_no_broker_is_unavailable() -> None:
    """Every question ends in time."""
    reader = KafkaTopicReader({"bootstrap.servers": "127.0.0.1:1"}, "inspect", timeout_s=0.3)
    with pytest.raises(Unavailable):
        reader.spans("t")
    with pytest.raises(Unavailable):
        reader.committed("g", "t")
