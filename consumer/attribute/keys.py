"""Notices producers that partition otherwise than Kafka's default.

Sessions and orders meet only if equal keys land in partitions of equal number. librdkafka's own default is CRC32,
Java's is murmur2: same counts, wrong join, no error anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from confluent_kafka import murmur2

from consumer.errors import TopicError
from consumer.events import forgets_orders_alone
from consumer.stream.log import Record

_ENOUGH = 50
_BORNE = 0.1
"""Share of misplaced keys that may be single mistakes. With one producer of several on another hash it is more: half of
its keys or, with many partitions, nearly all."""


class KeyGuard:
    """Looks at the keys of one topic: at every one until it has seen enough, then at one of each batch."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._seen = 0
        self._misplaced = 0

    @property
    def settled(self) -> bool:
        """True when enough keys have been seen, so that a sample will do."""
        return self._seen >= _ENOUGH

    def look(self, record: Record, partitions: int) -> None:
        """Take one record of a topic with so many partitions.

        Raises:
            TopicError: more than a few keys are not where murmur2 puts them.
        """
        self._seen += 1
        if record.key is None or murmur2(record.key, partitions) != record.partition:
            self._misplaced += 1
        if self._seen >= _ENOUGH and self._misplaced > _BORNE * self._seen:
            raise TopicError(
                f"{self._misplaced} of {self._seen} records looked at in {self._topic} are not in the partition of "
                "their key's murmur2 hash, so sessions and orders do not meet: key both by visitor_id, produce "
                "with the partitioner murmur2_random (librdkafka) or Java's default, and begin with fresh topics"
            )
        if self._seen >= 2 * _ENOUGH:
            self._seen //= 2
            self._misplaced //= 2


class KeyGuards:
    """A `KeyGuard` for each of some topics."""

    def __init__(self, topics: Iterable[str]) -> None:
        self._guards = {topic: KeyGuard(topic) for topic in topics}

    def look(self, records: Sequence[Record], partitions: int) -> None:
        """Look at a batch: at all of it in the beginning, later at its first record.

        Requests to forget an order alone have nobody's key.

        Raises:
            TopicError: see `KeyGuard.look`.
        """
        settled = all(guard.settled for guard in self._guards.values())
        for record in records[:1] if settled else records:
            if not forgets_orders_alone(record.key, record.value, record.headers):
                self._guards[record.topic].look(record, partitions)
