"""A world in which nothing is lost: topics and positions as the two stages leave them, step by step.

Every step does what one transaction of a stage does, so that a reader may look in between.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from hashlib import sha256
from typing import Literal, cast

from msgspec.structs import replace

from consumer import dead_letter
from consumer.attribution import conversion
from consumer.attribution.lastclick import Attribution
from consumer.attribution.rules import Rules
from consumer.delivery import mark
from consumer.delivery.mark import Mark
from consumer.events import Conversion, DeadLetter, Ending, OrderCompleted, Position, Receipt, outbox_key
from consumer.replay_header import Replay, header, replay_in
from consumer.settings import Topics
from consumer.state import orders
from consumer.state.orders import Ledger, Link, Pending
from consumer.stream.avro import (
    ConversionEncoder,
    DeadLetterDecoder,
    DeadLetterEncoder,
    OrderEncoder,
    ReceiptDecoder,
    ReceiptEncoder,
)
from consumer.stream.log import Committed, Record, TopicPartition
from consumer.stream.schemas import Schemas
from tests.inspect.memory_topics import MemoryTopics

ATTRIBUTE, DELIVER = "test-attribute", "test-deliver"
PROGRAMME = "1001"
CUT_OVER_MS = 1_700_000_000_000
HOUR_MS = 3_600_000
TOPICS = Topics()
RULES = Rules(advertiser_id=PROGRAMME)
BEFORE_OURS = 2
"""So many order records of each partition stand before the first that is ours."""

Fate = Literal[
    "accepted",
    "duplicate",
    "conflict",
    "repeat_elsewhere",
    "conflict_elsewhere",
    "before_cut_over",
    "undecodable",
    "too_late",
]
How = Literal["delivered", "shadow", "rejected", "too_old", "for_export", "deferred"]
REASONS = {"too_old": "too_old", "for_export": "offline"}
PUT_OFF = "breaker"


@cache
def schemas() -> Schemas:
    """Return the shipped schemas."""
    return Schemas.load()


@dataclass(slots=True)
class _Outbox:
    """One partition of the outbox as deliver sees it."""

    items: list[tuple[Record, Conversion]] = field(default_factory=list)
    done: set[int] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    receipts: dict[bytes, Receipt] = field(default_factory=dict)
    deferred: list[tuple[Record, Conversion]] = field(default_factory=list)
    """The conversions that were put off, in that order, as they stand in the outbox."""
    tried_again: int = 0
    """How many of these were taken up."""
    counts_of_deferred: Counter[str] = field(default_factory=Counter)

    @property
    def frontier(self) -> int:
        """The first offset that is not done."""
        return next(offset for offset in range(len(self.items) + 1) if offset not in self.done)


class World:
    """Orders come, are decided and delivered.

    Args:
        partitions: of the inputs.
        outbox: partitions of the outbox.
        names: of the topics.
    """

    def __init__(self, partitions: int = 2, outbox: int = 2, names: Topics = TOPICS) -> None:
        self.names = names
        counts = dict.fromkeys((self.names.order_completed, self.names.orders, self.names.dead_letter), partitions)
        self.topics = MemoryTopics({**counts, self.names.conversion: outbox, self.names.receipt: outbox})
        self.topics.create({self.names.deferred: outbox})
        self.ledgers: dict[int, Ledger] = {}
        self._accepted: dict[int, list[OrderCompleted]] = defaultdict(list)
        self._pending: dict[int, dict[bytes, Pending]] = defaultdict(dict)
        self._outbox = {number: _Outbox() for number in range(outbox)}
        self._refused: dict[Position, tuple[OrderCompleted, Fate]] = {}
        self._replayed: set[Position] = set()
        self._made = 0
        self._now_ms = CUT_OVER_MS + HOUR_MS
        for number in range(partitions):
            for _ in range(BEFORE_OURS):
                self.topics.append(self.names.order_completed, b"old", b"?", number, self._now_ms)
            self.ledgers[number] = Ledger(
                cut_over_ms=CUT_OVER_MS,
                session_topic_id="s",
                order_topic_id="o",
                partition_count=partitions,
                first_session_offset=0,
                first_order_offset=BEFORE_OURS,
            )
            self._commit_orders(number)

    def order(self, partition: int, fate: Fate) -> None:
        """Append an order record and let attribute read it; one without what its fate needs is simply accepted."""
        self._made += 1
        self._now_ms += 1000
        event = self._event(partition, fate)
        value = b"\x00junk" if fate == "undecodable" else OrderEncoder(schemas())(event)
        record = self.topics.append(self.names.order_completed, b"visitor", value, partition, self._now_ms)
        self._read(record, event, fate)

    def replay(self, number: int) -> None:
        """Append the record of one of the dead letters again, as `dead-letters replay` does, forced where need be.

        Attribute reads it at once; what came too late is accepted now, since somebody has set `max_order_delay` higher.
        """
        records = self.topics.records(self.names.dead_letter)
        letters = [(record, DeadLetterDecoder(schemas())(record.value)) for record in records]
        chosen = [(record, letter) for record, letter in letters if letter.stage != "replay" and self._may_come(letter)]
        if not chosen:
            return
        record, letter = chosen[number % len(chosen)]
        at, source = Position(record.topic, record.partition, record.offset), letter.source
        self._replayed.add(source)
        note = DeadLetterEncoder(schemas())(dead_letter.of_replay(letter, at, self._now_ms))
        self.topics.append(self.names.dead_letter, record.key, note, record.partition, self._now_ms)
        headers = [header(Replay(letter=at, source=source))]
        again = self.topics.append(
            source.topic, letter.key, letter.value, source.partition, letter.timestamp_ms, headers
        )
        if source.topic == self.names.conversion:
            outbox = self._outbox[source.partition]
            outbox.items.append((again, outbox.items[source.offset][1]))
        else:
            event, fate = self._refused[source]
            self._read(again, event, "accepted" if fate == "too_late" else fate)

    def _may_come(self, letter: DeadLetter) -> bool:
        """Say whether the order of a conversion was not dealt with since, by file in particular."""
        receipts = self.topics.records(self.names.receipt)
        mine = [ReceiptDecoder(schemas())(each.value) for each in receipts if each.key == letter.key]
        return letter.stage != "deliver" or not mine or mine[-1].ending == "dead_letter"

    def _read(self, record: Record, event: OrderCompleted, fate: Fate) -> None:
        """Let attribute read an order record."""
        partition = record.partition
        key = outbox_key(PROGRAMME, event.order_ref)
        mine = {each.order_ref: each for each in self._accepted[partition]}
        ledger = self.ledgers[partition]
        ledger.orders += 1
        self._refused[Position(record.topic, partition, record.offset)] = event, fate
        if fate == "undecodable":
            ledger.dead_letters += 1
            self._refuse(record, "bad_framing", None)
        elif fate == "too_late":
            ledger.dead_letters += 1
            self._refuse(record, "order_too_late", event.order_ref)
        elif event.completed_at_ms < CUT_OVER_MS:
            ledger.before_cut_over += 1
        elif event.order_ref in mine and mine[event.order_ref] == event:
            ledger.duplicates += 1
        elif event.order_ref in mine:
            ledger.conflicts += 1
            self._refuse(record, "conflict", event.order_ref)
        else:
            self._accepted[partition].append(event)
            self._pending[partition][key] = Pending(
                event, record.offset, record.timestamp_ms, conversion.fingerprint(event)
            )
            self._log(partition, orders.pending_key(key), orders.encode(self._pending[partition][key]))
        self._commit_orders(partition)

    def decide(self, partition: int) -> None:
        """Decide the partition's oldest pending order, if there is one."""
        if not self._pending[partition]:
            return
        key, pending = next(iter(self._pending[partition].items()))
        del self._pending[partition][key]
        source = Position(self.names.order_completed, partition, pending.offset)
        attribution = Attribution("aw", "no_landing", (), ())
        decided = conversion.build(
            pending.order, pending.fingerprint, attribution, RULES, source, None, entered_at_ms=pending.entered_at_ms
        )
        link = Link(pending.offset, pending.fingerprint, pending.order.completed_at_ms, "aw", (), None)
        self._log(partition, orders.pending_key(key), None)
        self._log(partition, orders.link_key(key), orders.encode(link))
        self.ledgers[partition].decided += 1
        record = self.topics.append(
            self.names.conversion, key, ConversionEncoder(schemas())(decided), timestamp_ms=self._now_ms
        )
        self._outbox[record.partition].items.append((record, decided))
        self._commit_orders(partition)

    def deliver(self, partition: int, ahead: int, how: How) -> None:
        """Finish a conversion: the first unfinished of the partition, or one so far ahead, where deliver may do so."""
        outbox = self._outbox[partition]
        offset = outbox.frontier + ahead
        if offset >= len(outbox.items) or offset in outbox.done:
            return
        record, decided = outbox.items[offset]
        key = outbox_key(decided.programme, decided.order_ref)
        known = outbox.receipts.get(key)
        in_hand = any(record.key == key for record, _ in outbox.items[outbox.frontier : offset])
        if in_hand or (known is not None and ahead):
            return
        outbox.done.add(offset)
        replay = replay_in(record.headers)
        again = replay is not None and known is not None and known.ending == "dead_letter"
        if known is None or (again and replay is not None and known.source == replay.source):
            self._receipt(outbox, record, decided, how, 0 if known is None else known.repeats)
            self._put_off(outbox, record, decided, how)
            if how in {"rejected", "too_old"}:
                self._refuse(record, "http_400" if how == "rejected" else how, decided.order_ref)
        elif known.fingerprint == decided.fingerprint and known.reason in REASONS.values():
            outbox.counts["silent_repeat"] += 1
        elif known.fingerprint == decided.fingerprint:
            outbox.counts["repeat"] += 1
            self._write_receipt(outbox, record, replace(known, repeats=known.repeats + 1))
        else:
            outbox.counts["dead_letter"] += 1
            self._refuse(record, "conflict", decided.order_ref)
        self.commit_outbox(partition)

    def try_again(self, partition: int, how: How) -> None:
        """Take up the conversion that was put off first, if there is one: it ends, or is put off once more."""
        outbox = self._outbox[partition]
        if outbox.tried_again == len(outbox.deferred) or how == "for_export":
            return
        record, decided = outbox.deferred[outbox.tried_again]
        outbox.tried_again += 1
        known = outbox.receipts[outbox_key(decided.programme, decided.order_ref)]
        counts, outbox.counts = outbox.counts, outbox.counts_of_deferred
        self._receipt(outbox, record, decided, how, known.repeats, known.deferrals)
        outbox.counts = counts
        self._put_off(outbox, record, decided, how)
        if how in {"rejected", "too_old"}:
            self._refuse(record, "http_400" if how == "rejected" else how, decided.order_ref)
        self.commit_outbox(partition)

    def _put_off(self, outbox: _Outbox, record: Record, decided: Conversion, how: How) -> None:
        if how == "deferred":
            outbox.deferred.append((record, decided))
            self.topics.append(self.names.deferred, record.key, record.value, record.partition, self._now_ms)

    def export(self, partition: int) -> None:
        """Hand over by file whatever waits in a partition of the outbox."""
        for key, receipt in list(self._outbox[partition].receipts.items()):
            if receipt.reason in REASONS.values() and receipt.source not in self._replayed:
                exported = replace(receipt, ending="exported", excerpt="awin.csv")
                # Deliver's own table does not learn of it.
                value = ReceiptEncoder(schemas())(exported)
                self.topics.append(self.names.receipt, key, value, partition, self._now_ms)

    def commit_outbox(self, partition: int) -> None:
        """Commit deliver's position with the counts."""
        outbox = self._outbox[partition]
        metadata = mark.dump(Mark(suspects=0, counts=dict(outbox.counts)))
        at = TopicPartition(self.names.conversion, partition)
        self.topics.commit(DELIVER, at, Committed(outbox.frontier, metadata))
        metadata = mark.dump(Mark(suspects=0, counts=dict(outbox.counts_of_deferred)))
        at = TopicPartition(self.names.deferred, partition)
        self.topics.commit(DELIVER, at, Committed(outbox.tried_again, metadata))

    def counts(self, partition: int) -> Counter[str]:
        """Return deliver's counts of a partition, to be tampered with before `commit_outbox`."""
        return self._outbox[partition].counts

    def delivered_to(self, partition: int) -> int:
        """Return deliver's position in a partition."""
        return self._outbox[partition].frontier

    def _event(self, partition: int, fate: Fate) -> OrderCompleted:
        earlier = self._accepted[partition]
        mine = {each.order_ref for each in earlier}
        others = [each for made in self._accepted.values() for each in made if each.order_ref not in mine]
        if fate == "duplicate" and earlier:
            return earlier[self._made % len(earlier)]
        if fate == "conflict" and earlier:
            return replace(earlier[self._made % len(earlier)], subtotal=Decimal(self._made) + Decimal("0.5"))
        if fate == "repeat_elsewhere" and others:
            return others[self._made % len(others)]
        if fate == "conflict_elsewhere" and others:
            return replace(others[self._made % len(others)], subtotal=Decimal(self._made) + Decimal("0.5"))
        is_early = fate == "before_cut_over"
        return OrderCompleted(
            order_id=str(self._made),
            order_ref=f"R-{self._made}",
            completed_at_ms=CUT_OVER_MS - 1 if is_early else self._now_ms,
            currency="EUR",
            subtotal=Decimal(self._made),
        )

    def _log(self, partition: int, key: bytes, value: bytes | None) -> None:
        self.topics.append(self.names.orders, key, value, partition, self._now_ms)

    def _commit_orders(self, partition: int) -> None:
        self._log(partition, orders.LEDGER_KEY, orders.encode(self.ledgers[partition]))
        ledger = self.ledgers[partition]
        at = TopicPartition(self.names.order_completed, partition)
        self.topics.commit(ATTRIBUTE, at, Committed(BEFORE_OURS + ledger.orders, ""))

    def _receipt(
        self, outbox: _Outbox, record: Record, decided: Conversion, how: How, repeats: int, deferrals: int = 0
    ) -> None:
        endings: dict[How, Ending] = {"rejected": "dead_letter", "too_old": "dead_letter", "for_export": "deferred"}
        ending = endings.get(how, cast("Ending", how))
        outbox.counts["for_export" if how == "for_export" else ending] += 1
        receipt = Receipt(
            programme=decided.programme,
            order_ref=decided.order_ref,
            ending=ending,
            mode=decided.mode,
            attempts=1,
            unknown_attempts=0,
            possible_repeat=False,
            repeats=repeats,
            http_status=200,
            outcome="delivered",
            excerpt="",
            reason=PUT_OFF if how == "deferred" else REASONS.get(how, ""),
            first_attempt_at_ms=self._now_ms,
            finished_at_ms=self._now_ms,
            completed_at_ms=decided.completed_at_ms,
            decidable_at_ms=decided.decidable_at_ms,
            fingerprint=decided.fingerprint,
            source=Position(record.topic, record.partition, record.offset),
            deferrals=deferrals + (how == "deferred"),
        )
        self._write_receipt(outbox, record, receipt)

    def _write_receipt(self, outbox: _Outbox, record: Record, receipt: Receipt) -> None:
        key = outbox_key(receipt.programme, receipt.order_ref)
        outbox.receipts[key] = receipt
        value = ReceiptEncoder(schemas())(receipt)
        self.topics.append(self.names.receipt, key, value, record.partition, self._now_ms)

    def _refuse(self, record: Record, reason: str, order_ref: str | None) -> None:
        letter = DeadLetter(
            stage="attribute" if record.topic == self.names.order_completed else "deliver",
            reason=reason,
            field="",
            message="see above",
            source=Position(record.topic, record.partition, record.offset),
            timestamp_ms=record.timestamp_ms,
            failed_at_ms=self._now_ms,
            programme=None if order_ref is None else PROGRAMME,
            order_ref=order_ref,
            key=record.key,
            value=record.value,
            value_sha256=sha256(record.value or b"").digest(),
            truncated=False,
        )
        value = DeadLetterEncoder(schemas())(letter)
        self.topics.append(self.names.dead_letter, record.key, value, timestamp_ms=self._now_ms)
