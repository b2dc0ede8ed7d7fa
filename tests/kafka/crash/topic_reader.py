"""Reads a topic as it stands now: committed records only, to the end, with everything they have."""

from __future__ import annotations

from typing import cast

from confluent_kafka import Consumer, KafkaError, TopicPartition

from consumer.stream.log import Record

_EOF = KafkaError._PARTITION_EOF
_TIMEOUT_S = 15.0


def read_topic(bootstrap_servers: str, topic: str) -> list[Record]:
    """Return all committed records of a topic, in offset order within each partition."""
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
        left = set(consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic].partitions)
        consumer.assign([TopicPartition(topic, number, 0) for number in left])
        records = []
        while left:
            message = consumer.poll(_TIMEOUT_S)
            assert message is not None, f"{topic} could not be read to its end"
            error, number = message.error(), cast("int", message.partition())
            if error is None:
                at_ms, offset = message.timestamp()[1], cast("int", message.offset())
                headers = cast("tuple[tuple[str, bytes | None], ...]", tuple(message.headers() or ()))
                records.append(Record(topic, number, offset, at_ms, message.key(), message.value(), headers))
            else:
                assert error.code() == _EOF, f"{topic} could not be read: {error}"
                left.discard(number)
        return records
    finally:
        consumer.close()
