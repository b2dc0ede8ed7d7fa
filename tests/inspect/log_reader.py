"""The in-memory log as `consumer.inspect.topic_reader.TopicReader`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping

from consumer.inspect.topic_reader import Span
from consumer.stream.log import Committed, Record, TopicPartition
from consumer.stream.memory import MemoryLog


class LogReader:
    """Reads what is committed now; it waits for no open transaction.

    ``before_reading`` is called at every question, to let the world go on. Of a topic among ``compacted`` there is no
    record left that has a newer one of its key.
    """

    def __init__(self, log: MemoryLog, compacted: Collection[str] = ()) -> None:
        self.before_reading: Callable[[], None] = lambda: None
        self._log = log
        self._compacted = compacted

    def spans(self, topic: str) -> dict[int, Span]:
        self.before_reading()
        return {
            at.partition: Span(self._log.start_offset(*at), self._log.end_offset(*at))
            for at in self._log.partitions(topic)
        }

    def offsets_at(self, topic: str, time_ms: int) -> dict[int, int]:
        found = {}
        for number, span in self.spans(topic).items():
            records = self._log.records(topic, number)
            found[number] = next((each.offset for each in records if each.timestamp_ms >= time_ms), span.end)
        return found

    def committed(self, group: str, topic: str) -> dict[int, Committed]:
        self.before_reading()
        known = set(self._log.partitions(topic))
        return {at.partition: each for at, each in self._log.group(group).committed.items() if at in known}

    def read(
        self, spans: Mapping[TopicPartition, Span], keys: Collection[bytes] | None = None
    ) -> Generator[Record, None, None]:
        for at, span in spans.items():
            self.before_reading()
            for record in self._records(at):
                if span.start <= record.offset < span.end and (keys is None or record.key in keys):
                    yield record

    def pick(self, at: TopicPartition, offsets: Collection[int]) -> list[Record]:
        return [record for record in self._records(at) if record.offset in offsets]

    def _records(self, at: TopicPartition) -> list[Record]:
        records = self._log.records(*at)
        newest = {record.key: record.offset for record in records}
        return [each for each in records if at.topic not in self._compacted or newest[each.key] == each.offset]
