"""The in-memory log and real Kafka behind one face, so that the same tests can ask both."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import confluent_kafka
from confluent_kafka import Consumer, Message, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from consumer.stream import offsets
from consumer.stream.log import RebalanceListener, Record, Source, TopicPartition, Transaction
from consumer.stream.memory import MemoryLog, MemorySource, MemoryTransaction
from consumer.stream.properties import Value
from consumer.stream.source import KafkaSource
from consumer.stream.transaction import KafkaTransaction

Closing = TypeVar("Closing", KafkaSource, KafkaTransaction)
TIMEOUT_S = 30.0
QUICK: dict[str, Value] = {"session.timeout.ms": 2_000, "heartbeat.interval.ms": 300}


class Recorder:
    """A listener that remembers what it was told, and may do something when partitions are revoked."""

    def __init__(self, on_revoked: Callable[[Sequence[TopicPartition]], None] | None = None) -> None:
        self.assigned: list[TopicPartition] = []
        self.revoked: list[TopicPartition] = []
        self.lost: list[TopicPartition] = []
        self.current: set[TopicPartition] = set()
        self._on_revoked = on_revoked

    def on_assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """Remember."""
        self.assigned += partitions
        self.current.update(partitions)

    def on_revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """Remember, then act."""
        self.revoked += partitions
        self.current.difference_update(partitions)
        if self._on_revoked is not None:
            self._on_revoked(partitions)

    def on_lost(self, partitions: Sequence[TopicPartition]) -> None:
        """Remember."""
        self.lost += partitions
        self.current.difference_update(partitions)


class Log(Protocol):
    """What the contract tests need of a log besides the ports."""

    def topic(self, name: str, partitions: int = 1) -> str:
        """Make a topic and return its real name."""

    def produce(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        *,
        partition: int | None = None,
        timestamp_ms: int | None = None,
        headers: Sequence[tuple[str, bytes | None]] = (),
    ) -> Record:
        """Append a record outside any transaction; return where it went."""

    def source(self, topics: Sequence[str], listener: RebalanceListener, member: str = "a") -> Source:
        """Make a member of the test's group. It gives up its place if it does not poll for 3 s."""

    def transaction(self, name: str, source: Source) -> Transaction:
        """Make a transaction whose offsets are those of the source's group."""

    def writer(self, name: str) -> KafkaTransaction | MemoryTransaction:
        """Make a transaction of no group."""

    def share(self, topics: Sequence[str], members: dict[str, Source], listeners: dict[str, Recorder]) -> None:
        """Let these members, and no others, have the topics; return when each has its share."""

    def take_over(self, topics: Sequence[str], stalled: str, member: str, source: Source, listener: Recorder) -> None:
        """Give everything of a member that does not poll to another one."""

    def visible(self, topic: str, partition: int = 0, *, ended: bool = True) -> list[tuple[bytes | None, bytes | None]]:
        """Return key and value of what a committed reader finds; if ``ended``, once no transaction is open."""

    def close(self) -> None:
        """Let go of everything."""


def poll_until(condition: Callable[[], bool], *sources: Source) -> dict[Source, list[Record]]:
    """Poll these sources in turn until the condition holds; return what they delivered."""
    deadline = time.monotonic() + TIMEOUT_S
    records: dict[Source, list[Record]] = {source: [] for source in sources}
    while not condition():
        assert time.monotonic() < deadline, "the condition was not met in time"
        for source in sources:
            records[source] += source.poll(1000, 0.1)
    return records


def read(source: Source, number: int) -> list[Record]:
    """Poll until this many records were delivered."""
    deadline = time.monotonic() + TIMEOUT_S
    records: list[Record] = []
    while len(records) < number:
        assert time.monotonic() < deadline, f"only {len(records)} of {number} records were delivered in time"
        records += source.poll(1000, 0.1)
    return records


class InMemory:
    """The in-memory log."""

    def __init__(self) -> None:
        self.log = MemoryLog({})

    def topic(self, name: str, partitions: int = 1) -> str:
        """See `Log`."""
        self.log.create(name, partitions)
        return name

    def produce(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        *,
        partition: int | None = None,
        timestamp_ms: int | None = None,
        headers: Sequence[tuple[str, bytes | None]] = (),
    ) -> Record:
        """See `Log`."""
        return self.log.produce(topic, key, value, partition, timestamp_ms=timestamp_ms, headers=headers)

    def source(self, topics: Sequence[str], listener: RebalanceListener, member: str = "a") -> Source:
        """See `Log`."""
        return MemorySource(self.log, topics, listener, member=member)

    def transaction(self, name: str, source: Source) -> Transaction:
        """See `Log`."""
        assert isinstance(source, MemorySource)
        return MemoryTransaction(self.log, name, source, max_record_bytes=100_000)

    def writer(self, name: str) -> MemoryTransaction:
        """See `Log`."""
        return MemoryTransaction(self.log, name)

    def share(self, topics: Sequence[str], members: dict[str, Source], listeners: dict[str, Recorder]) -> None:
        """See `Log`: by partition number, round robin."""
        names = sorted(members)
        shares: dict[str, list[TopicPartition]] = {name: [] for name in names}
        for each in self.log.partitions(*topics):
            shares[names[each.partition % len(names)]].append(each)
        self.log.rebalance(shares)
        poll_until(lambda: all(listeners[name].current == set(shares[name]) for name in names), *members.values())

    def take_over(self, topics: Sequence[str], stalled: str, member: str, source: Source, listener: Recorder) -> None:
        """See `Log`."""
        self.log.expel(stalled)
        self.share(topics, {member: source}, {member: listener})

    def visible(self, topic: str, partition: int = 0, *, ended: bool = True) -> list[tuple[bytes | None, bytes | None]]:
        """See `Log`."""
        assert not ended or self.log.stable_offset(topic, partition) == self.log.end_offset(topic, partition)
        return [(record.key, record.value) for record in self.log.records(topic, partition)]

    def close(self) -> None:
        """See `Log`."""


