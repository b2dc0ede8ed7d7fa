"""Reading changelogs back from Kafka, apart from the stage's own consumer."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import cast

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as KafkaPartition
from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined] # public, yet not in __all__

from consumer.errors import TopicError, Unavailable
from consumer.state.changelog import Batch
from consumer.stream.log import Committed, Record, TopicPartition
from consumer.stream.offsets import bound
from consumer.stream.properties import Properties, describe, merge, open_admin, open_client

BATCH_RECORDS = 1_000
POLL_S = 0.2
METADATA_TIMEOUT_S = 1.0

# One partition is read at a time, as fast as it comes.
_DEFAULTS: Properties = {
    "fetch.wait.max.ms": 50,
    "fetch.queue.backoff.ms": 10,
    "max.partition.fetch.bytes": 8 << 20,
    "queued.max.messages.kbytes": 32 << 10,
    "log.connection.close": False,
}
_FIXED: Properties = {
    # Also makes `committed` ask for stable positions.
    "isolation.level": "read_committed",
    "enable.partition.eof": True,
    "enable.auto.commit": False,
    "auto.offset.reset": "error",
}
# Waiting does not help against these; whatever else goes wrong is taken for an outage.
_LASTING = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001 - librdkafka's own error codes begin like this
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
    }
)
_FIRST = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
_END = OffsetSpec.latest()  # type: ignore[no-untyped-call]


class KafkaChangelogReader:
    """A `consumer.state.changelog.ChangelogReader`. It names the group to see its positions, but never joins it.

    Args:
        connection: librdkafka properties for connecting, and any others.
        group: whose committed positions count.

    Raises:
        SettingsError: librdkafka refuses a property, or restoring depends on another value of it.
    """

    def __init__(self, connection: Properties, group: str) -> None:
        self._properties = merge(connection, _DEFAULTS, {**_FIXED, "group.id": group})
        self._consumer = self._open()
        self._read: set[TopicPartition] = set()
        self._admin = open_admin(connection, f"{group}-restore")

    def committed(self, partitions: Sequence[TopicPartition], timeout_s: float) -> dict[TopicPartition, Committed]:
        """Return the group's stable committed positions; partitions without one are left out.

        Raises:
            Unavailable: no stable answer in time; an open transaction that holds positions counts as none.
            TopicError: the group may not be read.
        """
        asked = [KafkaPartition(*partition) for partition in partitions]
        try:
            answer = self._consumer.committed(asked, timeout_s)
        except KafkaException as error:
            raise _translated(error.args[0], "the committed positions of the input topics") from error
        for found in answer:
            if found.error is not None:
                raise _translated(found.error, f"the committed position of {found.topic} [{found.partition}]")
        return {
            TopicPartition(found.topic, found.partition): Committed(found.offset, found.metadata or "")
            for found in answer
            if found.offset >= 0
        }

    def bounds(self, partition: TopicPartition, timeout_s: float) -> tuple[int, int]:
        """Return the first offset and the end, records of open transactions included.

        Raises:
            Unavailable: no answer in time.
            TopicError: there is no such topic, or it may not be read.
        """
        # A read_committed consumer's watermarks would stop at the first open transaction.
        return self._offset(partition, _FIRST, timeout_s), self._offset(partition, _END, timeout_s)

    def read(self, partition: TopicPartition, start: int, end: int) -> Generator[Batch]:
        """Yield what is committed from ``start`` on, until a batch reaches ``end``; empty batches while nothing comes.

        Raises:
            Unavailable: the broker refused for now, or ``start`` has meanwhile been deleted.
            TopicError: as `bounds`.
        """
        if start >= end:
            return
        if partition in self._read:
            # An end-of-partition event of the earlier read may still be queued (librdkafka 2.16) and would end this.
            self._consumer.close()
            self._consumer = self._open()
            self._read.clear()
        self._read.add(partition)
        self._consumer.assign([KafkaPartition(*partition, start)])
        position = start
        try:
            while position < end:
                records = []
                for message in self._poll():
                    error = message.error()
                    if error is None:
                        records.append(record_of(message))
                    elif error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001
                        raise _translated(error, f"{partition.topic} [{partition.partition}] at offset {position}")
                    position = max(position, _after(message))
                yield Batch(records, position)
        finally:
            self._consumer.unassign()

    def close(self) -> None:
        """Let go of connections."""
        self._consumer.close()

    def _open(self) -> Consumer:
        return open_client(Consumer, {**self._properties, "error_cb": _reported_elsewhere})

    def _poll(self) -> list[Message]:
        """Return what is there, waiting only for the first: `Consumer.consume` would wait for all of them."""
        first = self._consumer.poll(POLL_S)
        return [] if first is None else [first, *self._consumer.consume(BATCH_RECORDS - 1, 0)]

    def _offset(self, partition: TopicPartition, which: OffsetSpec, timeout_s: float) -> int:
        asked = KafkaPartition(*partition)
        what = f"the offsets of {partition.topic} [{partition.partition}]"
        try:
            answers = self._admin.list_offsets(
                {asked: which}, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=timeout_s
            )
            return bound(answers[asked])
        except KafkaException as error:
            raise _translated(self._topic_error(partition.topic, timeout_s) or error.args[0], what) from error

    def _topic_error(self, topic: str, timeout_s: float) -> KafkaError | None:
        """What the broker says about a topic. A question for offsets only learns that it has no leader.

        Besides, it makes the client look up the leaders, which it does not do by itself when the broker came back.
        """
        try:
            return self._admin.list_topics(topic, min(timeout_s, METADATA_TIMEOUT_S)).topics[topic].error
        except KafkaException:
            return None


def record_of(message: Message) -> Record:
    """Return a message that is no error as a record."""
    return Record(
        topic=cast("str", message.topic()),
        partition=cast("int", message.partition()),
        offset=cast("int", message.offset()),
        timestamp_ms=message.timestamp()[1],
        key=message.key(),
        value=message.value(),
        headers=cast("tuple[tuple[str, bytes | None], ...]", tuple(message.headers() or ())),
    )


def _after(message: Message) -> int:
    """The offset to go on from. An end-of-partition event has it; a record stands before it."""
    offset = cast("int", message.offset())
    return offset if message.error() is not None else offset + 1


def _translated(error: KafkaError, what: str) -> TopicError | Unavailable:
    if error.code() in _LASTING:
        return TopicError(f"{what}: {describe(error)}. Run `awin-consumer topics check`, and check the access rights")
    return Unavailable(f"{what}: {describe(error)}")


def _reported_elsewhere(_: KafkaError) -> None:
    """Connection troubles: whoever asks in vain says so."""
