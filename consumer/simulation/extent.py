"""How far the topics reach: which orders are decided again, what is read for it, and what is not there any more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from msgspec import Struct

from consumer.attribution.rules import Rules
from consumer.inspect.beginnings import first_record, ledger
from consumer.inspect.topic_reader import Span, TopicReader
from consumer.settings import Topics
from consumer.state.orders import Ledger
from consumer.stream.log import Committed, TopicPartition

CLOCK_SLACK_MS = 600_000
"""By how much the clocks that set record times may differ."""
_NEVER_MS = 2**63 - 1


class Range(NamedTuple):
    """Which orders are decided again, by their time of completion."""

    from_ms: int
    to_ms: int | None

    def holds(self, at_ms: int) -> bool:
        """Whether an order of this time is in it."""
        return self.from_ms <= at_ms and (self.to_ms is None or at_ms < self.to_ms)


class Lost(NamedTuple):
    """Sessions that were there for the stage and are not there any more."""

    before_offset: int
    before_ms: int
    """Record time of the first that is still there."""


class Extent(Struct, frozen=True, kw_only=True):
    """One partition of the inputs."""

    number: int
    cut_over_ms: int
    orders: Span
    """Those that the stage has read and that may be in the range."""
    sessions: Span
    """Those that the orders of the range may see."""
    state_since_ms: int
    """Record time of the oldest state that is still there; 0 when nothing of it has been deleted."""
    lost: Lost | None


class Extents:
    """Asks how far the topics reach.

    Args:
        reader: where to ask.
        topics: their names.
        present: the rules as they are.
        other: those to decide by.
    """

    def __init__(self, reader: TopicReader, topics: Topics, present: Rules, other: Rules) -> None:
        self._reader = reader
        self._topics = topics
        self._skew_ms = max(present.max_clock_skew_ms, other.max_clock_skew_ms)
        self._window_ms = max(present.window_ms, other.window_ms)
        self._is_longer = other.window_ms > present.window_ms

    def of(self, wanted: Range, committed: Mapping[int, Committed]) -> tuple[list[Extent], list[int]]:
        """Return the partitions that the stage has worked on, and the numbers of the others.

        ``committed`` is how far it had come in the orders.
        """
        topics, reader = self._topics, self._reader
        orders_from = reader.offsets_at(topics.order_completed, max(0, wanted.from_ms - self._skew_ms))
        sessions_from_ms = wanted.from_ms - self._window_ms - self._skew_ms
        sessions_from = reader.offsets_at(topics.session_landed, max(0, sessions_from_ms))
        orders, sessions = reader.spans(topics.order_completed), reader.spans(topics.session_landed)
        state = reader.spans(topics.orders)
        worked_on, others = [], []
        for number in sorted(orders):
            at = TopicPartition(topics.orders, number)
            facts = ledger(reader, at, state[number])
            if facts is None or number not in committed:
                others.append(number)
                continue
            first = max(orders[number].start, orders_from[number], facts.first_order_offset)
            first_session = self._first_session(facts)
            worked_on.append(
                Extent(
                    number=number,
                    cut_over_ms=facts.cut_over_ms,
                    orders=Span(first, max(first, committed[number].offset)),
                    sessions=Span(max(sessions_from[number], first_session), sessions[number].end),
                    state_since_ms=self.since_ms(at, state[number]) or 0,
                    lost=self._lost(number, sessions[number], sessions_from[number], first_session),
                )
            )
        return worked_on, others

    def since_ms(self, at: TopicPartition, span: Span) -> int | None:
        """Return the record time from which a partition has everything; ``None``: nothing has been deleted."""
        first = first_record(self._reader, at, span) if span.start else None
        return None if first is None else first.timestamp_ms

    def _first_session(self, facts: Ledger) -> int:
        """Return where the stage began with sessions; with a longer window it would have begun earlier."""
        return 0 if self._is_longer else facts.first_session_offset

    def _lost(self, number: int, sessions: Span, found_at: int, first_session: int) -> Lost | None:
        """Say what is missing.

        ``found_at`` is the first offset of the time from which sessions are wanted. Where that is the first there is,
        earlier ones of that time may be gone.
        """
        if first_session >= sessions.start or found_at > sessions.start:
            return None
        since_ms = self.since_ms(TopicPartition(self._topics.session_landed, number), sessions)
        return Lost(sessions.start, _NEVER_MS if since_ms is None else since_ms)