class OnKafka:
    """A real broker; topics, groups and ids are the test's own."""

    def __init__(self, bootstrap_servers: str, name: Callable[[str], str]) -> None:
        self.servers = {"bootstrap.servers": bootstrap_servers}
        self._name = name
        self._admin = AdminClient({**self.servers, "log_level": 0})
        self._producer = Producer({**self.servers, "partitioner": "murmur2_random", "log_level": 0})
        self._counts: dict[str, int] = {}
        self._open: list[Source | Transaction] = []

    def topic(self, name: str, partitions: int = 1, *, max_message_bytes: int = 1_048_588) -> str:
        """See `Log`."""
        topic = self._name(name)
        config = {"max.message.bytes": str(max_message_bytes)}
        self._admin.create_topics([NewTopic(topic, partitions, 1, config=config)])[topic].result(TIMEOUT_S)
        self._counts[topic] = partitions
        return topic

    def produce(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        *,
        partition: int | None = None,
        timestamp_ms: int | None = None,
        headers: Sequence[tuple[str, bytes | None]] = (),
    ) -> Record:
        """See `Log`."""
        reports: list[Message] = []
        at_ms = int(time.time() * 1000) if timestamp_ms is None else timestamp_ms
        self._producer.produce(
            topic,
            value,
            key,
            -1 if partition is None else partition,
            timestamp=at_ms,
            headers=list(headers),
            on_delivery=lambda _, message: reports.append(message),
        )
        assert self._producer.flush(TIMEOUT_S) == 0
        (report,) = reports
        assert report.error() is None
        number, offset = report.partition(), report.offset()
        assert number is not None
        assert offset is not None
        return Record(topic, number, offset, at_ms, key, value, tuple(headers))

    def source(self, topics: Sequence[str], listener: RebalanceListener, member: str = "a") -> KafkaSource:
        """See `Log`."""
        properties: dict[str, Value] = {**self.servers, **QUICK, "max.poll.interval.ms": 3_000}
        return self.closing(KafkaSource(properties, topics, listener, group=self._name("group"), instance=member))

    def closing(self, made: Closing) -> Closing:
        """Close this, too, at the end."""
        self._open.append(made)
        return made

    def transaction(self, name: str, source: Source) -> KafkaTransaction:
        """See `Log`."""
        assert isinstance(source, KafkaSource)
        return self.closing(KafkaTransaction(self.servers, self._name(name), source, max_record_bytes=100_000))

    def writer(self, name: str) -> KafkaTransaction:
        """See `Log`."""
        return self.closing(KafkaTransaction(self.servers, self._name(name), None))

    def share(self, topics: Sequence[str], members: dict[str, Source], listeners: dict[str, Recorder]) -> None:
        """See `Log`: as the broker's group decides."""
        wanted = {TopicPartition(topic, number) for topic in topics for number in range(self._counts[topic])}

        def settled() -> bool:
            shares = [listeners[name].current for name in members]
            return all(shares) and sum(map(len, shares)) == len(wanted) and set.union(*shares) == wanted

        poll_until(settled, *members.values())

    def take_over(self, topics: Sequence[str], stalled: str, member: str, source: Source, listener: Recorder) -> None:
        """See `Log`: the stalled member leaves when it has not polled for 3 s."""
        assert stalled != member
        self.share(topics, {member: source}, {member: listener})

    def visible(self, topic: str, partition: int = 0, *, ended: bool = True) -> list[tuple[bytes | None, bytes | None]]:
        """See `Log`."""
        at = TopicPartition(topic, partition)
        # A commit returns before its markers are written, so that a reader may stop short of them.
        end = offsets.offsets_at(self._admin, {at: 2**50}, TIMEOUT_S)[at] if ended else 0
        reader = Consumer(
            {
                **self.servers,
                "group.id": self._name("reader"),
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "enable.auto.commit": False,
                "log_level": 0,
            }
        )
        reader.assign([confluent_kafka.TopicPartition(topic, partition, 0)])
        found: list[tuple[bytes | None, bytes | None]] = []
        try:
            while True:
                message = reader.poll(TIMEOUT_S)
                assert message is not None, "the reader got no answer in time"
                error, offset = message.error(), message.offset()
                if error is None:
                    found.append((message.key(), message.value()))
                elif error.name() == "_PARTITION_EOF" and offset is not None and offset >= end:
                    return found
        finally:
            reader.close()

    def delete_before(self, partition: TopicPartition, offset: int) -> None:
        """Delete records as retention does."""
        (future,) = self._admin.delete_records([confluent_kafka.TopicPartition(*partition, offset)]).values()
        future.result(TIMEOUT_S)

    def close(self) -> None:
        """See `Log`."""
        for each in reversed(self._open):
            each.close()
