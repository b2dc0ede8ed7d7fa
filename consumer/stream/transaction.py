"""Records out: atomic groups of records and offsets, as `consumer.stream.log.Transaction` and `LoneWriter`.

What can go wrong, and what becomes of it:

- The group refuses the offsets: aborted, `Rebalanced`.
- The broker does not answer before the commit request is sent: nothing can have been committed. Aborted, `Unavailable`.
- librdkafka never returns from sending the offsets, since the broker that coordinated the group was away for a moment
  (librdkafka #5511, and #5456: the time-out is ignored). The commit request was not sent: the stuck client is left
  behind, a new one with the same id ends its transaction, and the caller gets `Unavailable`.
- The transaction outlived ``transaction.timeout.ms`` (a broker outage, a stalled machine): the broker has aborted it
  and refuses our producer's epoch. librdkafka calls that fenced, as it does when another instance has our id. As long
  as no commit request was sent, age tells the two apart: a new producer with the same id is made, and the caller gets
  `Unavailable`. Should a rival exist after all, that fences the rival, whose transaction is young, so that it exits.
- The commit request was sent and no answer comes: it may have been carried out. librdkafka keeps asking and the call
  can be resumed, so it is, for ``outcome_timeout_s``. After that, or if the answer is "fenced", the outcome is not
  known, and going on either way could lose or repeat records: `Fenced`. A restart settles it, because
  ``init_transactions`` with the same id completes or aborts what was open, and `committed` then says which.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Protocol, cast

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from consumer.errors import Fenced, Rebalanced, RecordTooLarge, TopicError, Unavailable
from consumer.stream import overdue
from consumer.stream.framing import Headers
from consumer.stream.log import BATCH_OVERHEAD_BYTES, Committed, Record, TopicPartition, record_bytes
from consumer.stream.properties import ErrorReports, Properties, describe, merge, open_client
from consumer.stream.refusals import is_fatal, refusal

_SLICE_S = 0.2
"""Longest single wait inside librdkafka where a call can be resumed: signals are seen in between."""
_RETRY_S = 0.02
"""Pause before asking again after an answer like "coordinator load in progress"."""
_OVERDUE_S = 1.0
"""How much longer than its time-out a call may take before it is taken for stuck."""
_POLL_EVERY = 200
"""Sends between two looks at the delivery reports, which otherwise pile up until the commit."""

_NOTHING: Mapping[str, Any] = {}

_DEFAULTS: Properties = {
    "transaction.timeout.ms": 10_000,
    # Together these take a commit from 116 ms to 15 ms on loopback (KAFKA.md 3).
    "retry.backoff.ms": 5,
    "socket.nagle.disable": True,
    "compression.type": "lz4",
    "queue.buffering.max.kbytes": 65_536,
}
_FIXED: Properties = {
    "enable.idempotence": True,
    "acks": "all",
    # Java's default; librdkafka's own would send the keys elsewhere.
    "partitioner": "murmur2_random",
}


class Members(Protocol):
    """The group that a transaction's offsets belong to."""

    def membership(self, partitions: Iterable[TopicPartition]) -> bytes:
        """Return the current group metadata.

        Raises:
            Rebalanced: these partitions are not ours.
        """


