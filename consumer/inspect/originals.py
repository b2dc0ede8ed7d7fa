"""The conversions behind receipts: in the outbox, put off, or with a dead letter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from consumer.delivery.sent import TOO_OLD
from consumer.errors import Undecodable
from consumer.events import DeadLetter, Position, Receipt
from consumer.inspect.progress import Progress, read_pieces
from consumer.inspect.topic_reader import Span, TopicReader
from consumer.settings import Topics
from consumer.stream.avro import DeadLetterDecoder
from consumer.stream.framing import Headers
from consumer.stream.schemas import Schemas


class Originals:
    """Finds conversions by where they stood, and by whose they are.

    Args:
        reader: where to read.
        schemas: how dead letters are written.
        topics: their names.
        progress: told of the reading.
    """

    def __init__(self, reader: TopicReader, schemas: Schemas, topics: Topics, progress: Progress) -> None:
        self._reader = reader
        self._topics = topics
        self._dead_letter = DeadLetterDecoder(schemas)
        self._progress = progress

    def of(
        self, wanted: Mapping[bytes, Receipt], *, letters: bool = True
    ) -> Iterator[tuple[bytes, bytes | None, Headers]]:
        """Yield the conversions that are still there, each once: key, value and headers.

        Where an outbox was made anew, conversions of the old one and the new stood at the same place: they are told
        apart by their keys.

        Args:
            wanted: by key, the receipts that say where they stood.
            letters: look first for those with a dead letter among these: it keeps them when they came from elsewhere,
                and is quicker read than the outbox.
        """
        left = {key: receipt.source for key, receipt in wanted.items()}
        for key, value in self._put_aside(_too_old(wanted) if letters else {}):
            if left.pop(key, None) is not None:
                yield key, value, ()
        yield from self._outbox(left)

    def replayed(self, wanted: Mapping[bytes, Receipt]) -> set[bytes]:
        """Return those of which the dead letter was replayed: deliver will send them, or refuse them anew."""
        sources = _too_old(wanted)
        letters: dict[Position, bytes] = {}
        replayed: set[Position] = set()
        for at, letter in self._letters() if sources else ():
            if letter.stage == "replay":
                replayed.add(letter.source)
            elif letter.stage == "deliver" and letter.key is not None and sources.get(letter.key) == letter.source:
                letters[at] = letter.key
        return {key for at, key in letters.items() if at in replayed}

    def _put_aside(self, wanted: Mapping[bytes, Position]) -> Iterator[tuple[bytes, bytes | None]]:
        for _, letter in self._letters() if wanted else ():
            key = letter.key
            if key is None or letter.stage != "deliver" or letter.truncated:
                continue
            if wanted.get(key) == letter.source:
                yield key, letter.value

    def _letters(self) -> Iterator[tuple[Position, DeadLetter]]:
        topic = self._topics.dead_letter
        for record in read_pieces(self._reader, topic, self._reader.spans(topic), self._progress):
            try:
                letter = self._dead_letter(record.value, record.headers)
            except Undecodable:
                continue  # no letter of ours, so none of an order that waits; `audit` counts them
            yield Position(record.topic, record.partition, record.offset), letter

    def _outbox(self, wanted: Mapping[bytes, Position]) -> Iterator[tuple[bytes, bytes | None, Headers]]:
        for topic in (self._topics.conversion, self._topics.deferred):
            offsets: dict[int, set[int]] = {}
            for at in wanted.values():
                if at.topic == topic:
                    offsets.setdefault(at.partition, set()).add(at.offset)
            spans = self._reader.spans(topic) if offsets else {}
            pieces = {number: _around(mine, spans[number]) for number, mine in offsets.items() if number in spans}
            for record in read_pieces(self._reader, topic, pieces, self._progress):
                key = record.key
                if key is not None and wanted.get(key) == Position(topic, record.partition, record.offset):
                    yield key, record.value, record.headers


def _too_old(wanted: Mapping[bytes, Receipt]) -> dict[bytes, Position]:
    return {key: receipt.source for key, receipt in wanted.items() if receipt.reason == TOO_OLD}


def _around(offsets: set[int], span: Span) -> Span:
    """Return the piece of a span that these offsets are in."""
    return Span(max(span.start, min(offsets)), min(span.end, max(offsets) + 1))
