"""Promise 1 of the design, checked: every order record has exactly one state or ending, and the counts say the same.

What makes an answer about moving topics possible is the order of reading: positions first; then what was written for
records before them (dead letters, receipts, conversions); then the orders, their state, and the conversions that were
added meanwhile; positions again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from consumer.attribution.conversion import accept, fingerprint
from consumer.attribution.rules import Rulebook
from consumer.delivery import mark
from consumer.delivery.mark import Mark
from consumer.errors import Reject, Undecodable
from consumer.events import Position, outbox_key
from consumer.inspect.beginnings import first_record, ledger
from consumer.inspect.findings import Finding, Findings, OrderTotals, OutboxTotals, Report
from consumer.inspect.order_book import Kept, OrderBook, OrderState, Unsettled
from consumer.inspect.outbox_book import OutboxBook
from consumer.inspect.topic_reader import Span, TopicReader
from consumer.replay_header import replay_in
from consumer.settings import Topics
from consumer.stream.avro import ConversionDecoder, DeadLetterDecoder, OrderDecoder, ReceiptDecoder
from consumer.stream.log import Committed, Record, TopicPartition
from consumer.stream.schemas import Schemas

CLOCK_SLACK_MS = 600_000
"""By how much the clocks that set record times may differ."""
_NEVER_MS = 2**63 - 1


class Audit:
    """One audit of all partitions.

    Args:
        reader: where to read.
        schemas: how records are written.
        topics: their names.
        groups: the consumer groups of attribute and deliver.
        rulebook: which orders are reported, and to which programme; as the settings say now.
        progress: told what is being read.
    """

    def __init__(
        self,
        reader: TopicReader,
        schemas: Schemas,
        topics: Topics,
        groups: tuple[str, str],
        rulebook: Rulebook,
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._reader = reader
        self._topics = topics
        self._attribute_group, self._deliver_group = groups
        self._rulebook = rulebook
        self._progress = progress
        self._order = OrderDecoder(schemas)
        self._conversion = ConversionDecoder(schemas)
        self._receipt = ReceiptDecoder(schemas)
        self._dead_letter = DeadLetterDecoder(schemas)
        self._findings = Findings()
        self._notes: list[str] = []
        self._undecodable: Counter[str] = Counter()
        self._order_books: dict[int, OrderBook] = {}
        self._outbox_books: dict[int, OutboxBook] = {}
        self._converted_to: dict[int, int] = {}
        self._tried_again_to: Mapping[int, Committed] = {}

    def run(self) -> Report:
        """Read everything and say whether it adds up.

        Raises:
            KafkaError: the topics cannot be read.
            StateError: a newer release wrote state or positions.
        """
        topics = self._topics
        read_to = self._reader.committed(self._attribute_group, topics.order_completed)
        delivered_to = self._reader.committed(self._deliver_group, topics.conversion)
        self._tried_again_to = self._reader.committed(self._deliver_group, topics.deferred)
        self._open_books(read_to, delivered_to)
        kept = Kept(self._kept_since_ms(topics.conversion), self._kept_since_ms(topics.dead_letter))
        self._read_dead_letters()
        outbox = [self._outbox(number, kept.dead_letters_ms) for number in sorted(self._outbox_books)]
        orders_found = self._orders(read_to, kept)
        self._notes += [f"{count:,} records of {topic} cannot be decoded" for topic, count in self._undecodable.items()]
        return Report(
            ok=not self._findings.total,
            orders=tuple(orders_found),
            outbox=tuple(outbox),
            findings=tuple(self._findings.listed),
            findings_total=self._findings.total,
            notes=tuple(self._notes),
        )

    def _open_books(self, read_to: Mapping[int, Committed], delivered_to: Mapping[int, Committed]) -> None:
        topics = self._topics
        for number, span in self._reader.spans(topics.order_completed).items():
            first = self._first_order_offset(number)
            if first is not None and number in read_to:
                overlap = Span(max(span.start, first), read_to[number].offset)
                self._order_books[number] = OrderBook(topics.order_completed, number, overlap, self._findings)
                continue
            # State without a position may be that of a partition first worked on since; then it has one now.
            positions = (
                read_to if first is None else self._reader.committed(self._attribute_group, topics.order_completed)
            )
            if (first is None) == (number in positions):
                self._findings.add(_stateless(topics.order_completed, number, has_state=first is not None))
        for number in self._reader.spans(topics.conversion):
            committed = delivered_to.get(number, Committed(0, ""))
            left = self._mark(number, committed, self._tried_again_to.get(number))
            self._outbox_books[number] = OutboxBook(topics.conversion, number, committed.offset, left, self._findings)

    def _first_order_offset(self, number: int) -> int | None:
        """Return where the partition's orders began to be ours: any of its ledgers says it, and each commit has one."""
        topic = self._topics.orders
        found = ledger(self._reader, TopicPartition(topic, number), self._reader.spans(topic)[number])
        return None if found is None else found.first_order_offset

    def _mark(self, number: int, delivered_to: Committed, tried_again_to: Committed | None) -> Mark | None:
        """Return what deliver's two positions in the partitions of one number say together."""
        left = mark.load(delivered_to.metadata, f"{self._topics.conversion}[{number}]")
        if left is None or tried_again_to is None:
            return left
        again = mark.load(tried_again_to.metadata, f"{self._topics.deferred}[{number}]")
        return left if again is None else mark.added(left, again)

    def _read_dead_letters(self) -> None:
        topics = self._topics
        self._progress(topics.dead_letter)
        for record in self._reader.read(self._whole(topics.dead_letter)):
            try:
                letter = self._dead_letter(record.value, record.headers)
            except Undecodable:
                self._undecodable[record.topic] += 1
                continue
            source = letter.source
            if source.topic == topics.order_completed and source.partition in self._order_books:
                self._order_books[source.partition].ended("dead_letter", source, _position(record), letter.order_ref)
            elif source.topic == topics.conversion and source.partition in self._outbox_books:
                self._outbox_books[source.partition].refused(source.offset, letter.reason)

    def _outbox(self, number: int, letters_since_ms: int) -> OutboxTotals:
        """Judge one partition of the outbox and forget its receipts: those of one alone are in memory at a time."""
        topics = self._topics
        book = self._outbox_books.pop(number)
        self._progress(f"{topics.receipt} [{number}]")
        receipts = self._reader.spans(topics.receipt)[number]
        for record in self._reader.read({TopicPartition(topics.receipt, number): receipts}):
            if record.key is not None:
                value = record.value
                book.receipt(record.key, None if value is None else self._receipt(value, record.headers))
        self._put_off(number, book)
        self._progress(f"{topics.conversion} [{number}]")
        conversions = self._reader.spans(topics.conversion)[number]
        self._converted_to[number] = conversions.end
        for record in self._reader.read({TopicPartition(topics.conversion, number): conversions}):
            is_older = record.timestamp_ms < letters_since_ms
            key = record.key or b""
            book.conversion(record.offset, key, _replayed_by(record), letter_may_have_expired=is_older)
            self._converted(record)
        after = self._reader.committed(self._deliver_group, topics.conversion).get(number)
        again = self._reader.committed(self._deliver_group, topics.deferred).get(number)
        return book.close(
            None if after is None else self._mark(number, after, again),
            receipts_whole=not receipts.start,
            dead_letters_whole=not letters_since_ms,
            conversions_whole=not conversions.start,
        )

    def _put_off(self, number: int, book: OutboxBook) -> None:
        """Read which conversions are there to be tried again, from where delivery stood before anything was read."""
        topic = self._topics.deferred
        self._progress(f"{topic} [{number}]")
        span = self._reader.spans(topic).get(number, Span(0, 0))
        start = self._tried_again_to[number].offset if number in self._tried_again_to else span.start
        for record in self._reader.read({TopicPartition(topic, number): Span(max(span.start, start), span.end)}):
            book.put_off(record.key or b"")

    def _converted(self, record: Record) -> None:
        """Note the order record that a conversion ends; deliver makes a dead letter of what cannot be decoded."""
        try:
            conversion = self._conversion(record.value, record.headers)
        except Undecodable:
            self._undecodable[record.topic] += 1
            return
        source = conversion.source
        if source.topic == self._topics.order_completed and source.partition in self._order_books:
            book = self._order_books[source.partition]
            is_replay = replay_in(record.headers) is not None
            book.ended("conversion", source, _position(record), conversion.order_ref, is_replay=is_replay)

    def _orders(self, read_to: Mapping[int, Committed], kept: Kept) -> list[OrderTotals]:
        topics = self._topics
        books = self._order_books
        for number, book in books.items():
            self._progress(f"{topics.order_completed} [{number}]")
            self._read_orders(TopicPartition(topics.order_completed, number), book, kept)
        states = {number: self._state(number, book) for number, book in books.items()}
        self._progress(f"{topics.conversion}, what was added meanwhile")
        added = {
            TopicPartition(topics.conversion, number): Span(self._converted_to[number], span.end)
            for number, span in self._reader.spans(topics.conversion).items()
        }
        for record in self._reader.read(added):
            self._converted(record)
        read_to_now = self._reader.committed(self._attribute_group, topics.order_completed)
        closed = [
            book.close(states[number], kept, resting=read_to[number] == read_to_now.get(number))
            for number, book in books.items()
        ]
        return [totals for totals in closed if totals is not None]

    def _read_orders(self, at: TopicPartition, book: OrderBook, kept: Kept) -> None:
        """Take the order records, and keep those without an ending, unless theirs may have expired."""
        for record in self._reader.read({at: book.overlap}):
            if not book.record(record.offset, _replayed_by(record)) and record.timestamp_ms >= kept.conversions_ms:
                book.unsettled(self._unsettled(record))

    def _unsettled(self, record: Record) -> Unsettled:
        try:
            order = self._order(record.value, record.headers)
        except Undecodable:
            return Unsettled(record.offset, record.timestamp_ms, None, None, b"", 0)
        try:
            rules = accept(order, self._rulebook)
        except Reject:
            key, said, excluded = None, b"", False
        else:
            key = None if rules is None else outbox_key(rules.advertiser_id, order.order_ref)
            said, excluded = b"" if rules is None else fingerprint(order), rules is None
        return Unsettled(
            record.offset,
            record.timestamp_ms,
            key,
            order.order_ref,
            said,
            order.completed_at_ms,
            excluded=excluded,
        )

    def _state(self, number: int, book: OrderBook) -> OrderState:
        topic = self._topics.orders
        self._progress(f"{topic} [{number}]")
        state = OrderState(book.wanted())
        for record in self._reader.read({TopicPartition(topic, number): self._reader.spans(topic)[number]}):
            state.take(record)
        return state

    def _kept_since_ms(self, topic: str) -> int:
        """Return the record time from which on a topic has everything; 0 when nothing of it has expired."""
        since_ms = 0
        for at, span in self._whole(topic).items():
            if span.start:
                first = first_record(self._reader, at, span)
                since_ms = max(since_ms, _NEVER_MS if first is None else first.timestamp_ms + CLOCK_SLACK_MS)
        if since_ms:
            self._notes.append(f"{topic} has expired in part: orders from before what it still holds are not judged")
        return since_ms

    def _whole(self, topic: str) -> dict[TopicPartition, Span]:
        return {TopicPartition(topic, number): span for number, span in self._reader.spans(topic).items()}


def _stateless(topic: str, number: int, *, has_state: bool) -> Finding:
    detail = (
        "there is state, but the group has no committed offset"
        if has_state
        else "the group has a committed offset, but there is no state"
    )
    return Finding(what="no_state", topic=topic, partition=number, detail=detail)


def _replayed_by(record: Record) -> int | None:
    """Return the offset of the record of the same partition that this one replays, if it does."""
    replay = replay_in(record.headers)
    if replay is None or (replay.source.topic, replay.source.partition) != (record.topic, record.partition):
        return None
    return replay.source.offset


def _position(record: Record) -> Position:
    return Position(record.topic, record.partition, record.offset)
