"""Reads a topic as it stands now: committed records only, to the end, with everything they have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from confluent_kafka import Consumer, IsolationLevel, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # public, yet not in __all__

from consumer.stream.log import Record

_EOF = KafkaError._PARTITION_EOF
_TIMEOUT_S = 15.0


def read_topic(bootstrap_servers: str, topic: str) -> list[Record]:
    """Return all committed records of a topic, in offset order within each partition.

    The client says that a partition is at its end where an open transaction begins, though there may be much behind it;
    so it is read until everything is that was written before. A transaction that nobody ends fails the test.
    """
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "crash-test-reader",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "auto.offset.reset": "error",
            "fetch.wait.max.ms": 50,
            "log_level": 0,
        }
    )
    try:
        numbers = consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic].partitions
        left = _ends(bootstrap_servers, topic, numbers)
        consumer.assign([TopicPartition(topic, number, 0) for number in left])
        records = []
        while left:
            message = consumer.poll(_TIMEOUT_S)
            assert message is not None, f"{topic} could not be read to its ends {left}: a transaction is open"
            error, number = message.error(), cast("int", message.partition())
            if error is None:
                at_ms, offset = message.timestamp()[1], cast("int", message.offset())
                headers = cast("tuple[tuple[str, bytes | None], ...]", tuple(message.headers() or ()))
                records.append(Record(topic, number, offset, at_ms, message.key(), message.value(), headers))
            else:
                assert error.code() == _EOF, f"{topic} could not be read: {error}"
                if cast("int", message.offset()) >= left.get(number, 0):
                    left.pop(number, None)
        return records
    finally:
        consumer.close()


def _ends(bootstrap_servers: str, topic: str, numbers: Iterable[int]) -> dict[int, int]:
    """Return where each partition ends, open transactions included."""
    admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
    asked = {TopicPartition(topic, number): OffsetSpec.latest() for number in numbers}  # type: ignore[no-untyped-call]
    answers = admin.list_offsets(asked, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=_TIMEOUT_S)
    return {each.partition: future.result(_TIMEOUT_S).offset for each, future in answers.items()}
