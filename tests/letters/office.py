"""Topics on an in-memory log with dead letters of both stages, and those who look at them."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from consumer import dead_letter
from consumer.errors import Reject
from consumer.events import DeadLetter, OrderCompleted, Position
from consumer.inspect.progress import Unseen
from consumer.letters.asked import Asked
from consumer.letters.book import LetterBook
from consumer.letters.judgement import Decisions, Limits
from consumer.letters.replay import Batch, Judged, Replays
from consumer.letters.single import Letters
from consumer.replay_header import replay_in
from consumer.settings import Topics
from consumer.stream.avro import DeadLetterDecoder, OrderEncoder
from consumer.stream.log import LoneWriter, Record
from consumer.stream.memory import MemoryTransaction
from tests.delivery.conversions import T0_MS, codecs, schemas
from tests.export.memory_folder import Dying
from tests.export.shop import HOUR_MS, NAMES, PARTITIONS, WRITER, DyingWriter, Shop
from tests.inspect.log_reader import LogReader

EVERYTHING = Asked()
LETTER_PARTITIONS = 2
TRACE = ("trace", b"t-1")


def order(order_ref: str, at_ms: int = T0_MS) -> OrderCompleted:
    """Return an order without a visitor."""
    return OrderCompleted(order_id="o", order_ref=order_ref, completed_at_ms=at_ms, currency="EUR", subtotal=Decimal(1))


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
        record = self.log.produce(
            self.names.order_completed,
            order_ref.encode(),
            OrderEncoder(schemas())(order(order_ref)) if value is None else value,
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

    def replays(
        self,
        asked: Asked = EVERYTHING,
        decisions: Decisions | None = None,
        *,
        dying: Dying | None = None,
        records: int = 3,
        value_bytes: int = 1 << 20,
        max_record_bytes: int = 1_000_000,
    ) -> Replays:
        """Return what replays these letters. One that dies leaves its transaction as it is."""

        def open_writer() -> LoneWriter:
            writer = MemoryTransaction(self.log, WRITER, max_record_bytes=max_record_bytes)
            return writer if dying is None else DyingWriter(writer, dying)

        reader = LogReader(self.log)
        if dying is not None:
            reader.before_reading = dying.step
        return Replays(
            reader,
            open_writer,
            schemas(),
            self.names,
            asked,
            decisions or Decisions(),
            Limits(max_age_ms=24 * HOUR_MS, max_order_delay_ms=7 * 24 * HOUR_MS),
            now_ms=lambda: self.now_ms,
            batch=Batch(records=records, value_bytes=value_bytes),
        )

    def replay(
        self, asked: Asked = EVERYTHING, decisions: Decisions | None = None, *, dying: Dying | None = None
    ) -> Judged:
        """Replay these letters."""
        replays = self.replays(asked, decisions, dying=dying)
        replays.plan()
        return replays.run()

    def replayed(self) -> dict[Position, list[Record]]:
        """Return what was appended again, by where the letter stands."""
        names = (self.names.order_completed, self.names.session_landed, self.names.conversion)
        found: dict[Position, list[Record]] = {}
        for record in (each for at in self.log.partitions(*names) for each in self.log.records(*at)):
            replay = replay_in(record.headers)
            if replay is not None:
                found.setdefault(replay.letter, []).append(record)
        return found

    def noted(self) -> Counter[Position]:
        """Return how many notes say of a letter that it was replayed."""
        return Counter(letter.source for letter in self.letters().values() if letter.stage == "replay")

    def single(self) -> Letters:
        """Return what looks up single letters."""
        return Letters(LogReader(self.log), schemas(), self.names, Unseen())

    def book(self, asked: Asked = EVERYTHING) -> LetterBook:
        """Return the book of these letters, read."""
        book = LetterBook(LogReader(self.log), schemas(), self.names.dead_letter, asked, Unseen())
        book.read()
        return book
