"""Reads history from the topics, has it decided again by other rules, and compares.

What makes an answer about moving topics possible is the order of reading: how far the stage has come; how long the
changelogs of its state are; then the conversions; and all else, partition by partition, after that. So an order that
was decided before has its conversion among those read, and one that was decided meanwhile is known to have been.

In memory is, of one partition at a time, who ordered and under which references; decisions and touches are on disk.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing

from msgspec import Struct

from consumer.attribute.partition import ROOM_BYTES
from consumer.attribution.rules import Rulebook
from consumer.errors import Undecodable
from consumer.events import OrderCompleted
from consumer.inspect.progress import Progress, Unseen, read_piece
from consumer.inspect.topic_reader import Span, TopicReader
from consumer.settings import Topics
from consumer.simulation import replay
from consumer.simulation.archive import Archive
from consumer.simulation.comparison import Comparison, Lookup
from consumer.simulation.decision import decided_by
from consumer.simulation.extent import Extent, Extents, Range
from consumer.simulation.report import Change, Kept, Report, Tally
from consumer.simulation.state import PartitionOrders
from consumer.state.store import KeyedStore
from consumer.stream.avro import ConversionDecoder, OrderDecoder, SessionDecoder
from consumer.stream.log import Record, TopicPartition
from consumer.stream.schemas import Schemas


class _Survey(Struct):
    """What a first reading of a partition's orders tells."""

    visitors: set[str]
    references: set[str]
    """Of the orders that have no conversion."""
    forgotten: set[str]
    """Those of the visitors whom the sessions ask to forget."""
    latest_ms: int = 0
    """When the last order of a visitor was completed."""


