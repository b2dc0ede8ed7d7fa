"""Questions about offsets that no consumer position answers: where partitions end, and where a time begins.

Asked with `read_uncommitted`, so that records of open transactions count: an end learnt this way is beyond everything
produced before the question.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from contextlib import suppress

import confluent_kafka
from confluent_kafka import IsolationLevel, KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import ListOffsetsResultInfo, OffsetSpec

from consumer.errors import Unavailable
from consumer.stream.log import TopicPartition
from consumer.stream.properties import describe

_STALE_LEADERS = (
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.NOT_LEADER_FOR_PARTITION,
)
_REFRESH_TIMEOUT_S = 1.0
_NONE_AFTER = -1
"""The answer to a time after which there is no record."""

_LATEST: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # not annotated by confluent-kafka
_Futures = dict[TopicPartition, "Future[ListOffsetsResultInfo]"]
_Read = Callable[["Future[ListOffsetsResultInfo]"], int]
Ends = Callable[[], Mapping[TopicPartition, int] | None]


def bound(future: Future[ListOffsetsResultInfo]) -> int:
    """Return the first or the end offset that was asked for.

    librdkafka 2.16 may answer without an error and without an offset (-1001) while a partition changes its leader:
    taken for an end, that would make a log look empty.

    Raises:
        KafkaException: the question was refused.
        Unavailable: there is no answer just now.
    """
    offset = int(future.result().offset)
    if offset < 0:
        raise Unavailable(f"the answer holds no offset ({offset}): the partition has no leader just now")
    return offset


def bound_or_none(future: Future[ListOffsetsResultInfo]) -> int:
    """Return the offset that was asked for by a time, -1 where no record is so young; raises as `bound`."""
    return _NONE_AFTER if future.result().offset == _NONE_AFTER else bound(future)


def ask_ends(admin: AdminClient, partitions: Iterable[TopicPartition], timeout_s: float) -> Ends:
    """Send one request for all end offsets and return at once; see `consumer.stream.log.Source.ask_ends`."""
    futures = _ask(admin, dict.fromkeys(partitions, _LATEST), timeout_s)

    def answer() -> dict[TopicPartition, int] | None:
        if not all(future.done() for future in futures.values()):
            return None
        # A partition without leader must not keep the others from their answers.
        answered = {each: future for each, future in futures.items() if _has_offset(future)}
        return _results(admin, answered or futures, bound)

    return answer


def offsets_at(
    admin: AdminClient, times_ms: Mapping[TopicPartition, int], timeout_s: float
) -> dict[TopicPartition, int]:
    """Return each partition's first offset at or after a time, its end where there is none.

    The end is asked for first: a record that comes between the two questions is then behind it, not skipped.

    Raises:
        Unavailable: no answer within the time-out.
    """
    deadline = time.monotonic() + timeout_s
    ends = _wait(admin, _ask(admin, dict.fromkeys(times_ms, _LATEST), timeout_s), deadline, bound)
    specs = {partition: OffsetSpec.for_timestamp(time_ms) for partition, time_ms in times_ms.items()}
    found = _wait(admin, _ask(admin, specs, max(0.1, deadline - time.monotonic())), deadline, bound_or_none)
    return {partition: ends[partition] if offset == _NONE_AFTER else offset for partition, offset in found.items()}


def _ask(admin: AdminClient, specs: Mapping[TopicPartition, OffsetSpec], timeout_s: float) -> _Futures:
    if not specs:
        return {}
    asked = {confluent_kafka.TopicPartition(*partition): spec for partition, spec in specs.items()}
    answers = admin.list_offsets(asked, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=timeout_s)
    return {TopicPartition(each.topic, each.partition): future for each, future in answers.items()}


def _has_offset(future: Future[ListOffsetsResultInfo]) -> bool:
    return future.exception() is None and future.result().offset >= 0


def _wait(admin: AdminClient, futures: _Futures, deadline: float, read: _Read) -> dict[TopicPartition, int]:
    _, late = wait_for(futures.values(), max(0.0, deadline - time.monotonic()))
    if late:
        raise Unavailable(f"no offsets within the time-out for {_names(futures)}")
    return _results(admin, futures, read)


def _results(admin: AdminClient, futures: _Futures, read: _Read) -> dict[TopicPartition, int]:
    try:
        return {partition: read(future) for partition, future in futures.items()}
    except KafkaException as error:
        if error.args[0].code() in _STALE_LEADERS:
            _learn_leaders(admin, {topic for topic, _ in futures})
        raise Unavailable(f"no offsets for {_names(futures)}: {describe(error.args[0])}") from error


def _learn_leaders(admin: AdminClient, topics: Iterable[str]) -> None:
    """Have the client look up the leaders again.

    By itself it never does: after a restart of the broker every question is refused with ``FENCED_LEADER_EPOCH`` (seen
    with librdkafka 2.16). The broker that refused answers at once, so this hardly waits.
    """
    with suppress(KafkaException):
        for topic in topics:
            admin.list_topics(topic, _REFRESH_TIMEOUT_S)


def _names(partitions: Iterable[TopicPartition]) -> str:
    return ", ".join(sorted({topic for topic, _ in partitions}))
