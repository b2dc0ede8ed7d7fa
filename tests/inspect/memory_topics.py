"""Topics in memory, as `consumer.inspect.topic_reader.TopicReader`, with records that can be taken out again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Generator, Mapping

from confluent_kafka import murmur2
from msgspec.structs import replace

from consumer.errors import TopicError
from consumer.inspect.topic_reader import Span
from consumer.stream.framing import Headers
from consumer.stream.log import Committed, Record, TopicPartition


class MemoryTopics:
    """Topics with so many partitions each. ``before_reading`` is called at every question, to let the world go on."""

    def __init__(self, partitions: Mapping[str, int]) -> None:
        self.before_reading: Callable[[], None] = lambda: None
        self._partitions = dict(partitions)
        self._logs: dict[TopicPartition, list[Record | None]] = defaultdict(list)
        self._starts: dict[TopicPartition, int] = defaultdict(int)
        self._committed: dict[tuple[str, TopicPartition], Committed] = {}

    def create(self, partitions: Mapping[str, int]) -> None:
        """Make further topics."""
        self._partitions.update(partitions)

    def append(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None = None,
        timestamp_ms: int = 0,
        headers: Headers = (),
    ) -> Record:
        """Add a record, by its key or to the given partition."""
        number = murmur2(key or b"", self._partitions[topic]) if partition is None else partition
        log = self._logs[TopicPartition(topic, number)]
        record = Record(topic, number, len(log), timestamp_ms, key, value, tuple(headers))
        log.append(record)
        return record

    def remove(self, record: Record) -> None:
        """Take a record out; its offset stays empty."""
        self._logs[TopicPartition(record.topic, record.partition)][record.offset] = None

    def rewrite(self, record: Record, value: bytes | None) -> None:
        """Give a record another value."""
        self._logs[TopicPartition(record.topic, record.partition)][record.offset] = replace(record, value=value)

    def expire(self, topic: str, partition: int, start: int) -> None:
        """Forget everything before ``start``, as retention does."""
        self._starts[TopicPartition(topic, partition)] = start

    def commit(self, group: str, at: TopicPartition, committed: Committed) -> None:
        """Set a group's position; a negative one takes it away."""
        self._committed[group, at] = committed

    def records(self, topic: str) -> list[Record]:
        """Return everything in a topic."""
        logs = (self._logs[TopicPartition(topic, number)] for number in range(self._partitions[topic]))
        return [record for log in logs for record in log if record is not None]

    def spans(self, topic: str) -> dict[int, Span]:
        self.before_reading()
        if topic not in self._partitions:
            raise TopicError(f"topic {topic} does not exist")
        each = {number: TopicPartition(topic, number) for number in range(self._partitions[topic])}
        return {number: Span(self._starts[at], len(self._logs[at])) for number, at in each.items()}

    def offsets_at(self, topic: str, time_ms: int) -> dict[int, int]:
        each = {number: TopicPartition(topic, number) for number in self.spans(topic)}
        return {number: self._offset_at(at, time_ms) for number, at in each.items()}

    def _offset_at(self, at: TopicPartition, time_ms: int) -> int:
        kept = (record for record in self._logs[at][self._starts[at] :] if record is not None)
        return next((record.offset for record in kept if record.timestamp_ms >= time_ms), len(self._logs[at]))

    def committed(self, group: str, topic: str) -> dict[int, Committed]:
        self.spans(topic)
        found = ((at, committed) for (name, at), committed in self._committed.items() if name == group)
        return {at.partition: committed for at, committed in found if at.topic == topic and committed.offset >= 0}

    def read(
        self, spans: Mapping[TopicPartition, Span], keys: Collection[bytes] | None = None
    ) -> Generator[Record, None, None]:
        for at, span in spans.items():
            self.before_reading()
            for record in self._logs[at][max(span.start, self._starts[at]) : span.end]:
                if record is not None and (keys is None or record.key in keys):
                    yield record

    def pick(self, at: TopicPartition, offsets: Collection[int]) -> list[Record]:
        self.before_reading()
        log = self._logs[at]
        found = (log[offset] for offset in sorted(set(offsets)) if self._starts[at] <= offset < len(log))
        return [record for record in found if record is not None]
