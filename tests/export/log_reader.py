"""The in-memory log as `consumer.inspect.topic_reader.TopicReader`."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping

from consumer.inspect.topic_reader import Span
from consumer.stream.log import Committed, Record, TopicPartition
from consumer.stream.memory import MemoryLog


class LogReader:
    """Reads what is committed now; it waits for no open transaction."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    def spans(self, topic: str) -> dict[int, Span]:
        return {
            at.partition: Span(self._log.start_offset(*at), self._log.end_offset(*at))
            for at in self._log.partitions(topic)
        }

    def committed(self, group: str, topic: str) -> dict[int, Committed]:
        known = set(self._log.partitions(topic))
        return {at.partition: each for at, each in self._log.group(group).committed.items() if at in known}

    def read(
        self, spans: Mapping[TopicPartition, Span], keys: Collection[bytes] | None = None
    ) -> Generator[Record, None, None]:
        for at, span in spans.items():
            for record in self._log.records(*at, span.start):
                if record.offset < span.end and (keys is None or record.key in keys):
                    yield record
