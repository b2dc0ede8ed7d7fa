"""Compares what was decided for one partition's orders with what other rules decide."""

from __future__ import annotations

from collections.abc import Container, Iterator

from consumer.attribution.rules import Rulebook, Rules
from consumer.attribution.touch import Touch
from consumer.events import OrderCompleted, Position
from consumer.simulation import replay
from consumer.simulation.archive import Archive
from consumer.simulation.decision import Decided
from consumer.simulation.extent import CLOCK_SLACK_MS, Extent, Range
from consumer.simulation.report import Tally
from consumer.simulation.state import Fate, PartitionOrders
from consumer.stream.log import Record


class Comparison:
    """Takes the order records of one partition, in order.

    Args:
        extent: of the partition.
        wanted: the range.
        rulebook: the other rules.
        present: the rules as they are, as far as they are the same for all programmes.
        archive: what was decided, and the touches of all visitors who ordered.
        forgotten: visitors who were to be forgotten.
        state: what became of orders without conversion.
        max_order_bytes: how large an order may be in state.
        tally: what counts.
    """

    def __init__(
        self,
        extent: Extent,
        wanted: Range,
        rulebook: Rulebook,
        *,
        present: Rules,
        archive: Archive,
        forgotten: Container[str],
        state: PartitionOrders,
        max_order_bytes: int,
        tally: Tally,
    ) -> None:
        self._extent = extent
        self._wanted = wanted
        self._shop = rulebook.shop
        self._evidence_suffices = rulebook.shop.window_ms <= present.window_ms
        self._present = present
        self._archive = archive
        self._forgotten = forgotten
        self._state = state
        self._tally = tally
        self._orders = replay.Orders(rulebook, max_order_bytes)
        self._decided = Lookup(archive.decided(extent.number))

    def take(self, record: Record, order: OrderCompleted) -> None:
        """Take an order of the range, compare what can be compared, and count it."""
        tally = self._tally
        if order.completed_at_ms < self._extent.cut_over_ms:
            tally.leave_out("before_cut_over")
            return
        known = self._decided.at(record.offset)
        fate = Fate("unreported") if known is not None else self._fate(record, order)
        rules = self._orders.accept(record, order, fits=known is not None)
        at = Position(record.topic, record.partition, record.offset)
        before = None if known is None else known.decision
        if fate.ending != "unreported":
            tally.leave_out(fate.ending)
        elif not isinstance(rules, Rules):
            tally.compare(at, order, before, None, rules)
        elif not self._all_sessions_are_there(order, known):
            tally.leave_out("sessions_gone")
        elif (touches := self._touches(order, known)) is None:
            tally.leave_out("erased")
        else:
            cut = fate.session_cut if known is None else known.session_cut
            after = replay.decide(order, touches, rules, cut, at)
            tally.compare(at, order, before, after, replay.NOT_REPORTABLE)

    def _fate(self, record: Record, order: OrderCompleted) -> Fate:
        fate = self._state.fate(record.offset, order.order_ref, self._wanted.holds)
        is_forgotten = fate.ending == "unreported" and record.timestamp_ms < self._extent.state_since_ms
        return Fate("not_retained") if is_forgotten else fate

    def _touches(self, order: OrderCompleted, known: Decided | None) -> list[Touch] | None:
        """Return the touches of the order's visitor as they stood then; ``None`` when that is not known."""
        if not order.visitor_id:
            return []
        if order.visitor_id in self._forgotten:
            return None
        touches = self._archive.touches(order.visitor_id)
        if known is not None and known.tells_all:
            return replay.as_erased(touches, known.erased)
        return None if replay.may_miss_a_checksum(order, touches, self._present) else touches

    def _all_sessions_are_there(self, order: OrderCompleted, known: Decided | None) -> bool:
        """Say, by its conversion's evidence or by its time, whether what the order may have seen is still there.

        An order from before what is left may also see too much of that: the watermark of the time is not known.
        """
        lost = self._extent.lost
        if lost is None or not order.visitor_id:
            return True
        left_from_ms = lost.before_ms + CLOCK_SLACK_MS
        if known is not None and known.first_touch is not None and known.first_touch < lost.before_offset:
            return False
        if known is not None and known.tells_all and self._evidence_suffices:
            return order.completed_at_ms > left_from_ms
        return order.completed_at_ms - self._shop.window_ms - self._shop.max_clock_skew_ms > left_from_ms


class Lookup:
    """Finds decisions by ascending offsets in pairs that ascend too."""

    def __init__(self, pairs: Iterator[tuple[int, Decided]]) -> None:
        self._pairs = pairs
        self._next = next(pairs, None)

    def at(self, offset: int) -> Decided | None:
        """Return what was decided for this offset, if anything was; offsets asked for do not descend."""
        while self._next is not None and self._next[0] < offset:
            self._next = next(self._pairs, None)
        return self._next[1] if self._next is not None and self._next[0] == offset else None
