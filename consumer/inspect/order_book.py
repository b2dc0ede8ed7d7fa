"""The account of one partition of the orders: has every record exactly one state or ending? Pure.

An order record's offset has one byte of memory; whole records are kept of those alone that nothing else accounts for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Literal, NamedTuple

from consumer.events import Position
from consumer.inspect.findings import Finding, Findings, OrderTotals, What
from consumer.inspect.topic_reader import Span
from consumer.state import orders
from consumer.state.orders import Ledger
from consumer.stream.log import Record

Ended = Literal["conversion", "dead_letter"]
State = Literal[
    "conversion", "dead_letter", "pending", "duplicate", "before_cut_over", "not_reportable", "decided", "none"
]

_MARKS: dict[Ended, int] = {"conversion": 1, "dead_letter": 2}


class Unsettled(NamedTuple):
    """An order record of which no conversion or dead letter was seen."""

    offset: int
    timestamp_ms: int
    key: bytes | None
    """Its outbox key; ``None`` when it cannot be decoded, or is no programme's."""
    order_ref: str | None
    fingerprint: bytes
    completed_at_ms: int
    excluded: bool = False
    """By configuration it is not reported."""


class Kept(NamedTuple):
    """Since when outputs are kept, as record times; 0 where nothing has expired yet."""

    conversions_ms: int
    dead_letters_ms: int


class _Known(NamedTuple):
    offset: int
    fingerprint: bytes
    reported: bool = True


class OrderState:
    """What the changelog of one partition says at its end: ledger, pending orders, and links of the ``wanted`` keys."""

    def __init__(self, wanted: Collection[bytes]) -> None:
        self.ledger: Ledger | None = None
        self._wanted = {orders.link_key(key): key for key in wanted}
        self._pending: dict[bytes, _Known] = {}
        self._links: dict[bytes, _Known] = {}

    @property
    def pending(self) -> int:
        """How many orders are pending."""
        return len(self._pending)

    def take(self, record: Record) -> None:
        """Take the changelog's next record.

        Raises:
            StateError: a newer release wrote it.
        """
        key, value = record.key, record.value
        if key == orders.LEDGER_KEY and value is not None:
            self.ledger = orders.decode_ledger(value)
        elif key is not None and key[:1] == b"p":
            self._pending.pop(key[1:], None)
            if value is not None:
                pending = orders.decode_pending(value)
                self._pending[key[1:]] = _Known(pending.offset, pending.fingerprint)
        elif key in self._wanted and value is not None:
            link = orders.decode_link(value)
            self._links[self._wanted[key]] = _Known(link.offset, link.fingerprint, link.reported)

    def of(self, item: Unsettled) -> State:
        """Return the state of an order record that has neither conversion nor dead letter."""
        if self.ledger is None:
            return "none"
        if item.order_ref is not None and item.completed_at_ms < self.ledger.cut_over_ms:
            return "before_cut_over"
        if item.excluded:
            return "not_reportable"
        return "none" if item.key is None else self._of_known(item, item.key)

    def _of_known(self, item: Unsettled, key: bytes) -> State:
        pending, link = self._pending.get(key), self._links.get(key)
        if pending is not None and pending.offset == item.offset:
            return "pending"
        if link is not None and link.offset == item.offset:
            return "decided" if link.reported else "not_reportable"
        earlier = (known for known in (pending, link) if known is not None and known.offset < item.offset)
        return "duplicate" if any(known.fingerprint == item.fingerprint for known in earlier) else "none"


