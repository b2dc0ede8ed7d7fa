"""The conversions behind receipts: in the outbox, put off, or with a dead letter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from consumer.delivery.sent import TOO_OLD
from consumer.errors import Undecodable
from consumer.events import DeadLetter, Position
from consumer.inspect.progress import Progress, read_pieces
from consumer.inspect.topic_reader import Span, TopicReader
from consumer.settings import Topics
from consumer.stream.avro import DeadLetterDecoder
from consumer.stream.framing import Headers
from consumer.stream.schemas import Schemas


class Originals:
    """Finds conversions by where they stood.

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

    def of(self, wanted: Mapping[Position, str]) -> Iterator[tuple[Position, bytes | None, Headers]]:
        """Yield the values of conversions that are still there, each once, with their headers.

        Args:
            wanted: where they stood, with the reason of their receipts. Those with a dead letter are looked for there
                first: it keeps them when they came from elsewhere, and is quicker read than the outbox.
        """
        left = dict(wanted)
        for at, value in self._put_aside({at for at, reason in wanted.items() if reason == TOO_OLD}):
            if at in left:
                del left[at]
                yield at, value, ()
        yield from self._outbox(set(left))

    def replayed(self, wanted: Mapping[Position, str]) -> set[Position]:
        """Return those of which the dead letter was replayed: deliver will send them, or refuse them anew."""
        sources = {at for at, reason in wanted.items() if reason == TOO_OLD}
        letters: dict[Position, Position] = {}
        replayed: set[Position] = set()
        for at, letter in self._letters() if sources else ():
            if letter.stage == "replay":
                replayed.add(letter.source)
            elif letter.stage == "deliver" and letter.source in sources:
                letters[at] = letter.source
        return {source for at, source in letters.items() if at in replayed}

    def _put_aside(self, wanted: set[Position]) -> Iterator[tuple[Position, bytes | None]]:
        for _, letter in self._letters() if wanted else ():
            if letter.stage == "deliver" and letter.source in wanted and not letter.truncated:
                yield letter.source, letter.value

    def _letters(self) -> Iterator[tuple[Position, DeadLetter]]:
        topic = self._topics.dead_letter
        for record in read_pieces(self._reader, topic, self._reader.spans(topic), self._progress):
            try:
                letter = self._dead_letter(record.value, record.headers)
            except Undecodable:
                continue  # no letter of ours, so none of an order that waits; `audit` counts them
            yield Position(record.topic, record.partition, record.offset), letter

    def _outbox(self, wanted: set[Position]) -> Iterator[tuple[Position, bytes | None, Headers]]:
        for topic in (self._topics.conversion, self._topics.deferred):
            offsets: dict[int, set[int]] = {}
            for at in wanted:
                if at.topic == topic:
                    offsets.setdefault(at.partition, set()).add(at.offset)
            spans = self._reader.spans(topic) if offsets else {}
            pieces = {number: _around(mine, spans[number]) for number, mine in offsets.items() if number in spans}
            for record in read_pieces(self._reader, topic, pieces, self._progress):
                if record.offset in offsets[record.partition]:
                    yield Position(topic, record.partition, record.offset), record.value, record.headers


def _around(offsets: set[int], span: Span) -> Span:
    """Return the piece of a span that these offsets are in."""
    return Span(max(span.start, min(offsets)), min(span.end, max(offsets) + 1))
