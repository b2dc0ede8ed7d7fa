"""Topics read back from Kafka, as `consumer.inspect.topic_reader.TopicReader`."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import closing
from typing import TypeVar, cast

import confluent_kafka
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, IsolationLevel, KafkaError, KafkaException, Message
from confluent_kafka.admin._listoffsets import OffsetSpec

from consumer.errors import TopicError, Unavailable
from consumer.inspect.topic_reader import Span
from consumer.stream import topics
from consumer.stream.log import Committed, Record, TopicPartition
from consumer.stream.offsets import bound_or_none
from consumer.stream.properties import Properties, describe, merge, open_admin, open_client

_CLIENT_ID = "awin-consumer-inspect"
_BATCH_RECORDS = 10_000
_POLL_S = 0.2
_RETRY_S = 0.1
_EOF = KafkaError._PARTITION_EOF  # noqa: SLF001  # public, in spite of the name
Answer = TypeVar("Answer")
# Right after a topic was made or a leader changed, while a coordinator starts, while a transaction commits positions.
_PASSING = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError.UNSTABLE_OFFSET_COMMIT,
    }
)
_LASTING = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001  # as above
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001  # as above
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
    }
)

# Big fetches and a long queue: 1.7 million records of 250 to 400 bytes take 3 s on two shared cores.
_DEFAULTS: Properties = {
    "client.id": _CLIENT_ID,
    # An end is told by an empty fetch, which the broker holds back for so long.
    "fetch.wait.max.ms": 10,
    "fetch.queue.backoff.ms": 10,
    "queued.min.messages": 100_000,
    "queued.max.messages.kbytes": 32_768,
    "max.partition.fetch.bytes": 8 << 20,
    "fetch.max.bytes": 64 << 20,
}
# Single records: nothing is fetched ahead, and no end is told, which could be that of the place looked at before.
_FEW: Properties = {
    "queued.min.messages": 1,
    "max.partition.fetch.bytes": 64 << 10,
    "enable.partition.eof": False,
}
_FIXED: Properties = {
    "isolation.level": "read_committed",
    "enable.partition.eof": True,
    "enable.auto.commit": False,
    "auto.offset.reset": "error",
}


class KafkaTopicReader:
    """Reads topics without joining a group.

    Args:
        connection: librdkafka's properties.
        group: what the client calls itself; it never joins or commits.
        timeout_s: how long a question may take.
        stall_s: how long reading may bring nothing; more than a dead writer's transaction stays open.

    Raises:
        SettingsError: a property is refused, unknown to librdkafka or has a wrong value; some only when reading.
    """

    def __init__(self, connection: Properties, group: str, *, timeout_s: float = 10.0, stall_s: float = 20.0) -> None:
        self._timeout_s = timeout_s
        self._stall_s = stall_s
        self._admin = open_admin(connection, _CLIENT_ID)
        self._properties = merge(connection, _DEFAULTS, {**_FIXED, "group.id": group})

    def spans(self, topic: str) -> dict[int, Span]:
        """See `consumer.inspect.topic_reader.TopicReader.spans`."""
        # The end first: a beginning that moves on meanwhile may then pass it, and the piece is empty.
        ends = self._offsets(topic, OffsetSpec.latest())  # type: ignore[no-untyped-call]  # not annotated
        starts = self._offsets(topic, OffsetSpec.earliest())  # type: ignore[no-untyped-call]  # as above
        return {number: Span(min(starts[number], end), end) for number, end in ends.items()}

    def offsets_at(self, topic: str, time_ms: int) -> dict[int, int]:
        """See `consumer.inspect.topic_reader.TopicReader.offsets_at`."""
        ends = self._offsets(topic, OffsetSpec.latest())  # type: ignore[no-untyped-call]  # as above
        found = self._offsets(topic, OffsetSpec.for_timestamp(time_ms))
        return {number: end if found[number] < 0 else found[number] for number, end in ends.items()}

    def committed(self, group: str, topic: str) -> dict[int, Committed]:
        """See `consumer.inspect.topic_reader.TopicReader.committed`."""
        asked = [confluent_kafka.TopicPartition(topic, number) for number in range(self._count(topic))]

        def positions() -> dict[int, Committed]:
            request = [ConsumerGroupTopicPartitions(group, asked)]
            answers = self._admin.list_consumer_group_offsets(
                request, require_stable=True, request_timeout=self._timeout_s
            )
            found: Sequence[confluent_kafka.TopicPartition] = answers[group].result().topic_partitions
            for each in found:
                if each.error is not None:
                    raise KafkaException(each.error)
            return {each.partition: Committed(each.offset, each.metadata or "") for each in found if each.offset >= 0}

        return self._answer(positions, f"the committed positions of group {group}")

    def read(
        self, spans: Mapping[TopicPartition, Span], keys: Collection[bytes] | None = None
    ) -> Generator[Record, None, None]:
        """See `consumer.inspect.topic_reader.TopicReader.read`."""
        open_spans = {at: span for at, span in spans.items() if span.start < span.end}
        if not open_spans:
            return
        # A client of its own: one that is given the same partition again may still tell of its earlier end.
        # Whoever asks in vain says so; the client's own complaints would drown that.
        consumer = open_client(Consumer, {**self._properties, "error_cb": _ignored, "log_level": 0})
        with closing(consumer):
            consumer.assign([confluent_kafka.TopicPartition(*at, span.start) for at, span in open_spans.items()])
            yield from self._until_ends(consumer, {at: span.end for at, span in open_spans.items()}, keys)

    def pick(self, at: TopicPartition, offsets: Collection[int]) -> list[Record]:
        """See `consumer.inspect.topic_reader.TopicReader.pick`."""
        span = self.spans(at.topic)[at.partition]
        wanted = sorted(offset for offset in set(offsets) if span.start <= offset < span.end)
        if not wanted:
            return []
        consumer = open_client(Consumer, {**self._properties, **_FEW, "error_cb": _ignored, "log_level": 0})
        with closing(consumer):
            found = [self._first_from(consumer, at, offset) for offset in wanted]
        return [record for record, offset in zip(found, wanted, strict=True) if record.offset == offset]

    def _first_from(self, consumer: Consumer, at: TopicPartition, offset: int) -> Record:
        """Return the first record from an offset on, behind which there is one."""
        consumer.assign([confluent_kafka.TopicPartition(*at, offset)])
        deadline = time.monotonic() + self._timeout_s
        while time.monotonic() < deadline:
            message = consumer.poll(_POLL_S)
            if message is None:
                continue
            error = message.error()
            if error is not None:
                raise _translated(error, f"{at.topic} [{at.partition}]")
            if cast("int", message.offset()) >= offset:
                return _record(at, message)
        raise Unavailable(_stalled({at: offset + 1}, self._timeout_s))

    def _until_ends(
        self, consumer: Consumer, ends: dict[TopicPartition, int], keys: Collection[bytes] | None
    ) -> Generator[Record, None, None]:
        """Hot: a scan for one key calls little else than this for every record of a partition."""
        heard_at = time.monotonic()
        while ends:
            messages = _poll(consumer)
            if messages:
                heard_at = time.monotonic()
            elif time.monotonic() - heard_at > self._stall_s:
                raise Unavailable(_stalled(ends, self._stall_s))
            for message in messages:
                error = message.error()
                if error is not None:
                    _ended(message, error, ends)
                elif keys is None or message.key() in keys:
                    at = TopicPartition(cast("str", message.topic()), cast("int", message.partition()))
                    if cast("int", message.offset()) < ends.get(at, -1):
                        yield _record(at, message)

    def _offsets(self, topic: str, which: OffsetSpec) -> dict[int, int]:
        asked = {confluent_kafka.TopicPartition(topic, number): which for number in range(self._count(topic))}

        def offsets() -> dict[int, int]:
            answers = self._admin.list_offsets(
                asked, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=self._timeout_s
            )
            return {each.partition: bound_or_none(future) for each, future in answers.items()}

        return self._answer(offsets, f"the offsets of {topic}")

    def _answer(self, ask: Callable[[], Answer], what: str) -> Answer:
        """Ask, and ask again while the answer is that there is none just now."""
        deadline = time.monotonic() + self._timeout_s
        while True:
            try:
                return ask()
            except Unavailable:
                if time.monotonic() > deadline:
                    raise
            except KafkaException as refused:
                error: KafkaError = refused.args[0]
                if error.code() not in _PASSING or time.monotonic() > deadline:
                    raise _translated(error, what) from refused
            time.sleep(_RETRY_S)

    def _count(self, topic: str) -> int:
        return topics.copartitioned(topics.describe(self._admin, (topic,), self._timeout_s), (topic,))


def _poll(consumer: Consumer) -> list[Message]:
    """Return what is there, waiting only for the first: `Consumer.consume` would wait for all of them."""
    first = consumer.poll(_POLL_S)
    return [] if first is None else [first, *consumer.consume(_BATCH_RECORDS - 1, 0)]


def _ended(message: Message, error: KafkaError, ends: dict[TopicPartition, int]) -> None:
    """Take the word that a partition has nothing more for now: it is done when that is at or after its end."""
    at = TopicPartition(cast("str", message.topic()), cast("int", message.partition()))
    if error.code() != _EOF:
        raise _translated(error, f"{at.topic} [{at.partition}]")
    if at in ends and cast("int", message.offset()) >= ends[at]:
        del ends[at]


def _record(at: TopicPartition, message: Message) -> Record:
    return Record(
        topic=at.topic,
        partition=at.partition,
        offset=cast("int", message.offset()),
        timestamp_ms=message.timestamp()[1],
        key=message.key(),
        value=message.value(),
        headers=cast("tuple[tuple[str, bytes | None], ...]", tuple(message.headers() or ())),
    )


def _translated(error: KafkaError, what: str) -> TopicError | Unavailable:
    if error.code() in _LASTING:
        return TopicError(f"{what}: {describe(error)}. Run `awin-consumer topics check`, and check the access rights")
    return Unavailable(f"{what}: {describe(error)}")


def _stalled(ends: Mapping[TopicPartition, int], stall_s: float) -> str:
    at, end = next(iter(ends.items()))
    return (
        f"reading {at.topic} [{at.partition}] to offset {end} brought nothing for {stall_s:g} s: the broker does not "
        "answer, or a writer's transaction is open; try again"
    )


def _ignored(_: KafkaError) -> None:
    """Connection troubles: whoever asks in vain says so."""
