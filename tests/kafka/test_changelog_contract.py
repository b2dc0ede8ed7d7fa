"""What every `ChangelogReader` promises, tried on the in-memory log and on a real broker."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, cast

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka import TopicPartition as KafkaPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined] # public, yet not in __all__

from consumer.demo.broker import EmbeddedKafka
from consumer.errors import TopicError, Unavailable
from consumer.state.changelog import ChangelogReader
from consumer.stream.changelog_kafka import KafkaChangelogReader
from consumer.stream.changelog_memory import MemoryChangelogReader
from consumer.stream.log import Committed, Record, TopicPartition
from consumer.stream.memory_log import MemoryLog
from consumer.stream.properties import Properties

TIMEOUT_S = 20.0


class World(Protocol):
    """A log with one changelog and two inputs, and somebody who writes to it."""

    @property
    def changelog(self) -> TopicPartition:
        """The changelog's only partition."""

    @property
    def inputs(self) -> Sequence[TopicPartition]:
        """The partitions in which the group has positions."""

    @property
    def reader(self) -> ChangelogReader:
        """What is tried."""

    def write(self, *values: bytes) -> None:
        """Write records in a transaction and leave it open."""

    def commit(self) -> None:
        """Commit the open transaction."""

    def abort(self) -> None:
        """Abort the open transaction."""

    def commit_position(self, partition: TopicPartition, position: Committed) -> None:
        """Commit a position of the group."""

    def delete_before(self, offset: int) -> None:
        """Delete the changelog's records before an offset."""

    def close(self) -> None:
        """Let go of everything."""


class MemoryWorld:
    """The in-memory log."""

    def __init__(self) -> None:
        self.changelog = TopicPartition("changelog", 0)
        self.inputs = [TopicPartition("sessions", 0), TopicPartition("orders", 0)]
        self._log = MemoryLog({"changelog": 1, "sessions": 1, "orders": 1})
        self._log.take_over("writer")
        self.reader = MemoryChangelogReader(self._log)

    def write(self, *values: bytes) -> None:
        """See `World`."""
        self._open = self._log.begin("writer")
        for value in values:
            self._log.append(self._open, "changelog", b"key", value, 0)

    def commit(self) -> None:
        """See `World`."""
        self._log.finish(self._open, "committed")

    def abort(self) -> None:
        """See `World`."""
        self._log.finish(self._open, "aborted")

    def commit_position(self, partition: TopicPartition, position: Committed) -> None:
        """See `World`."""
        self._log.group().committed[partition] = position

    def delete_before(self, offset: int) -> None:
        """See `World`."""
        self._log.truncate("changelog", 0, offset)

    def close(self) -> None:
        """See `World`."""
        self.reader.close()


class KafkaWorld:
    """A real broker."""

    def __init__(self, kafka: EmbeddedKafka, topic_names: Callable[[str], str]) -> None:
        connection: Properties = {"bootstrap.servers": kafka.bootstrap_servers}
        self._group = topic_names("group")
        self.changelog = TopicPartition(topic_names("changelog"), 0)
        self.inputs = [TopicPartition(topic_names("sessions"), 0), TopicPartition(topic_names("orders"), 0)]
        self._admin = AdminClient({**connection})
        topics = [NewTopic(topic, 1, 1) for topic, _ in (self.changelog, *self.inputs)]
        for created in self._admin.create_topics(topics).values():
            created.result()
        self._consumer = Consumer({**connection, "group.id": self._group, "enable.auto.commit": False})
        self._producer = Producer({**connection, "transactional.id": topic_names("writer"), "retry.backoff.ms": 5})
        self._producer.init_transactions(TIMEOUT_S)
        self.reader = KafkaChangelogReader(connection, self._group)

    def write(self, *values: bytes) -> None:
        """See `World`."""
        self._producer.begin_transaction()
        for value in values:
            self._producer.produce(self.changelog.topic, value, b"key", partition=0)
        assert self._producer.flush(TIMEOUT_S) == 0

    def commit(self) -> None:
        """See `World`."""
        self._producer.commit_transaction(TIMEOUT_S)

    def abort(self) -> None:
        """See `World`."""
        self._producer.abort_transaction(TIMEOUT_S)

    def commit_position(self, partition: TopicPartition, position: Committed) -> None:
        """See `World`."""
        offsets = [KafkaPartition(*partition, position.offset, position.metadata)]
        self._consumer.commit(offsets=offsets, asynchronous=False)

    def delete_before(self, offset: int) -> None:
        """See `World`."""
        for deleted in self._admin.delete_records([KafkaPartition(*self.changelog, offset)]).values():
            deleted.result()

    def close(self) -> None:
        """See `World`."""
        self.reader.close()
        self._consumer.close()


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.kafka)])
def world(request: pytest.FixtureRequest, topic_names: Callable[[str], str]) -> Iterator[World]:
    """A fresh log of each kind."""
    made: World
    if request.param == "memory":
        made = MemoryWorld()
    else:
        made = KafkaWorld(cast("EmbeddedKafka", request.getfixturevalue("kafka")), topic_names)
    yield made
    made.close()


