"""Topics on an in-memory log with dead letters of both stages, and those who look at them."""

from __future__ import annotations

from decimal import Decimal

from consumer import dead_letter
from consumer.errors import Reject
from consumer.events import DeadLetter, OrderCompleted, Position
from consumer.inspect.progress import Unseen
from consumer.letters.asked import Asked
from consumer.letters.book import LetterBook
from consumer.settings import Topics
from consumer.stream.avro import DeadLetterDecoder, OrderEncoder
from consumer.stream.log import Record
from tests.delivery.conversions import T0_MS, codecs, schemas
from tests.export.shop import NAMES, PARTITIONS, Shop
from tests.inspect.log_reader import LogReader

EVERYTHING = Asked()
LETTER_PARTITIONS = 2
TRACE = ("trace", b"t-1")


class Office(Shop):
    """A shop whose input topics are there, too."""

    def __init__(self, names: Topics = NAMES) -> None:
        super().__init__(names)
        self.log.create(names.order_completed, PARTITIONS)
        self.log.create(names.session_landed, PARTITIONS)
        self.log.create(names.dead_letter, LETTER_PARTITIONS)

    def refuse_order(
        self,
        order_ref: str,
        reason: str = "no_programme",
        *,
        value: bytes | None = None,
        programme: str | None = "1001",
        cut: bool = False,
    ) -> Record:
        """Append an order record, and attribute's dead letter about it; return the record."""
        order = OrderCompleted(
            order_id="o", order_ref=order_ref, completed_at_ms=T0_MS, currency="EUR", subtotal=Decimal(1)
        )
        record = self.log.produce(
            self.names.order_completed,
            order_ref.encode(),
            OrderEncoder(schemas())(order) if value is None else value,
            timestamp_ms=T0_MS + 5,
            headers=[TRACE],
        )
        self.letter_about(record, reason, programme=programme, order_ref=order_ref if value is None else None, cut=cut)
        return record

    def letter_about(
        self, record: Record, reason: str, *, programme: str | None, order_ref: str | None, cut: bool = False
    ) -> Record:
        """Append attribute's dead letter about a record."""
        letter = dead_letter.of_record(
            "attribute",
            record,
            Reject(reason, "", "see above"),
            programme=programme,
            order_ref=order_ref,
            now_ms=self.now_ms,
        )
        written = codecs().write_dead_letter(dead_letter.cut(letter, 20) if cut else letter)
        return self.log.produce(self.names.dead_letter, record.key, written)

    def letters(self) -> dict[Position, DeadLetter]:
        """Return everything on the dead-letter topic, notes of replays included."""
        decode = DeadLetterDecoder(schemas())
        records = (each for at in self.log.partitions(self.names.dead_letter) for each in self.log.records(*at))
        return {Position(each.topic, each.partition, each.offset): decode(each.value) for each in records}

    def place_of(self, order_ref: str) -> Position:
        """Return where the first letter about an order stands."""
        return next(at for at, letter in self.letters().items() if letter.order_ref == order_ref)

    def note_replay(self, at: Position) -> None:
        """Append the note that a letter was replayed."""
        note = dead_letter.of_replay(self.letters()[at], at, self.now_ms)
        self.log.produce(self.names.dead_letter, b"", codecs().write_dead_letter(note), at.partition)

    def book(self, asked: Asked = EVERYTHING) -> LetterBook:
        """Return the book of these letters, read."""
        book = LetterBook(LogReader(self.log), schemas(), self.names.dead_letter, asked, Unseen())
        book.read()
        return book
