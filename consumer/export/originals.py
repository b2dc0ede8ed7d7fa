"""The conversions behind receipts: in the outbox, or with a dead letter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from consumer.delivery.sent import TOO_OLD
from consumer.errors import Undecodable
from consumer.events import Position, Receipt
from consumer.inspect.topic_reader import Span, TopicReader
from consumer.settings import Topics
from consumer.stream.avro import DeadLetterDecoder
from consumer.stream.framing import Headers
from consumer.stream.log import TopicPartition
from consumer.stream.schemas import Schemas


class Originals:
    """Finds conversions by where they stood, and by whose they are.

    Args:
        reader: where to read.
        schemas: how dead letters are written.
        topics: their names.
        progress: told what is being read.
    """

    def __init__(self, reader: TopicReader, schemas: Schemas, topics: Topics, progress: Callable[[str], None]) -> None:
        self._reader = reader
        self._topics = topics
        self._dead_letter = DeadLetterDecoder(schemas)
        self._progress = progress

    def of(self, wanted: Mapping[bytes, Receipt]) -> Iterator[tuple[bytes, bytes | None, Headers]]:
        """Yield the conversions that are still there, each once: key, value and headers.

        Where an outbox was made anew, conversions of the old one and the new stood at the same place: they are told
        apart by their keys.

        Args:
            wanted: by key, the receipts that say where they stood. Those with a dead letter are looked for there first:
                it keeps them when they came from elsewhere, and is quicker read than the outbox.
        """
        left = {key: receipt.source for key, receipt in wanted.items()}
        put_aside = {key: receipt.source for key, receipt in wanted.items() if receipt.reason == TOO_OLD}
        for key, value in self._put_aside(put_aside):
            if left.pop(key, None) is not None:
                yield key, value, ()
        yield from self._outbox(left)

    def _put_aside(self, wanted: Mapping[bytes, Position]) -> Iterator[tuple[bytes, bytes | None]]:
        if not wanted:
            return
        topic = self._topics.dead_letter
        self._progress(topic)
        spans = {TopicPartition(topic, number): span for number, span in self._reader.spans(topic).items()}
        for record in self._reader.read(spans):
            try:
                letter = self._dead_letter(record.value, record.headers)
            except Undecodable:
                continue  # no letter of ours, so none of an order that waits; `audit` counts them
            key = letter.key
            if key is None or letter.stage != "deliver" or letter.truncated:
                continue
            if wanted.get(key) == letter.source:
                yield key, letter.value

    def _outbox(self, wanted: Mapping[bytes, Position]) -> Iterator[tuple[bytes, bytes | None, Headers]]:
        topic = self._topics.conversion
        offsets: dict[int, set[int]] = {}
        for at in wanted.values():
            if at.topic == topic:
                offsets.setdefault(at.partition, set()).add(at.offset)
        spans = self._reader.spans(topic) if offsets else {}
        for number, mine in sorted(offsets.items()):
            span = spans.get(number, Span(0, 0))
            piece = Span(max(span.start, min(mine)), min(span.end, max(mine) + 1))
            self._progress(f"{topic} [{number}]")
            for record in self._reader.read({TopicPartition(topic, number): piece}):
                key = record.key
                if key is not None and wanted.get(key) == Position(topic, number, record.offset):
                    yield key, record.value, record.headers
