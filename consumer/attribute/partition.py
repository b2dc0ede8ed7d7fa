"""One partition's share of the attribute stage: records in, conversions and dead letters out.

Knows nothing of polling, transactions or rebalances; that is `consumer.attribute.stage`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Literal, Protocol

from msgspec.structs import replace

from consumer import dead_letter
from consumer.attribute import letters
from consumer.attribute.noticed import Noticed
from consumer.attribute.ports import Decoders
from consumer.attribution import conversion, erasure, landing, lastclick
from consumer.attribution.channels import ChannelTable
from consumer.attribution.join import PendingOrders, Waiting
from consumer.attribution.programmes import chosen
from consumer.attribution.rules import Rulebook, Rules
from consumer.attribution.touch import Touch
from consumer.errors import RecordTooLarge, Reject, StateError
from consumer.events import (
    Conversion,
    DeadLetter,
    OrderCompleted,
    Position,
    orders_to_forget,
    outbox_key,
    programme_in,
)
from consumer.state.orders import Link, Pending
from consumer.state.partition import PartitionState
from consumer.stream.log import Record

ROOM_BYTES = 16_384
"""What a conversion may say beyond its order, evidence most of all, and what a topic adds to a record."""

_MAX_ID = conversion.MAX_ID_CHARACTERS

Arrival = Literal["pending", "duplicate", "conflict", "before_cut_over", "not_reportable", "dead_letter"]
Decided = Literal["decided", "not_reportable", "dead_letter"]


class Output(Protocol):
    """Where a partition's results go: into the open transaction."""

    def conversion(self, conversion: Conversion) -> None:
        """Write a conversion."""

    def dead_letter(self, letter: DeadLetter) -> None:
        """Write a dead letter."""


