"""Records in: a member of a Kafka consumer group, as `consumer.stream.log.Source`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import cast

import confluent_kafka
from confluent_kafka import Consumer, KafkaError, KafkaException, Message

from consumer.errors import Fenced, OffsetsLost, Rebalanced, Unavailable
from consumer.stream import brokers, offsets
from consumer.stream.log import Committed, RebalanceListener, Record, TopicPartition
from consumer.stream.native import is_joined, names, native, ours
from consumer.stream.properties import ErrorReports, Properties, describe, merge, open_admin, open_client

_SLICE_S = 0.1
"""Longest single wait inside librdkafka: signals and the results of rebalances are seen in between."""
_ENDS_TIMEOUT_S = 10.0
_LOST = (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._LOG_TRUNCATION)  # noqa: SLF001  # public, in spite of the name
_EOF = KafkaError._PARTITION_EOF  # noqa: SLF001  # as above

_DEFAULTS: Properties = {
    # With the default of 1,000 ms a full queue stops fetching for a second.
    "fetch.queue.backoff.ms": 20,
    "queued.max.messages.kbytes": 32_768,
}
_FIXED: Properties = {
    "isolation.level": "read_committed",
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "enable.partition.eof": True,
    "auto.offset.reset": "error",
}
# Both keep partitions of the same number together; other assignors hand out each topic on its own (KAFKA.md 2).
_FIXED_CLASSIC: Properties = {"partition.assignment.strategy": "range"}
_FIXED_CONSUMER: Properties = {"group.protocol": "consumer", "group.remote.assignor": "range"}


class KafkaSource:
    """A group member that reads of its partitions only what it is told to, from where it is told.

    Args:
        properties: librdkafka's; those that delivery depends on are refused.
        topics: what to subscribe to.
        listener: told of assignment changes from inside `poll`.
        group: name of the consumer group.
        instance: this process's name in the broker's logs and metrics; no static membership.
        on_error: given the client's errors as text, each kind at most every 10 s. Broker loss is told only here.
        on_brokers: given the number of brokers that are connected, every few seconds, on the polling thread.

    Raises:
        SettingsError: a property is refused, unknown to librdkafka or has a wrong value.
    """

    def __init__(
        self,
        properties: Properties,
        topics: Sequence[str],
        listener: RebalanceListener,
        *,
        group: str,
        instance: str,
        on_error: Callable[[str], None] | None = None,
        on_brokers: Callable[[int], None] | None = None,
    ) -> None:
        self._listener = listener
        self._reports = ErrorReports(on_error, time.monotonic)
        self._incremental = properties.get("group.protocol") == "consumer"
        fixed = {**_FIXED, **(_FIXED_CONSUMER if self._incremental else _FIXED_CLASSIC), "group.id": group}
        merged = merge(properties, {**_DEFAULTS, "client.id": instance}, fixed)
        self._consumer = open_client(Consumer, {**merged, "error_cb": self._reports, **brokers.watching(on_brokers)})
        self._admin = open_admin(properties, instance)
        self._assigned: set[TopicPartition] = set()
        self._positions: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._asleep: set[TopicPartition] = set()
        """Those that the client was told to pause."""
        self._generation = 0
        self._starting: set[TopicPartition] = set()
        self._given: set[TopicPartition] = set()
        self._polled_at = time.monotonic()
        self._consumer.subscribe(
            list(topics), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        """See `consumer.stream.log.Source.poll`. Returns ``[]`` early after a rebalance, so that it can be acted on."""
        deadline = time.monotonic() + timeout_s
        generation = self._generation
        try:
            while True:
                if not self._starting <= self._paused:
                    self._give()
                first = self._consumer.poll(min(_SLICE_S, max(0.0, deadline - time.monotonic())))
                # A full consume() would wait for all of max_records; this takes what is there.
                rest = self._consumer.consume(max_records - 1, 0) if first is not None and max_records > 1 else []
                records = self._take([first, *rest]) if first is not None else []
                if records or generation != self._generation or time.monotonic() >= deadline:
                    return records
        except KafkaException as error:
            raise self._broken(error.args[0]) from error
        finally:
            self._polled_at = time.monotonic()

    def start(self, partition: TopicPartition, offset: int) -> None:
        """See `consumer.stream.log.Source.start`. Takes effect in the next `poll`."""
        if partition not in self._assigned:
            raise LookupError(f"{names([partition])} is not assigned")
        self._positions[partition] = offset
        self._paused.discard(partition)
        self._starting.add(partition)

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        """See `consumer.stream.log.Source.pause`."""
        chosen = {each for each in partitions if each in self._positions and each not in self._paused}
        self._paused |= chosen
        self._asleep |= chosen & self._given
        self._consumer.pause(native(chosen & self._given))

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        """See `consumer.stream.log.Source.resume`."""
        chosen = self._paused.intersection(partitions)
        self._paused -= chosen
        self._starting |= chosen - self._given
        self._wake(chosen)

    def next_offset(self, partition: TopicPartition) -> int:
        """See `consumer.stream.log.Source.next_offset`."""
        if partition not in self._positions:
            raise LookupError(f"{names([partition])} is not started")
        return self._positions[partition]

    def committed(self, partitions: Sequence[TopicPartition], timeout_s: float) -> dict[TopicPartition, Committed]:
        """See `consumer.stream.log.Source.committed`; read_committed makes the client ask for stable offsets only."""
        try:
            answers = self._consumer.committed(native(partitions), timeout_s) if partitions else []
        except KafkaException as error:
            raise Unavailable(f"no committed offsets: {describe(error.args[0])}") from error
        found = {}
        for each in answers:
            if each.error is not None:
                raise Unavailable(f"{each.topic} [{each.partition}]: no committed offset: {describe(each.error)}")
            if each.offset >= 0:
                found[TopicPartition(each.topic, each.partition)] = Committed(each.offset, each.metadata or "")
        return found

    def ask_ends(self, partitions: Sequence[TopicPartition]) -> Callable[[], Mapping[TopicPartition, int] | None]:
        """See `consumer.stream.log.Source.ask_ends`."""
        return offsets.ask_ends(self._admin, partitions, _ENDS_TIMEOUT_S)

    def offsets_at(self, times_ms: Mapping[TopicPartition, int], timeout_s: float) -> dict[TopicPartition, int]:
        """See `consumer.stream.log.Source.offsets_at`."""
        return offsets.offsets_at(self._admin, times_ms, timeout_s)

    def high_watermarks(self) -> dict[TopicPartition, int]:
        """Return the ends of started partitions as last fetched, for lag; those not known yet are left out."""
        found = {}
        for partition in self._given:
            marks = self._consumer.get_watermark_offsets(confluent_kafka.TopicPartition(*partition), cached=True)
            if marks[1] >= 0:
                found[partition] = marks[1]
        return found

    def last_poll_age_s(self) -> float:
        """See `consumer.stream.log.Source.last_poll_age_s`."""
        return time.monotonic() - self._polled_at

    def generation(self) -> int:
        """See `consumer.stream.log.Source.generation`."""
        return self._generation

    def membership(self, partitions: Iterable[TopicPartition]) -> bytes:
        """Return the group metadata that lets the broker check that these partitions are still ours.

        The broker accepts a transaction's offsets from nobody: without a member id it checks nothing (seen on 4.3).
        An expelled member's client forgets its id before `poll` tells, so it must not ask then.

        Raises:
            Rebalanced: we are no member just now, or not one that has these partitions.
        """
        strangers = [each for each in partitions if each not in self._assigned]
        if strangers:
            raise Rebalanced(f"{names(strangers)} is not assigned to us any more")
        metadata = cast("bytes", self._consumer.consumer_group_metadata())
        if not is_joined(metadata):
            raise Rebalanced("we are no member of the group just now")
        return metadata

    def close(self) -> None:
        """See `consumer.stream.log.Source.close`."""
        self._consumer.close()

    def _take(self, messages: list[Message]) -> list[Record]:
        """Turn messages into records and move the positions.

        Hot path, 0.4 µs a record (Python 3.11): one position update and one topic string for a run of records of the
        same partition, and no tuple for the usual record without headers. The plain form takes 0.67 µs.
        """
        records: list[Record] = []
        add = records.append
        positions = self._positions
        topic, partition, offset = "", -1, -1
        for message in messages:
            error = message.error()
            if error is not None or message.partition() != partition or message.topic() != topic:
                if partition >= 0:
                    positions[TopicPartition(topic, partition)] = offset + 1
                topic, partition = cast("str", message.topic()), cast("int", message.partition())
                if error is not None or not self._expected(TopicPartition(topic, partition)):
                    partition = -1
                    if error is not None:
                        self._on_event(message, error)
                    continue
            offset = cast("int", message.offset())
            headers = message.headers()
            if headers is None:
                add(Record(topic, partition, offset, message.timestamp()[1], message.key(), message.value()))
            else:
                pairs = cast("tuple[tuple[str, bytes | None], ...]", tuple(headers))
                add(Record(topic, partition, offset, message.timestamp()[1], message.key(), message.value(), pairs))
        if partition >= 0:
            positions[TopicPartition(topic, partition)] = offset + 1
        return records

    def _expected(self, partition: TopicPartition) -> bool:
        """Whether to deliver a message of this partition: not if it went, or was started anew, a moment ago."""
        return partition in self._given and partition not in self._starting

    def _on_event(self, message: Message, error: KafkaError) -> None:
        if error.fatal():
            raise self._broken(error)
        code = error.code()
        if code != _EOF and code not in _LOST:
            self._reports(error)
            return
        partition = TopicPartition(cast("str", message.topic()), cast("int", message.partition()))
        position = self._positions.get(partition)
        if position is None or not self._expected(partition):
            return
        if code == _EOF:
            self._positions[partition] = max(position, cast("int", message.offset()))
            return
        raise OffsetsLost(self._lost_text(partition, position))

    def _lost_text(self, partition: TopicPartition, position: int) -> str:
        try:
            marks = self._consumer.get_watermark_offsets(confluent_kafka.TopicPartition(*partition), timeout=5)
        except KafkaException:
            marks = None
        log = f"the log holds {marks[0]} to {marks[1]}" if marks else "the log's bounds could not be learnt"
        return (
            f"{names([partition])}: offset {position} is asked for, but {log}. Records were lost to retention, "
            "truncation or a re-created topic. Find out which, restore them or accept the gap by setting the group's "
            "offset with kafka-consumer-groups, and start again"
        )

    def _give(self) -> None:
        """Let the client fetch what was started, from where it is to be read.

        Only now, and always with the offset. Assigning first, pausing, and seeking later is not safe: a fetch from a
        made-up offset may fail before the pause takes effect, after which the client refuses to seek; and the late
        answer to the look-up of a logical offset (END, the committed one) undoes a seek made in the meantime
        (librdkafka 2.16, ``rd_kafka_toppar_handle_Offset``).
        """
        self._wake(self._given & self._starting if self._incremental else self._given)
        if self._incremental:
            self._consumer.incremental_unassign(native(self._starting & self._given))
            self._given -= self._starting
            chosen = self._starting - self._paused
        else:
            # The eager protocol knows only the whole: the others go on from where they are.
            self._given.clear()
            chosen = self._positions.keys() - self._paused
        targets = [confluent_kafka.TopicPartition(*each, self._positions[each]) for each in sorted(chosen)]
        if self._incremental:
            self._consumer.incremental_assign(targets)
        else:
            self._consumer.assign(targets)
        self._given |= chosen
        self._starting.clear()

    def _on_assign(self, consumer: Consumer, partitions: list[confluent_kafka.TopicPartition]) -> None:
        # Taken, but the client gets none of them yet.
        if self._incremental:
            consumer.incremental_assign([])
        else:
            consumer.assign([])
        came = ours(partitions)
        self._assigned.update(came)
        self._generation += 1
        self._listener.on_assigned(came)

    def _on_revoke(self, consumer: Consumer, partitions: list[confluent_kafka.TopicPartition]) -> None:
        if not is_joined(cast("bytes", consumer.consumer_group_metadata())):
            # Expelled while another rebalance was under way: librdkafka then forgets that they are lost (its PR 5604).
            self._on_lost(consumer, partitions)
            return
        gone = ours(partitions)
        self._generation += 1
        try:
            self._listener.on_revoked(gone)
        finally:
            self._forget(consumer, gone)

    def _on_lost(self, consumer: Consumer, partitions: list[confluent_kafka.TopicPartition]) -> None:
        gone = ours(partitions)
        self._generation += 1
        self._forget(consumer, gone)
        self._listener.on_lost(gone)

    def _wake(self, partitions: Iterable[TopicPartition]) -> None:
        """Undo the client's own pauses before partitions are taken from it.

        It may remember them when they are given to it again, now or after a rebalance, and then never fetches (seen
        with librdkafka 2.16: it does as long as anything of it refers to the partition).
        """
        asleep = self._asleep.intersection(partitions)
        if asleep:
            self._consumer.resume(native(asleep))
            self._asleep -= asleep

    def _forget(self, consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        self._wake(partitions)
        if self._incremental:
            consumer.incremental_unassign(native(self._given.intersection(partitions)))
        else:
            consumer.unassign()
        for kept in (self._assigned, self._paused, self._starting, self._given):
            kept.difference_update(partitions)
        for each in partitions:
            self._positions.pop(each, None)

    def _broken(self, error: KafkaError) -> Fenced:
        return Fenced(f"the consumer cannot go on and must be started again: {describe(error)}")
