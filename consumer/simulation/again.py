"""One order decided again, by the rules as they are, from the records of its visitor that are still there.

For an order that has no conversion, or not any more. What only the stage knew is left open: how far the watermark had
come by other visitors' sessions, and which refused checksums had been erased.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct, structs

from consumer.attribution import conversion, erasure, lastclick
from consumer.attribution.rules import Rulebook, Rules
from consumer.attribution.touch import Touch
from consumer.errors import Reject
from consumer.events import Conversion, SessionLanded
from consumer.inspect.input_search import InputSearch, VisitorWanted
from consumer.inspect.reading import Newest, Reading, position
from consumer.inspect.topic_reader import TopicReader
from consumer.inspect.traces import DecidedAgain, Forgotten, OrderFound, Remembered, Traces, decisive
from consumer.settings import Topics
from consumer.simulation import replay
from consumer.simulation.extent import CLOCK_SLACK_MS
from consumer.stream.avro import SessionDecoder
from consumer.stream.log import Record
from consumer.stream.schemas import Schemas


class OrderAgain:
    """Decides single orders again.

    Args:
        reader: where to read.
        schemas: how the records are written.
        topics: their names.
        group: the consumer group of the attribute stage.
        rulebook: the rules.
        progress: told what is being read.
    """

    def __init__(
        self,
        reader: TopicReader,
        schemas: Schemas,
        topics: Topics,
        group: str,
        rulebook: Rulebook,
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._reader = reader
        self._topics = topics
        self._rulebook = rulebook
        self._progress = progress
        self._inputs = InputSearch(schemas, group, rulebook.shop)
        self._session = SessionDecoder(schemas)

    def decide(self, programme: str, traces: Traces) -> Traces:
        """Add the decision made again to what was found of an order of a programme.

        Not where there is a conversion, nor where the order's record is gone or is not to be decided.

        Raises:
            KafkaError: the topics cannot be read.
        """
        found, rules = traces.order, self._rules(programme, traces)
        if found is None or rules is None:
            return traces
        reading = Reading(self._reader, self._topics, Newest(), self._progress)
        remembered = traces.remembered
        cut = None if remembered is None else remembered.session_cut
        records, since_ms = self._records(found, cut, reading)
        history, again = self._decided(found, records, rules, cut, remembered)
        landings = (each.session_offset for each in again.evidence if each.session_offset is not None)
        agrees = None if remembered is None else _agrees(again, remembered)
        return structs.replace(
            traces,
            again=DecidedAgain(conversion=again, agrees=agrees, sessions_since_ms=since_ms),
            sessions={offset: history.sessions[offset] for offset in landings},
            forgotten=history.forgotten if conversion.FORGOTTEN in again.notes else None,
            notes=(*traces.notes, *reading.notes),
        )

    def _decided(
        self,
        found: OrderFound,
        records: Sequence[Record],
        rules: Rules,
        cut: int | None,
        remembered: Remembered | None,
    ) -> tuple[_History, Conversion]:
        """Decide by these records.

        A request to forget the visitor just before the cut was obeyed when the order had been read, which was decided
        at once then, or before: whichever leads to what is remembered.
        """
        fingerprint = conversion.fingerprint(found.order)
        decided = []
        for spared in (None, cut):
            history = self._replay(records, found, cut, spared)
            attribution = lastclick.decide(found.order, history.touches, rules, cut)
            again = conversion.build(
                found.order, fingerprint, attribution, rules, found.at, cut, entered_at_ms=found.recorded_at_ms
            )
            decided.append((history, again))
            if remembered is None or _agrees(again, remembered):
                return decided[-1]
        return decided[0]

    def _rules(self, programme: str, traces: Traces) -> Rules | None:
        """Return the rules of the order's programme, ``None`` where they do not decide it."""
        if traces.order is None or decisive(traces) is not None:
            return None
        known = {rules.advertiser_id: rules for rules in self._rulebook.programmes}
        if traces.judgement is not None:
            is_decided = traces.judgement.ending in {"zero_value", "accepted"}
            return known.get(traces.judgement.programme or "") if is_decided else None
        rules = known.get(programme)
        try:
            if rules is not None:
                conversion.check(traces.order.order, rules)
        except Reject:
            return None
        return rules

    def _records(self, found: OrderFound, cut: int | None, reading: Reading) -> tuple[list[Record], int | None]:
        """Return the visitor's records that count, and since when they are there if earlier ones are not."""
        order, shop = found.order, self._rulebook.shop
        if not order.visitor_id:
            return [], None
        # Where the order itself came late, its sessions may have, too: all that the shop sent was delayed.
        in_time_ms = max(order.completed_at_ms, found.recorded_at_ms) + shop.grace_ms + CLOCK_SLACK_MS
        wanted = VisitorWanted(
            visitor=order.visitor_id,
            partition=found.at.partition,
            from_ms=order.completed_at_ms - shop.window_ms - shop.max_clock_skew_ms,
            to_ms=in_time_ms,
            before_offset=cut,
        )
        records, since_ms = self._inputs.visitor_records(wanted, reading)
        in_time = [each for each in records if each.value is None or cut is not None or each.timestamp_ms <= in_time_ms]
        return in_time, since_ms

    def _replay(
        self, records: Sequence[Record], found: OrderFound, cut: int | None, spared_before: int | None
    ) -> _History:
        """Go through a visitor's session records as the stage does, but for a request just before ``spared_before``.

        The watermark is that of these records alone: what it says to be late was late.
        """
        history = _History()
        sessions = replay.Sessions(self._rulebook.shop, self._session)
        for record in records:
            left = sessions.take(record, {found.order.visitor_id or ""})
            if left is None:
                continue
            touch = left[1]
            if touch is not None:
                history.touches.append(touch)
                history.sessions[record.offset] = self._session(record.value, record.headers)
            elif record.offset + 1 != spared_before and _was_obeyed(record, found, cut):
                history.touches = [erasure.marker(record.offset, record.timestamp_ms)]
                history.forgotten = Forgotten(at=position(record), asked_at_ms=record.timestamp_ms)
        return history


class _History(Struct):
    """What a visitor's session records leave."""

    touches: list[Touch] = []
    sessions: dict[int, SessionLanded] = {}
    forgotten: Forgotten | None = None


def _was_obeyed(request: Record, found: OrderFound, cut: int | None) -> bool:
    """Whether a request to forget the visitor was obeyed before the order was read.

    So it is taken from their times, and certain if sessions behind it had been read: an order that waits is decided at
    such a request.
    """
    is_before_cut = cut is not None and request.offset + 1 < cut
    return is_before_cut or request.timestamp_ms <= found.recorded_at_ms


def _agrees(again: Conversion, remembered: Remembered) -> bool:
    return (again.channel, again.click_checksums) == (remembered.channel, remembered.click_checksums)
