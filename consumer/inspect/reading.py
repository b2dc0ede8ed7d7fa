"""How one search reads: how much of each topic, and what there is to say about that."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator

from msgspec import Struct

from consumer.errors import KafkaError
from consumer.events import Position
from consumer.inspect.topic_reader import Span, TopicReader
from consumer.settings import Topics
from consumer.stream.log import Record, TopicPartition


class Newest(Struct, frozen=True):
    """How many records are read of topics in which an order's partition is not known: some seconds' worth."""

    dead_letters: int = 500_000
    state_records: int = 2_000_000
    orders: int = 2_000_000


EVERYTHING = Newest(dead_letters=2**63, state_records=2**63, orders=2**63)


class Reading:
    """Reads for one answer, and collects ``notes``: what was not looked at, or could not be.

    Args:
        reader: where to read.
        topics: their names.
        newest: how much to read where an order's partition is not known.
        progress: told what is being read.
    """

    def __init__(
        self,
        reader: TopicReader,
        topics: Topics,
        newest: Newest,
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.reader = reader
        self.topics = topics
        self.newest = newest
        self.progress = progress
        self.notes: list[str] = []

    def undecodable(self, record: Record) -> None:
        """Note that a record of ours cannot be decoded."""
        self.notes.append(f"{record.topic}[{record.partition}]@{record.offset} cannot be decoded")

    def read_newest(
        self, topic: str, count: int, keys: Collection[bytes] | None = None
    ) -> Generator[Record, None, None]:
        """Yield the newest records of a topic, about so many in all, and note it when that is not everything."""
        self.progress(topic)
        spans = self.reader.spans(topic)
        pieces = {TopicPartition(topic, number): span for number, span in spans.items()}
        if sum(map(_length, spans.values())) > count:
            self.notes.append(f"of {topic} only the newest {count:,} records were read; --deep reads them all")
            each = -(-count // len(spans))
            pieces = {at: span.newest(each) for at, span in pieces.items()}
        return self.reader.read(pieces, keys)

    def pick(self, topic: str, partition: int, offsets: Collection[int]) -> list[Record]:
        """Return a few records of an input; what does not answer is noted, since the rest can be told without."""
        if not offsets:
            return []
        try:
            return self.reader.pick(TopicPartition(topic, partition), offsets)
        except KafkaError as error:
            self.notes.append(str(error))
            return []


def position(record: Record) -> Position:
    """Return where a record stands."""
    return Position(record.topic, record.partition, record.offset)


def _length(span: Span) -> int:
    return span.end - span.start