class Simulation:
    """One simulation of all partitions.

    Args:
        reader: where to read.
        schemas: how records are written.
        topics: their names, and what they take.
        group: the consumer group of the attribute stage.
        present: the rules as they are.
        other: those to decide by.
        store: an empty one, for what is too much for memory.
        progress: told how far it is.
    """

    def __init__(
        self,
        reader: TopicReader,
        schemas: Schemas,
        topics: Topics,
        group: str,
        *,
        present: Rulebook,
        other: Rulebook,
        store: KeyedStore,
        progress: Progress | None = None,
    ) -> None:
        self._reader = reader
        self._topics = topics
        self._group = group
        self._present = present
        self._other = other
        self._extents = Extents(reader, topics, present.shop, other.shop)
        self._archive = Archive(store)
        self._progress = progress or Unseen()
        self._session = SessionDecoder(schemas)
        self._order = OrderDecoder(schemas)
        self._conversion = ConversionDecoder(schemas)
        self._notes: list[str] = []

    def run(
        self, wanted: Range, *, listed: int = 1_000, on_change: Callable[[Change], None] = lambda _: None
    ) -> Report:
        """Decide the orders of a range again and say what would change.

        Raises:
            KafkaError: the topics cannot be read.
            StateError: a newer release wrote the state, or the disk is full.
        """
        topics, reader = self._topics, self._reader
        committed = reader.committed(self._group, topics.order_completed)
        seen_state = reader.spans(topics.orders)
        conversions = reader.spans(topics.conversion)
        extents, others = self._extents.of(wanted, committed)
        self._notes += [f"partition {number} of {topics.order_completed} was never worked on" for number in others]
        self._progress.expect(sum(span.size for span in conversions.values()))
        for extent in extents:
            self._progress.expect(2 * extent.orders.size + extent.sessions.size + seen_state[extent.number].size)
        self._archive_conversions(conversions, wanted)
        tally = Tally(listed, on_change)
        for extent in extents:
            self._simulate(extent, wanted, seen_state[extent.number], tally)
        return tally.report(*wanted, self._kept(), tuple(self._notes))

    def _archive_conversions(self, spans: Mapping[int, Span], wanted: Range) -> None:
        topic = self._topics.conversion
        unreadable = 0
        for number, span in sorted(spans.items()):
            for record in self._records(topic, number, span):
                try:
                    conversion = self._conversion(record.value, record.headers)
                except Undecodable:
                    unreadable += 1
                    continue
                source = conversion.source
                if wanted.holds(conversion.completed_at_ms) and source.topic == self._topics.order_completed:
                    self._archive.keep(source.partition, source.offset, decided_by(conversion))
        if unreadable:
            self._notes.append(f"{unreadable:,} records of {topic} cannot be decoded")

    def _simulate(self, extent: Extent, wanted: Range, seen_state: Span, tally: Tally) -> None:
        survey = self._survey(extent, wanted)
        state = self._read_state(extent, survey, seen_state)
        self._read_sessions(extent, survey)
        comparison = Comparison(
            extent,
            wanted,
            self._other,
            present=self._present.shop,
            archive=self._archive,
            forgotten=survey.forgotten,
            state=state,
            max_order_bytes=self._topics.max_message_bytes - ROOM_BYTES,
            tally=tally,
        )
        for record, order in self._orders(extent, wanted):
            if order is None:
                tally.leave_out("unreadable")
            else:
                comparison.take(record, order)
        self._archive.forget_touches()

    def _survey(self, extent: Extent, wanted: Range) -> _Survey:
        survey = _Survey(set(), set(), set())
        decided = Lookup(self._archive.decided(extent.number))
        for record, order in self._orders(extent, wanted):
            if order is None or order.completed_at_ms < extent.cut_over_ms:
                continue
            if decided.at(record.offset) is None:
                survey.references.add(order.order_ref)
            if order.visitor_id:
                survey.visitors.add(order.visitor_id)
                survey.latest_ms = max(survey.latest_ms, order.completed_at_ms)
        return survey

    def _read_state(self, extent: Extent, survey: _Survey, seen_state: Span) -> PartitionOrders:
        """Read what became of the orders without conversion, to the end, and then what came while that was read.

        Compaction may take a pending order away, also while it is read; but only when its link was written before.
        """
        state = PartitionOrders(survey.references, seen_state.end)
        if not survey.references:
            self._progress.advance(seen_state.size)
            return state
        read_to = 0
        for _ in range(2):
            span = self._reader.spans(self._topics.orders)[extent.number]
            for record in self._records(self._topics.orders, extent.number, Span(max(span.start, read_to), span.end)):
                state.take(record)
            read_to = span.end
        return state

    def _read_sessions(self, extent: Extent, survey: _Survey) -> None:
        """Keep the touches of all visitors who ordered, as far as any order can see.

        An order that was decided by force was so before the watermark had come that far.
        """
        if not survey.visitors:
            self._progress.advance(extent.sessions.size)
            return
        sessions = replay.Sessions(self._other.shop, self._session)
        # Beyond what the last order may see, since whoever is forgotten until it is read is forgotten for it.
        delay_ms = max(self._present.shop.max_order_delay_ms, self._other.shop.max_order_delay_ms)
        enough_ms = survey.latest_ms + self._other.shop.grace_ms + delay_ms
        with closing(self._records(self._topics.session_landed, extent.number, extent.sessions)) as records:
            for record in records:
                if sessions.watermark_ms >= enough_ms:
                    break
                left = sessions.take(record, survey.visitors)
                if left is None:
                    continue
                visitor, touch = left
                if touch is None:
                    survey.forgotten.add(visitor)
                else:
                    self._archive.add_touch(visitor, touch)

    def _orders(self, extent: Extent, wanted: Range) -> Iterator[tuple[Record, OrderCompleted | None]]:
        """Yield the order records of the range; ``None`` for one that cannot be decoded: its own time says whether."""
        for record in self._records(self._topics.order_completed, extent.number, extent.orders):
            try:
                order = self._order(record.value, record.headers)
            except Undecodable:
                if wanted.holds(record.timestamp_ms):
                    yield record, None
            else:
                if wanted.holds(order.completed_at_ms):
                    yield record, order

    def _records(self, topic: str, number: int, span: Span) -> Generator[Record, None, None]:
        """Read a piece, and say how far it is."""
        return read_piece(self._reader, TopicPartition(topic, number), span, self._progress)

    def _kept(self) -> tuple[Kept, ...]:
        topics = self._topics
        return tuple(
            Kept(topic, self._since_ms(topic))
            for topic in (topics.order_completed, topics.session_landed, topics.conversion)
        )

    def _since_ms(self, topic: str) -> int | None:
        """Return the record time from which a topic has everything; ``None``: nothing has been deleted."""
        spans = self._reader.spans(topic).items()
        since = (self._extents.since_ms(TopicPartition(topic, number), span) for number, span in spans)
        return max((each for each in since if each is not None), default=None)