class OrderBook:
    """Collects the endings of one partition's order records, and judges them.

    Args:
        topic: the order topic.
        partition: its partition.
        overlap: the offsets that were read by the stage and are still there.
        findings: where to say what is wrong.
    """

    def __init__(self, topic: str, partition: int, overlap: Span, findings: Findings) -> None:
        self.overlap = overlap
        self._topic = topic
        self._partition = partition
        self._findings = findings
        self._endings = bytearray(max(0, overlap.end - overlap.start))
        self._unsettled: dict[int, Unsettled] = {}
        self._replayed: set[int] = set()
        self._records = 0
        self._states: Counter[State] = Counter()

    def ended(
        self, how: Ended, source: Position, at: Position, order_ref: str | None, *, is_replay: bool = False
    ) -> None:
        """Note the ending of an order record, as the output record at ``at`` says it; a replay says it once more."""
        index = source.offset - self.overlap.start
        if not 0 <= index < len(self._endings):
            return
        if self._endings[index] and not is_replay:
            detail = f"{_place(source)} had ended before this {how.replace('_', ' ')}"
            self._find("told_twice", at, order_ref, detail)
        self._endings[index] = self._endings[index] or _MARKS[how]
        self._unsettled.pop(source.offset, None)

    def record(self, offset: int, replays: int | None = None) -> bool:
        """Take an order record, and which record it replays; return whether its ending is known."""
        self._records += 1
        if replays is not None:
            self._replayed.add(replays)
        return self._endings[offset - self.overlap.start] != 0

    def unsettled(self, item: Unsettled) -> None:
        """Keep an order record whose ending is not known, until `close`."""
        self._unsettled[item.offset] = item

    def wanted(self) -> list[bytes]:
        """Return the outbox keys of which the state is to be known."""
        return [item.key for item in self._unsettled.values() if item.key is not None]

    def close(self, state: OrderState, kept: Kept, *, resting: bool) -> OrderTotals | None:
        """Judge what is left, and hold the counts against it; ``None`` when the partition was never worked on.

        Args:
            state: the changelog, read after the conversions and before the last of them (`ended`) were.
            kept: since when outputs are kept; older order records cannot be judged.
            resting: no order record was read by the stage since ``overlap`` was learnt.
        """
        ledger = state.ledger
        if ledger is None:
            return None
        lost = self._judge(state, kept)
        compared = resting and self.overlap.start <= ledger.first_order_offset and not any(kept)
        wrong = list(_wrong_counts(ledger, state.pending, self._counted() if compared else None, lost))
        if wrong:
            self._find("counts", None, None, "; ".join(wrong))
        return OrderTotals(
            partition=self._partition,
            read=ledger.orders,
            decided=ledger.decided,
            duplicates=ledger.duplicates,
            conflicts=ledger.conflicts,
            before_cut_over=ledger.before_cut_over,
            not_reportable=ledger.not_reportable,
            dead_letters=ledger.dead_letters,
            replayed=len(self._replayed),
            pending=state.pending,
            checked=self._records,
            compared=compared,
        )

    def _judge(self, state: OrderState, kept: Kept) -> int:
        """Name what has no ending, and return how many there are."""
        lost = 0
        for item in self._unsettled.values():
            found = state.of(item)
            self._states[found] += 1
            at = Position(self._topic, self._partition, item.offset)
            if found == "decided" and item.timestamp_ms >= kept.conversions_ms:
                self._find("no_conversion", at, item.order_ref, "")
            elif found == "none" and item.timestamp_ms >= max(kept):
                lost += 1
                self._find("no_ending", at, item.order_ref, "" if item.key else "the record cannot be decoded")
        return lost

    def _counted(self) -> Counter[State]:
        """Return how many of the records are in each state."""
        counted = self._states.copy()
        for how, mark in _MARKS.items():
            counted[how] = self._endings.count(mark)
        return counted

    def _find(self, what: What, at: Position | None, order_ref: str | None, detail: str) -> None:
        self._findings.add(
            Finding(
                what=what,
                topic=self._topic if at is None else at.topic,
                partition=self._partition if at is None else at.partition,
                offset=None if at is None else at.offset,
                order_ref=order_ref,
                detail=detail,
            )
        )


def _wrong_counts(ledger: Ledger, pending: int, counted: Counter[State] | None, lost: int) -> Iterator[str]:
    """Say which counts are wrong; what the ``lost`` records explain is not said again."""
    over = ledger.pending() - pending
    if not 0 <= over <= lost:
        yield f"{ledger.orders:,} orders read less all endings are {ledger.pending():,}, but {pending:,} are pending"
    if counted is None:
        return
    dead_letters = ledger.dead_letters + ledger.conflicts
    not_ours = ledger.before_cut_over + ledger.not_reportable
    accepted = ledger.orders - ledger.duplicates - not_ours - dead_letters
    compared = (
        ("accepted", accepted, counted["conversion"] + counted["pending"] + counted["decided"]),
        ("dead letters and conflicts", dead_letters, counted["dead_letter"]),
        ("duplicates", ledger.duplicates, counted["duplicate"]),
        ("before the cut-over", ledger.before_cut_over, counted["before_cut_over"]),
        ("not reportable", ledger.not_reportable, counted["not_reportable"]),
    )
    missing = sum(max(0, said - found) for _, said, found in compared)
    for name, said, found in compared:
        if said < found or (said > found and missing > lost):
            yield f"{name}: {said:,} counted, {found:,} found"


def _place(at: Position) -> str:
    return f"{at.topic}[{at.partition}]@{at.offset}"
