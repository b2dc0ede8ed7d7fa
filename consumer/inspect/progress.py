"""How far reading topics has come."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import closing
from typing import Protocol

from consumer.inspect.topic_reader import Span, TopicReader
from consumer.stream.log import Record, TopicPartition

_STEP = 1_000


class Progress(Protocol):
    """Told of the reading; records count by their offsets."""

    def expect(self, records: int) -> None:
        """So many more are to be read at most."""

    def reading(self, what: str) -> None:
        """This is being read now."""

    def advance(self, records: int) -> None:
        """So many more were read, or need not be."""


class Unseen:
    """A `Progress` that nobody looks at."""

    def expect(self, records: int) -> None:
        """Do nothing."""

    def reading(self, what: str) -> None:
        """Do nothing."""

    def advance(self, records: int) -> None:
        """Do nothing."""


class Named:
    """A `Progress` of which only what is being read is looked at.

    Args:
        name: given that.
    """

    def __init__(self, name: Callable[[str], None]) -> None:
        self._name = name

    def expect(self, records: int) -> None:
        """Do nothing."""

    def reading(self, what: str) -> None:
        """Pass it on."""
        self._name(what)

    def advance(self, records: int) -> None:
        """Do nothing."""


def read_piece(
    reader: TopicReader, at: TopicPartition, span: Span, progress: Progress, keys: Collection[bytes] | None = None
) -> Generator[Record, None, None]:
    """Read a piece that was told to be expected, and say how far it is.

    Raises:
        KafkaError: as `TopicReader.read`.
    """
    progress.reading(f"{at.topic} [{at.partition}]")
    told = span.start
    try:
        with closing(reader.read({at: span}, keys)) as records:
            for record in records:
                if record.offset - told >= _STEP:
                    progress.advance(record.offset - told)
                    told = record.offset
                yield record
    finally:
        progress.advance(max(0, span.end - told))


def read_pieces(
    reader: TopicReader,
    topic: str,
    spans: Mapping[int, Span],
    progress: Progress,
    keys: Collection[bytes] | None = None,
) -> Generator[Record, None, None]:
    """Read pieces of several partitions, one after the other, and tell how much there is before.

    Raises:
        KafkaError: as `TopicReader.read`.
    """
    progress.expect(sum(span.size for span in spans.values()))
    for number, span in sorted(spans.items()):
        yield from read_piece(reader, TopicPartition(topic, number), span, progress, keys)