class KafkaTransaction:
    """A transactional producer. Its id must be stable per instance, so that a restart ends what a crash left open.

    Args:
        properties: librdkafka's; those that delivery depends on are refused.
        transactional_id: one per stage and instance.
        members: the source whose offsets are committed; ``None`` for a writer of no group (`commit_alone`).
        max_record_bytes: largest key and value together: ``max.message.bytes`` of the topics written to, less
            `BATCH_OVERHEAD_BYTES`.
        timeout_s: how long a step before the commit request may take, and an abort.
        outcome_timeout_s: how long to ask for the outcome of a commit request.
        on_error: given the client's errors as text, each kind at most every 10 s.

    Raises:
        SettingsError: a property is refused, unknown to librdkafka or has a wrong value.
        Unavailable: the broker did not give us the id within ``timeout_s``.
        Fenced: it refuses to.
    """

    def __init__(
        self,
        properties: Properties,
        transactional_id: str,
        members: Members | None,
        *,
        max_record_bytes: int = 1_000_000,
        timeout_s: float = 10.0,
        outcome_timeout_s: float = 60.0,
        on_error: Callable[[str], None] | None = None,
    ) -> None:
        max_batch_bytes = max_record_bytes + BATCH_OVERHEAD_BYTES
        fixed = {**_FIXED, "transactional.id": transactional_id, "message.max.bytes": max_batch_bytes}
        self._properties = merge(properties, _DEFAULTS, fixed)
        self._id = transactional_id
        self._members = members
        self._max_record_bytes = max_record_bytes
        self._timeout_s = timeout_s
        self._outcome_timeout_s = outcome_timeout_s
        self._lifetime_s = float(self._properties["transaction.timeout.ms"]) / 1000
        self._reports = ErrorReports(on_error, time.monotonic)
        self._producer: Producer | None = None
        self._opened_at = 0.0
        self._latest_s = math.inf
        self._open = self._aborting = self._committing = False
        self._sent = self._reported = 0
        self._refused: tuple[str, KafkaError] | None = None
        self._last: dict[tuple[str | None, int | None], int | None] = {}
        self._ready()

    def send(
        self, topic: str, key: bytes | None, value: bytes | None, partition: int | None = None, headers: Headers = ()
    ) -> None:
        """See `consumer.stream.log.Transaction.send`."""
        extra = {"headers": list(headers)} if headers else _NOTHING
        number = -1 if partition is None else partition
        self._send(topic, key, value, number, record_bytes(key, value, headers), extra)

    def send_record(self, record: Record) -> None:
        """See `consumer.stream.log.LoneWriter.send_record`."""
        extra = {"headers": list(record.headers), "timestamp": max(0, record.timestamp_ms)}
        size = record_bytes(record.key, record.value, record.headers)
        self._send(record.topic, record.key, record.value, record.partition, size, extra)

    def _send(
        self, topic: str, key: bytes | None, value: bytes | None, number: int, size: int, extra: Mapping[str, Any]
    ) -> None:
        if size > self._max_record_bytes:
            raise RecordTooLarge(topic, size, self._max_record_bytes)
        producer = self._begun()
        deadline = 0.0
        while True:
            try:
                producer.produce(topic, value, key, number, on_delivery=self._on_delivery, **extra)
                break
            except BufferError:
                deadline = deadline or time.monotonic() + self._timeout_s
                if self._is_over(deadline):
                    self.abort()
                    raise Unavailable("the broker takes no records: the producer's queue stays full") from None
                self._serve(producer, _SLICE_S)
            except KafkaException as error:
                self._on_send_error(topic, error.args[0])
                return
        self._sent += 1
        if self._sent % _POLL_EVERY == 0:
            self._serve(producer, 0)

    def commit(self, offsets: Mapping[TopicPartition, Committed]) -> Mapping[TopicPartition, int]:
        """See `consumer.stream.log.Transaction.commit`."""
        if not offsets or min(each.offset for each in offsets.values()) < 0:
            raise ValueError(
                "a commit needs valid next offsets: without them the group does not check that we are a member"
            )
        return self._commit(offsets)

    def commit_alone(self) -> Mapping[TopicPartition, int]:
        """See `consumer.stream.log.LoneWriter.commit_alone`.

        A stage must never use it: an expelled member's commit would go through.
        """
        return self._commit({})

    def _commit(self, offsets: Mapping[TopicPartition, Committed]) -> Mapping[TopicPartition, int]:
        producer = self._begun()
        try:
            self._flush(producer)
            if offsets:
                self._send_offsets(producer, offsets)
        except (Rebalanced, Unavailable, TopicError):
            self.abort()
            raise
        self._end(producer)
        ends = {TopicPartition(*cast("tuple[str, int]", at)): cast("int", last) + 1 for at, last in self._last.items()}
        self._reset()
        return ends

    def abort(self) -> None:
        """See `consumer.stream.log.Transaction.abort`."""
        if self._open:
            try:
                self._finish_abort()
            except Unavailable:
                self._aborting = True

    def hurry(self, seconds: float) -> None:
        """See `consumer.stream.log.Transaction.hurry`."""
        self._latest_s = min(self._latest_s, time.monotonic() + seconds)

    def close(self) -> None:
        """See `consumer.stream.log.Transaction.close`."""
        with suppress(Fenced):
            self.abort()
        self._drop()

    def _begun(self) -> Producer:
        """Return the producer with a transaction open, after ending what an earlier abort had to leave."""
        if self._aborting:
            self._finish_abort()
        producer = self._ready()
        if not self._open:
            try:
                producer.begin_transaction()
            except KafkaException as error:
                raise self._broken(error.args[0]) from error
            self._open = True
            self._opened_at = time.monotonic()
        return producer

    def _ready(self) -> Producer:
        if self._producer is None:
            producer: Producer = open_client(Producer, {**self._properties, "error_cb": self._reports})
            try:
                self._resume(producer, producer.init_transactions, "given us our transactional id")
            except KafkaException as error:
                raise self._broken(error.args[0]) from error
            self._producer = producer
        return self._producer

    def _serve(self, producer: Producer, wait_s: float) -> None:
        """Take delivery reports. librdkafka raises fatal errors here, too."""
        try:
            producer.poll(wait_s)
        except KafkaException as error:
            raise self._broken(error.args[0]) from error

    def _resume(self, producer: Producer, call: Callable[[float], None], done: str) -> None:
        """Repeat a resumable call until it succeeds.

        Raises:
            Unavailable: not within ``timeout_s``.
            KafkaException: another error than one that waiting helps against.
        """
        deadline = time.monotonic() + self._timeout_s
        wait_s = 0.0
        while True:
            try:
                producer.poll(wait_s)
                call(_SLICE_S)
            except KafkaException as exception:
                error: KafkaError = exception.args[0]
                if is_fatal(error) or not error.retriable():
                    raise
                if self._is_over(deadline):
                    raise Unavailable(
                        f"{self._id}: the broker has not {done} in {self._timeout_s:g} s: {describe(error)}"
                    ) from exception
                wait_s = _RETRY_S
            else:
                return

    def _flush(self, producer: Producer) -> None:
        """Wait until every record is written.

        Raises:
            Unavailable, TopicError: some record was not.
        """
        deadline = time.monotonic() + self._timeout_s
        try:
            while producer.flush(_SLICE_S) and self._refused is None:
                if self._is_over(deadline):
                    raise Unavailable(f"{self._id}: records were not written in {self._timeout_s:g} s")
        except KafkaException as error:
            raise self._broken(error.args[0]) from error
        if self._refused is not None:
            topic, refused = self._refused
            raise refusal(f"{self._id}: a record for {topic} was not written", refused)

    def _send_offsets(self, producer: Producer, offsets: Mapping[TopicPartition, Committed]) -> None:
        if self._members is None:
            raise ValueError(f"{self._id}: a writer of no group has no offsets to commit")
        positions = [
            confluent_kafka.TopicPartition(*partition, each.offset, each.metadata)
            for partition, each in offsets.items()
        ]
        deadline = time.monotonic() + self._timeout_s
        wait_s = 0.0
        while True:
            # Read anew each time: an older generation would be refused, or worse, not refused.
            membership = self._members.membership(offsets)
            left_s = max(0.1, min(deadline, self._latest_s) - time.monotonic())
            send = partial(producer.send_offsets_to_transaction, positions, membership, left_s)
            try:
                producer.poll(wait_s)
                overdue.call(send, left_s + _OVERDUE_S)
            except overdue.Overdue:
                self._drop()
                raise Unavailable(
                    f"{self._id}: the offsets were not taken in {self._timeout_s:g} s and the client is stuck "
                    "(librdkafka #5456); a new one goes on"
                ) from None
            except KafkaException as exception:
                error: KafkaError = exception.args[0]
                if is_fatal(error):
                    raise self._broken(error) from exception
                if not error.retriable() or self._is_over(deadline):
                    raise refusal(f"{self._id}: the offsets were not taken", error) from exception
                wait_s = _RETRY_S
            else:
                return

    def _end(self, producer: Producer) -> None:
        """Send the commit request and learn its outcome; see the module's last rule."""
        self._committing = True
        deadline = time.monotonic() + self._outcome_timeout_s
        wait_s = 0.0
        while True:
            try:
                producer.poll(wait_s)
                producer.commit_transaction(_SLICE_S)
            except KafkaException as exception:
                error: KafkaError = exception.args[0]
                if error.txn_requires_abort() and not is_fatal(error):
                    # The coordinator agrees to abort only what it has not committed.
                    self.abort()
                    raise refusal(f"{self._id}: the commit was refused", error) from exception
                if is_fatal(error) or not error.retriable() or self._is_over(deadline):
                    raise Fenced(
                        f"{self._id}: whether the last transaction was committed is not known; a restart settles it: "
                        f"{describe(error)}"
                    ) from exception
                wait_s = _RETRY_S
            else:
                return

    def _finish_abort(self) -> None:
        """Abort what is open.

        Raises:
            Unavailable: the broker does not answer; what is open stays so.
            Fenced: see `_broken`.
        """
        self._aborting = True
        producer = self._producer
        if producer is not None:
            self._await_report(producer)
            try:
                self._resume(producer, producer.abort_transaction, "aborted our transaction")
            except KafkaException as error:
                broken = self._broken(error.args[0])
                if isinstance(broken, Fenced):
                    raise broken from error
        self._reset()

    def _await_report(self, producer: Producer) -> None:
        """Wait for one delivery report.

        Aborting while the first record is under way can be fatal (librdkafka #4849).
        """
        deadline = time.monotonic() + self._timeout_s
        try:
            while self._sent and not self._reported and not self._is_over(deadline):
                producer.flush(_SLICE_S)
        except KafkaException:
            return  # the abort that follows says the same

    def _is_over(self, deadline: float) -> bool:
        return time.monotonic() >= min(deadline, self._latest_s)

    def _on_delivery(self, error: KafkaError | None, message: Message) -> None:
        self._reported += 1
        if error is None:
            self._last[message.topic(), message.partition()] = message.offset()
        elif self._refused is None:
            self._refused = (str(message.topic()), error)

    def _on_send_error(self, topic: str, error: KafkaError) -> None:
        if is_fatal(error):
            raise self._broken(error)
        # The transaction failed before; `commit` tells why, and aborts.
        if self._refused is None:
            self._refused = (topic, error)

    def _broken(self, error: KafkaError) -> Fenced | Unavailable:
        """Return what a fatal error means, after letting go of the producer if another can take its place."""
        age_s = time.monotonic() - self._opened_at
        if self._open and not self._committing and age_s >= self._lifetime_s:
            self._drop()
            return Unavailable(
                f"{self._id}: the broker aborted our transaction, which was open for {age_s:.0f} s "
                f"(transaction.timeout.ms is {self._lifetime_s * 1000:.0f}): {describe(error)}"
            )
        if error.code() == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
            return Fenced(f"{self._id}: {describe(error)} Allow the user what docs/security.md lists for its role")
        return Fenced(f"{self._id}: another instance has our transactional id, or the client broke: {describe(error)}")

    def _drop(self) -> None:
        if self._producer is not None:
            self._producer.purge()
        self._producer = None
        self._reset()

    def _reset(self) -> None:
        self._open = self._aborting = self._committing = False
        self._sent = self._reported = 0
        self._refused = None
        self._last = {}
