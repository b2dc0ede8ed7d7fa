"""What the dead-letter topic holds: letters without their records' bytes, and which were replayed."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from consumer import dead_letter
from consumer.errors import Undecodable
from consumer.events import DeadLetter, Position, outbox_key
from consumer.inspect.progress import Progress, read_pieces
from consumer.inspect.topic_reader import Span, TopicReader
from consumer.letters.asked import Asked
from consumer.replay_header import replay_in
from consumer.stream.avro import DeadLetterDecoder
from consumer.stream.log import Record
from consumer.stream.schemas import Schemas


class Letter(Struct, frozen=True, kw_only=True, gc=False):
    """A dead letter without what is personal of its record."""

    at: Position
    stage: str
    reason: str
    field: str
    source: Position
    timestamp_ms: int
    """Of the refused record."""
    failed_at_ms: int
    programme: str | None
    order_ref: str | None
    order_key: bytes | None
    """The key that conversions and receipts of its order have, as far as the letter knows it."""
    truncated: bool


class Fate(Struct, frozen=True, kw_only=True):
    """What became of a letter."""

    replayed_at_ms: int
    """The last time."""
    again: Position | None
    """The letter that the replayed record has become since, if it has."""


class LetterBook:
    """Takes the dead letters that are asked for, and the notes of replays.

    In memory is some half a kilobyte a letter.

    Args:
        reader: where to read.
        schemas: how dead letters are written.
        topic: their topic.
        asked: which are asked for.
        progress: told of the reading.
    """

    def __init__(self, reader: TopicReader, schemas: Schemas, topic: str, asked: Asked, progress: Progress) -> None:
        self.letters: dict[Position, Letter] = {}
        """Those asked for, by where they stand; each partition's in order."""
        self.unreadable = 0
        """Records that are no dead letters of ours."""
        self._reader = reader
        self._decode = DeadLetterDecoder(schemas)
        self._topic = topic
        self._asked = asked
        self._progress = progress
        self._read_to: dict[int, int] = {}
        self._replayed: dict[Position, int] = {}
        self._again: dict[Position, Position] = {}

    def read(self) -> None:
        """Take everything that is there now.

        Raises:
            KafkaError: the topic cannot be read.
        """
        for record in self._new():
            letter, at = self._take(record)
            if letter is not None and self._asked.takes(letter):
                self.letters[at] = _summary(letter, at)

    def catch_up(self) -> None:
        """Take what became of letters since then, and no further letters.

        Raises:
            KafkaError: the topic cannot be read.
        """
        for record in self._new():
            self._take(record)

    def fate(self, at: Position) -> Fate | None:
        """Return what became of the letter at a place; ``None``: it was not replayed."""
        replayed_at_ms = self._replayed.get(at)
        return None if replayed_at_ms is None else Fate(replayed_at_ms=replayed_at_ms, again=self._again.get(at))

    def _new(self) -> Iterator[Record]:
        spans = {
            number: Span(max(span.start, self._read_to.get(number, 0)), span.end)
            for number, span in self._reader.spans(self._topic).items()
        }
        yield from read_pieces(self._reader, self._topic, spans, self._progress)
        self._read_to = {number: span.end for number, span in spans.items()}

    def _take(self, record: Record) -> tuple[DeadLetter | None, Position]:
        """Note what a record says of replays; return the letter that it is, if it is one, and where it stands."""
        at = Position(record.topic, record.partition, record.offset)
        try:
            letter = self._decode(record.value, record.headers)
        except Undecodable:
            self.unreadable += 1
            return None, at
        if letter.stage == "replay":
            self._replayed[letter.source] = letter.failed_at_ms
            return None, at
        replay = replay_in(dead_letter.original(letter).headers)
        if replay is not None:
            self._again[replay.letter] = at
        return letter, at


def order_key(letter: DeadLetter) -> bytes | None:
    """Return the key that conversions and receipts of a letter's order have, as far as the letter knows it."""
    if letter.programme is not None and letter.order_ref is not None:
        return outbox_key(letter.programme, letter.order_ref)
    return letter.key if letter.stage == "deliver" else None


def _summary(letter: DeadLetter, at: Position) -> Letter:
    return Letter(
        at=at,
        stage=letter.stage,
        reason=letter.reason,
        field=letter.field,
        source=letter.source,
        timestamp_ms=letter.timestamp_ms,
        failed_at_ms=letter.failed_at_ms,
        programme=letter.programme,
        order_ref=letter.order_ref,
        order_key=order_key(letter),
        truncated=letter.truncated,
    )
