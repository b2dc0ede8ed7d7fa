"""What was sent in a time, for the day on which wrong values went out: receipts, with the conversions behind them.

In memory are the receipts of one partition at a time: half a kilobyte each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal

from msgspec import Struct

from consumer import money
from consumer.errors import Undecodable
from consumer.events import Conversion, Receipt
from consumer.inspect.newest import Newest
from consumer.inspect.originals import Originals
from consumer.inspect.progress import Progress, Unseen, read_piece
from consumer.inspect.receipts import receipt_in
from consumer.inspect.topic_reader import Span, TopicReader
from consumer.settings import Topics
from consumer.stream.avro import ConversionDecoder, ReceiptDecoder
from consumer.stream.log import TopicPartition
from consumer.stream.schemas import Schemas

CLOCK_SLACK_MS = 600_000
"""By how much the clocks that set record times may differ."""


class Wanted(Struct, frozen=True, kw_only=True):
    """Which receipts; empty: any."""

    from_ms: int
    """Finished then or later."""
    to_ms: int | None = None
    """Finished before."""
    programmes: frozenset[str] = frozenset()
    endings: frozenset[str] = frozenset()

    def takes(self, receipt: Receipt) -> bool:
        """Say whether a receipt is asked for."""
        return (
            receipt.finished_at_ms >= self.from_ms
            and (self.to_ms is None or receipt.finished_at_ms < self.to_ms)
            and (not self.programmes or receipt.programme in self.programmes)
            and (not self.endings or receipt.ending in self.endings)
        )


class Sent(Struct, frozen=True, kw_only=True):
    """What became of an order, and what was said of it. Holds click checksums, which are personal data."""

    receipt: Receipt
    conversion: Conversion | None
    """``None``: it has expired, or cannot be read."""


class Total(Struct, frozen=True, kw_only=True):
    """The orders of one programme with one ending, in one currency."""

    programme: str
    ending: str
    currency: str
    """Empty where the conversions have expired."""
    orders: int
    amount: Decimal


class SentReport(Struct, frozen=True, kw_only=True):
    """The receipts that were asked for."""

    receipts: int
    without_conversion: int
    """Of these, how many have lost theirs: its values are not known any more."""
    totals: tuple[Total, ...]
    newest: tuple[Sent, ...]
    """The latest first."""


class SentList:
    """Lists what was sent.

    Args:
        reader: where to read.
        schemas: how our records are written.
        topics: their names.
        progress: told of the reading.
    """

    def __init__(self, reader: TopicReader, schemas: Schemas, topics: Topics, progress: Progress | None = None) -> None:
        self._reader = reader
        self._topics = topics
        self._progress = progress or Unseen()
        self._originals = Originals(reader, schemas, topics, self._progress)
        self._read_receipt = ReceiptDecoder(schemas)
        self._read_conversion = ConversionDecoder(schemas)

    def run(self, wanted: Wanted, *, most: int, on_sent: Callable[[Sent], object] = lambda _: None) -> SentReport:
        """Go through all receipts that are asked for, in no particular order.

        Args:
            wanted: which.
            most: how many the report names.
            on_sent: given every one.

        Raises:
            KafkaError: the topics cannot be read, or a receipt in them.
        """
        tally = _Tally(most)
        topic = self._topics.receipt
        # Later ones, too, since the newest of an order holds.
        starts = self._reader.offsets_at(topic, max(0, wanted.from_ms - CLOCK_SLACK_MS))
        spans = {number: Span(starts[number], span.end) for number, span in self._reader.spans(topic).items()}
        self._progress.expect(sum(span.size for span in spans.values()))
        for number, span in sorted(spans.items()):
            for sent in self._joined(self._asked_for(TopicPartition(topic, number), span, wanted)):
                tally.take(sent)
                on_sent(sent)
        return tally.report()

    def _asked_for(self, at: TopicPartition, span: Span, wanted: Wanted) -> dict[bytes, Receipt]:
        """Return the newest receipts of a partition that are asked for, by key."""
        newest: dict[bytes, Receipt] = {}
        for record in read_piece(self._reader, at, span, self._progress):
            key = record.key or b""
            newest.pop(key, None)
            receipt = receipt_in(record, self._read_receipt)
            if receipt is not None and wanted.takes(receipt):
                newest[key] = receipt
        return newest

    def _joined(self, receipts: dict[bytes, Receipt]) -> Iterator[Sent]:
        # The outbox has those with a dead letter, too, and for longer.
        for key, value, headers in self._originals.of(receipts, letters=False):
            try:
                conversion = self._read_conversion(value, headers)
            except Undecodable:
                continue
            yield Sent(receipt=receipts.pop(key), conversion=conversion)
        for receipt in receipts.values():
            yield Sent(receipt=receipt, conversion=None)


class _Tally:
    """Counts what was sent and keeps the newest."""

    def __init__(self, most: int) -> None:
        self._orders: Counter[tuple[str, str, str]] = Counter()
        self._amounts: dict[tuple[str, str, str], Decimal] = {}
        self._without_conversion = 0
        self._newest: Newest[Sent] = Newest(most)

    def take(self, sent: Sent) -> None:
        """Take one more."""
        receipt, conversion = sent.receipt, sent.conversion
        self._without_conversion += conversion is None
        key = receipt.programme, receipt.ending, "" if conversion is None else conversion.currency
        self._orders[key] += 1
        amount = Decimal(0) if conversion is None else conversion.amount
        self._amounts[key] = money.plus(self._amounts.get(key, Decimal(0)), amount)
        self._newest.take(receipt.finished_at_ms, sent)

    def report(self) -> SentReport:
        """Return the report."""
        return SentReport(
            receipts=self._orders.total(),
            without_conversion=self._without_conversion,
            totals=tuple(self._total(key) for key in sorted(self._orders)),
            newest=self._newest.latest_first(),
        )

    def _total(self, key: tuple[str, str, str]) -> Total:
        programme, ending, currency = key
        return Total(
            programme=programme,
            ending=ending,
            currency=currency,
            orders=self._orders[key],
            amount=self._amounts[key],
        )