def read(world: World, start: int, end: int) -> list[Record]:
    """Everything from start to end; the last batch must get there, no earlier one may."""
    records: list[Record] = []
    reached = start
    for batch in world.reader.read(world.changelog, start, end):
        assert reached < end
        assert batch.next_offset >= reached
        reached = batch.next_offset
        records += batch.records
    assert reached >= end
    return records


def values(records: Sequence[Record]) -> list[bytes | None]:
    """The records' values."""
    return [record.value for record in records]


def test_committed_records_are_read_to_the_end(world: World) -> None:
    """Reading gives what is committed, in order, and passes what is aborted and the markers, at the end too."""
    world.write(b"1", b"2")
    world.commit()
    world.write(b"no")
    world.abort()
    world.write(b"3")
    world.commit()
    world.write(b"no", b"no")
    world.abort()
    start, end = world.reader.bounds(world.changelog, TIMEOUT_S)
    assert (start, end) == (0, 10)
    records = read(world, start, end)
    assert values(records) == [b"1", b"2", b"3"]
    assert [record.offset for record in records] == [0, 1, 5]
    assert {(record.topic, record.partition, record.key) for record in records} == {(*world.changelog, b"key")}
    assert all(record.timestamp_ms > 0 for record in records)


def test_reading_starts_where_it_is_told(world: World) -> None:
    """Reading may start anywhere, on markers too, and gives nothing where nothing is left."""
    world.write(b"1", b"2", b"3")
    world.commit()
    assert values(read(world, 1, 4)) == [b"2", b"3"]
    assert values(read(world, 3, 4)) == []
    assert values(read(world, 4, 4)) == []
    assert values(read(world, 0, 4)) == [b"1", b"2", b"3"]


def test_an_open_transaction_counts_and_is_not_read(world: World) -> None:
    """The end includes an open transaction; nothing from it on is read before it has ended."""
    world.write(b"1")
    world.commit()
    world.write(b"2")
    _, end = world.reader.bounds(world.changelog, TIMEOUT_S)
    assert end == 3
    records: list[Record] = []
    idle = 0
    batches = world.reader.read(world.changelog, 0, end)
    try:
        while not records or idle < 3:
            batch = next(batches)
            assert batch.next_offset < end
            records += batch.records
            idle = 0 if batch.records else idle + 1
    except Unavailable:
        pass
    finally:
        batches.close()
    assert values(records) == [b"1"]
    world.commit()
    assert values(read(world, 0, end)) == [b"1", b"2"]


def test_positions_come_with_their_metadata(world: World) -> None:
    """Committed positions have their metadata; partitions without one are left out."""
    first, second = world.inputs
    assert world.reader.committed(world.inputs, TIMEOUT_S) == {}
    world.commit_position(second, Committed(7, "clean"))
    assert world.reader.committed(world.inputs, TIMEOUT_S) == {second: Committed(7, "clean")}
    world.commit_position(first, Committed(0, ""))
    assert world.reader.committed(world.inputs, TIMEOUT_S) == {second: Committed(7, "clean"), first: Committed(0, "")}


def test_the_start_moves_as_records_are_deleted(world: World) -> None:
    """The first offset is that of the log; reading from an earlier one is refused for now."""
    world.write(b"1", b"2", b"3")
    world.commit()
    world.delete_before(2)
    assert world.reader.bounds(world.changelog, TIMEOUT_S) == (2, 4)
    with pytest.raises(Unavailable):
        read(world, 0, 4)
    assert values(read(world, 2, 4)) == [b"3"]


def test_a_missing_topic_is_told_by_name(world: World) -> None:
    """Asking for a topic that does not exist says which."""
    with pytest.raises(TopicError, match="no-such-topic"):
        world.reader.bounds(TopicPartition("no-such-topic", 0), TIMEOUT_S)
