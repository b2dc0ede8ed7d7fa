"""Our values and librdkafka's."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import confluent_kafka

from consumer.errors import Fenced
from consumer.stream.log import TopicPartition


def is_joined(metadata: bytes) -> bool:
    """Whether librdkafka's group metadata (magic, generation, group, member id, …) is that of a joined member.

    Raises:
        Fenced: it has another layout than the one that we know.
    """
    magic, generation = metadata[:7], metadata[7:11]
    if magic != b"CGMDv2:":
        raise Fenced(f"this librdkafka writes group metadata as {magic!r}: install the version in requirements/run.txt")
    _, member, *_ = metadata[11:].split(b"\0")
    return int.from_bytes(generation, sys.byteorder, signed=True) > 0 and member != b""


def ours(partitions: Iterable[confluent_kafka.TopicPartition]) -> list[TopicPartition]:
    """Return partitions as the ports have them."""
    return [TopicPartition(each.topic, each.partition) for each in partitions]


def native(partitions: Iterable[TopicPartition]) -> list[confluent_kafka.TopicPartition]:
    """Return partitions as librdkafka has them."""
    return [confluent_kafka.TopicPartition(*each) for each in partitions]


def names(partitions: Iterable[TopicPartition]) -> str:
    """Return partitions as messages show them."""
    return ", ".join(f"{topic} [{number}]" for topic, number in sorted(partitions))
