"""One dead letter in full, with its record. Holds personal data: it is for whoever asks for exactly this letter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from msgspec import Struct

from consumer import dead_letter
from consumer.errors import Undecodable, Unfound
from consumer.events import Conversion, DeadLetter, OrderCompleted, Position, Receipt, SessionLanded
from consumer.inspect.progress import Progress
from consumer.inspect.receipts import NewestReceipts
from consumer.inspect.topic_reader import TopicReader
from consumer.letters.asked import Asked
from consumer.letters.book import Fate, LetterBook, order_key
from consumer.letters.reasons import Advice, advice
from consumer.settings import Topics
from consumer.stream.avro import ConversionDecoder, DeadLetterDecoder, OrderDecoder, SessionDecoder
from consumer.stream.decoder import Decoder
from consumer.stream.log import TopicPartition
from consumer.stream.schemas import Schemas

Decoded: TypeAlias = SessionLanded | OrderCompleted | Conversion


class Content(Struct, frozen=True, kw_only=True):
    """The record that was refused. Bytes are escaped, so that they can be looked at."""

    key: str | None
    headers: tuple[tuple[str, str | None], ...]
    size: int
    """Of the value, as far as the letter has it."""
    sha256: str
    """Of the whole value."""
    decoded: Decoded | None
    value: str | None
    """Where it cannot be decoded."""
    why_not: str
    """Why it cannot be decoded; empty if it can, or has no value."""


class Single(Struct, frozen=True, kw_only=True):
    """A letter and everything about it."""

    at: Position
    stage: str
    reason: str
    field: str
    message: str
    advice: Advice
    source: Position
    """Where the refused record stood."""
    timestamp_ms: int
    """Of the refused record."""
    failed_at_ms: int
    programme: str | None
    order_ref: str | None
    truncated: bool
    replayed: Fate | None
    receipt: Receipt | None
    """The newest of the order."""
    others: tuple[Position, ...]
    """Further letters about the order that was asked for, the newest first."""
    record: Content


class Letters:
    """Looks up single letters.

    Args:
        reader: where to read.
        schemas: how records are written.
        topics: their names.
        progress: told of the reading.
    """

    def __init__(self, reader: TopicReader, schemas: Schemas, topics: Topics, progress: Progress) -> None:
        self._reader = reader
        self._schemas = schemas
        self._topics = topics
        self._progress = progress

    def at(self, place: Position) -> tuple[Single, DeadLetter]:
        """Return the letter at a place, and as it is written.

        Raises:
            Unfound: there is none.
            KafkaError: the topics cannot be read.
        """
        letter = self._letter(place)
        # No letter is asked for, only what became of this one.
        book = self._book(Asked())
        book.catch_up()
        return self._single(place, letter, book, ()), letter

    def about(self, order_ref: str) -> tuple[Single, DeadLetter]:
        """Return the newest letter about an order, and as it is written.

        Raises:
            Unfound: there is none.
            KafkaError: the topics cannot be read.
        """
        book = self._book(Asked(order_ref=order_ref))
        book.read()
        newest = sorted(book.letters.values(), key=lambda each: (-each.failed_at_ms, each.at))
        if not newest:
            raise Unfound(f"there is no dead letter about an order {order_ref}; `awin-consumer explain` looks further")
        place, *others = (each.at for each in newest)
        letter = self._letter(place)
        return self._single(place, letter, book, tuple(others)), letter

    def _book(self, asked: Asked) -> LetterBook:
        return LetterBook(self._reader, self._schemas, self._topics.dead_letter, asked, self._progress)

    def _letter(self, place: Position) -> DeadLetter:
        written = f"{place.topic}[{place.partition}]@{place.offset}"
        if place.partition not in self._reader.spans(place.topic):
            raise Unfound(f"{written}: there is no such partition")
        for record in self._reader.pick(TopicPartition(place.topic, place.partition), (place.offset,)):
            try:
                letter = DeadLetterDecoder(self._schemas)(record.value, record.headers)
            except Undecodable as error:
                raise Unfound(f"{written} is no dead letter that this release can read: {error.message}") from error
            if letter.stage == "replay":
                raise Unfound(f"{written} is no dead letter, but the note that one was replayed. {letter.message}")
            return letter
        raise Unfound(f"there is no dead letter at {written}; it may have expired (topics.dead_letter_retention)")

    def _single(self, at: Position, letter: DeadLetter, book: LetterBook, others: tuple[Position, ...]) -> Single:
        return Single(
            at=at,
            stage=letter.stage,
            reason=letter.reason,
            field=letter.field,
            message=letter.message,
            advice=advice(letter.stage, letter.reason),
            source=letter.source,
            timestamp_ms=letter.timestamp_ms,
            failed_at_ms=letter.failed_at_ms,
            programme=letter.programme,
            order_ref=letter.order_ref,
            truncated=letter.truncated,
            replayed=book.fate(at),
            receipt=self._receipt(letter),
            others=others,
            record=self._content(letter),
        )

    def _receipt(self, letter: DeadLetter) -> Receipt | None:
        key = order_key(letter)
        keys = () if key is None else (key,)
        receipts = NewestReceipts(self._reader, self._schemas, self._topics.receipt, keys, self._progress)
        receipts.read()
        return receipts.of(key)

    def _content(self, letter: DeadLetter) -> Content:
        decoded, why_not = self._decoded(letter)
        value = letter.value
        return Content(
            key=_escaped(letter.key),
            headers=tuple((each.name, _escaped(each.value)) for each in letter.headers),
            size=len(value or b""),
            sha256=letter.value_sha256.hex(),
            decoded=decoded,
            value=_escaped(value) if decoded is None else None,
            why_not=why_not,
        )

    def _decoded(self, letter: DeadLetter) -> tuple[Decoded | None, str]:
        """Return a letter's record decoded, or why that cannot be."""
        decoders: dict[str, Callable[[Schemas], Decoder[Any]]] = {
            self._topics.session_landed: SessionDecoder,
            self._topics.order_completed: OrderDecoder,
            self._topics.conversion: ConversionDecoder,
            self._topics.deferred: ConversionDecoder,
        }
        record = dead_letter.original(letter)
        decoder = decoders.get(record.topic)
        if record.value is None:
            return None, ""
        if decoder is None:
            return None, f"{record.topic} is none of our topics"
        try:
            return decoder(self._schemas)(record.value, record.headers), ""
        except Undecodable as error:
            return None, error.message


def _escaped(content: bytes | None) -> str | None:
    """Return bytes as a text in which everything but printable ASCII is escaped, as in Python."""
    return None if content is None else content.decode("latin-1").encode("unicode_escape").decode("ascii")