class AttributePartition:
    """Joins one partition's sessions and orders. ``next_session`` and ``next_order`` are the offsets to go on from.

    ``start`` holds the two offsets at which reading begins.
    """

    def __init__(
        self,
        state: PartitionState,
        rulebook: Rulebook,
        table: ChannelTable,
        decoders: Decoders,
        output: Output,
        *,
        start: tuple[int, int],
        order_topic: str,
        max_message_bytes: int,
        new_pending: Callable[[], PendingOrders],
        now_ms: Callable[[], int],
    ) -> None:
        self.state = state
        self.next_session, self.next_order = self._committed = start
        self.dirty = False
        self.noticed = Noticed()
        self.newest_session_ms: int | None = None
        """Timestamp of the newest session record taken, and of the newest order record."""
        self.newest_order_ms: int | None = None
        self.early: Counter[Decided] = Counter()
        """Orders decided since the last `decide` because a visitor was to be forgotten."""
        self._swept_to: str | None = None
        self._rulebook = rulebook
        self._shop = rulebook.shop
        self._max_clock_skew_ms = self._shop.max_clock_skew_ms
        self._grace_ms = self._shop.grace_ms
        self._rules = {rules.advertiser_id: rules for rules in rulebook.programmes}
        self._table = table
        self._decoders = decoders
        self._output = output
        self._order_topic = order_topic
        self._max_order_bytes = max_message_bytes - ROOM_BYTES
        self._new_pending = new_pending
        self._now_ms = now_ms
        self.pending: PendingOrders = self._load_pending()

    def session(self, record: Record) -> bool:
        """Take one session record; return False when it went to the dead letters.

        One without a value asks that its key's visitor be forgotten, or an order's checksums.
        """
        state = self.state
        ledger = state.ledger
        ledger.sessions += 1
        self.next_session = record.offset + 1
        self.newest_session_ms = record.timestamp_ms
        self.dirty = True
        try:
            if record.value is None and (record.key or orders_to_forget(record.headers)):
                self._forget(record)
                return True
            event = self._decoders.session(record.value, record.headers)
            landed_at_ms = event.landed_at_ms
            # Asked here, called only when wrong: these calls are a twentieth of a session's time.
            if landed_at_ms > record.timestamp_ms + self._max_clock_skew_ms:
                self._check_event_time(landed_at_ms, record, "landed_at")
            if len(event.visitor_id) > _MAX_ID or len(event.session_id) > _MAX_ID:
                conversion.check_id("visitor_id", event.visitor_id)
                conversion.check_id("session_id", event.session_id)
        except Reject as error:
            ledger.sessions_dead += 1
            self._dead_letter(record, error, None)
            return False
        url = event.landing_url
        channel, rule, awc, kind, malformed = landing.read(url, event.referrer, self._table)
        noticed = self.noticed
        noticed.sessions += 1
        if "?" in url:
            noticed.sessions_with_query += 1
        if awc is not None:
            noticed.checksums[kind] = noticed.checksums.get(kind, 0) + 1
        if malformed:
            noticed.malformed_checksums += 1
        watermark = ledger.watermark_ms
        if landed_at_ms + self._grace_ms <= watermark:
            noticed.lateness_ms.append(watermark - landed_at_ms - self._grace_ms)
        state.add_touch(
            event.visitor_id,
            Touch(record.offset, landed_at_ms, watermark, event.session_id, channel, rule, awc, kind, event.consent),
        )
        ledger.watermark_ms = max(watermark, min(landed_at_ms, record.timestamp_ms))
        return True

    def order(self, record: Record) -> Arrival:
        """Take one order record and say what became of it."""
        ledger = self.state.ledger
        ledger.orders += 1
        self.next_order = record.offset + 1
        self.newest_order_ms = record.timestamp_ms
        self.dirty = True
        order: OrderCompleted | None = None
        try:
            order = self._decoders.order(record.value, record.headers)
            self._check_event_time(order.completed_at_ms, record, "completed_at")
            if order.completed_at_ms < ledger.cut_over_ms:
                ledger.before_cut_over += 1
                return "before_cut_over"
            rules = conversion.accept(order, self._rulebook)
            if rules is None:
                ledger.not_reportable += 1
                return "not_reportable"
            return self._identify(record, order, rules)
        except Reject as error:
            if error.reason == "conflict":
                ledger.conflicts += 1
            else:
                ledger.dead_letters += 1
            self._dead_letter(record, error, order)
            return "conflict" if error.reason == "conflict" else "dead_letter"

    def decide(self, session_position: int) -> Counter[Decided]:
        """Decide every order that can be decided now; return how many ended how.

        ``session_position`` is how far the session partition has been read, trailing gaps included.
        """
        decided, self.early = self.early, Counter()
        self._decide_ready(decided)
        for waiting in self.pending.forced(session_position):
            decided[self._decide(waiting, self.next_session)] += 1
        return decided

    def sweep(self, most_touches: int) -> bool:
        """Go on through the stored touches and erase refused checksums; return whether that was the last piece.

        Not those of visitors whose orders wait: they see them still. Everything read must be committed.
        """
        state = self.state
        watermark_ms, settle_ms = state.ledger.watermark_ms, self._shop.consent_settle_ms
        visitors = state.stored_visitors(self._swept_to, most_touches)
        waiting: set[str | None] | None = None
        for visitor, touches in visitors:
            refused = erasure.refused(touches, watermark_ms, settle_ms)
            if not refused:
                continue
            waiting = self.pending.visitors() if waiting is None else waiting
            if visitor not in waiting:
                for touch in refused:
                    state.rewrite(visitor, erasure.without_checksum(touch, touches))
                self.noticed.erased_checksums += len(refused)
                self.dirty = True
        self._swept_to = visitors[-1][0] if visitors else None
        return not visitors

    def mark_committed(self) -> None:
        """Note that the transaction with everything so far has committed."""
        self._committed = self.next_session, self.next_order
        self.dirty = False

    def rollback(self) -> None:
        """Go back to the last commit."""
        self.state.rollback()
        self.next_session, self.next_order = self._committed
        self.pending = self._load_pending()
        self.noticed = Noticed()
        self.early = Counter()
        self._swept_to = None
        self.dirty = False

    def _forget(self, record: Record) -> None:
        """Erase the visitor of a record's key, if it has one, and of the order that a header names its checksums."""
        if record.key:
            self._forget_visitor(record, record.key)
        for order in orders_to_forget(record.headers):
            self.noticed.forgotten_orders += self.state.forget_checksums(order)

    def _forget_visitor(self, record: Record, key: bytes) -> None:
        """Erase the visitor of a key, but for a marker.

        Orders that wait for more of the visitor's sessions are decided now, by force: they see what was. Those that
        can be decided are, too: whether they came in the same batch makes no difference.
        """
        try:
            visitor = key.decode()
        except UnicodeDecodeError as error:
            raise Reject(
                "bad_visitor_key",
                "",
                "a session record without a value asks to forget the visitor in its key, which is not UTF-8",
            ) from error
        conversion.check_id("visitor_id", visitor)
        self._decide_ready(self.early)
        for waiting in self.pending.of_visitor(visitor):
            self.early[self._decide(waiting, self.next_session)] += 1
        self.state.forget_visitor(visitor, erasure.marker(record.offset, record.timestamp_ms))
        self.noticed.forgotten_visitors += 1

    def _identify(self, record: Record, order: OrderCompleted, rules: Rules) -> Arrival:
        ledger = self.state.ledger
        key = outbox_key(rules.advertiser_id, order.order_ref)
        fingerprint = conversion.fingerprint(order)
        known = self.state.pending(key) if key in self.pending else self.state.link(key)
        if known is not None:
            if known.fingerprint != fingerprint:
                raise Reject(
                    "conflict",
                    "order_ref",
                    f"order {order.order_ref!r} came before with another subtotal, currency or lines (offset "
                    f"{known.offset}); the first one is reported: correct the order at Awin if this one is right",
                )
            ledger.duplicates += 1
            return "duplicate"
        if record.timestamp_ms > order.completed_at_ms + self._shop.max_order_delay_ms:
            raise Reject(
                "order_too_late",
                "completed_at",
                "the order entered Kafka later after its completion than attribution.max_order_delay allows: "
                "the sessions before it are no longer kept",
            )
        if not self.state.add_pending(
            key, Pending(order, record.offset, record.timestamp_ms, fingerprint), self._max_order_bytes
        ):
            raise Reject(
                "order_too_large",
                "",
                "the order is too large to be kept until it is decided (topics.max_message_bytes): send fewer or "
                "shorter lines, or raise the limit of the topics and the setting",
            )
        self.pending.add(self._waiting(key, order, record.offset, record.timestamp_ms))
        return "pending"

    def _waiting(self, key: bytes, order: OrderCompleted, offset: int, entered_at_ms: int) -> Waiting:
        waits_until_ms = order.completed_at_ms + self._shop.grace_ms if order.visitor_id else 0
        return Waiting(waits_until_ms, offset, key, order.visitor_id, entered_at_ms)

    def _decide_ready(self, decided: Counter[Decided]) -> None:
        for waiting in self.pending.ready(self.state.ledger.watermark_ms):
            decided[self._decide(waiting, None)] += 1

    def _decide(self, waiting: Waiting, cut: int | None) -> Decided:
        self.dirty = True
        state = self.state
        pending = state.pending(waiting.key)
        if pending is None:
            raise AssertionError(
                f"partition {state.partition}: a waiting order at offset {waiting.offset} is not in state"
            )
        order = pending.order
        touches = state.touches(order.visitor_id) if order.visitor_id else []
        rules = self._rules[programme_in(waiting.key)]
        attribution = lastclick.decide(order, touches, rules, cut)
        reported = rules.report == "all" or attribution.concerns_awin()
        if reported:
            source = Position(topic=self._order_topic, partition=state.partition, offset=pending.offset)
            said = conversion.build(
                order, pending.fingerprint, attribution, rules, source, cut, entered_at_ms=pending.entered_at_ms
            )
            if not self._write(said):
                return self._too_large(waiting.key, said)
            state.ledger.decided += 1
        else:
            state.ledger.not_reportable += 1
        state.settle(
            waiting.key,
            Link(
                pending.offset,
                pending.fingerprint,
                order.completed_at_ms,
                attribution.channel,
                attribution.click_checksums,
                cut,
                reported,
            ),
        )
        return "decided" if reported else "not_reportable"

    def _write(self, said: Conversion) -> bool:
        """Write a conversion; one that does not fit its topic without evidence and product rows. False: not even so."""
        for each in (said, replace(said, evidence=(), products=())):
            try:
                self._output.conversion(each)
            except RecordTooLarge:
                continue
            return True
        return False

    def _too_large(self, key: bytes, said: Conversion) -> Decided:
        """Put an order aside that cannot be written as a conversion; its reference is free for a corrected one."""
        self.state.drop_pending(key)
        self.state.ledger.dead_letters += 1
        self._output.dead_letter(letters.of_conversion(said, self._now_ms()))
        return "dead_letter"

    def _load_pending(self) -> PendingOrders:
        waiting = self._new_pending()
        for key, pending in sorted(self.state.all_pending(), key=lambda item: item[1].offset):
            if programme_in(key) not in self._rules:
                raise StateError(
                    f"partition {self.state.partition} holds orders of programme {programme_in(key)} that wait to be "
                    "decided, but programmes does not name it: put it back until they are"
                )
            waiting.add(self._waiting(key, pending.order, pending.offset, pending.entered_at_ms))
        return waiting

    def _check_event_time(self, event_time_ms: int, record: Record, field: str) -> None:
        if event_time_ms > record.timestamp_ms + self._shop.max_clock_skew_ms:
            raise Reject(
                "event_time_in_future",
                field,
                f"{field} is {event_time_ms - record.timestamp_ms} ms after the record's time, more than "
                "attribution.max_clock_skew: correct the producer's clock or unit (milliseconds UTC)",
            )

    def _dead_letter(self, record: Record, error: Reject, order: OrderCompleted | None) -> None:
        rules = None if order is None else chosen(order, self._rulebook)
        self._output.dead_letter(
            dead_letter.of_record(
                "attribute",
                record,
                error,
                programme=None if rules is None else rules.advertiser_id,
                order_ref=None if order is None else order.order_ref,
                now_ms=self._now_ms(),
            )
        )
