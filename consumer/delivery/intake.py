"""What a record of the outbox, or a deferred one, is before anything is sent for it."""

from __future__ import annotations

from collections.abc import Callable

from consumer.delivery import deferral, sent
from consumer.delivery.deferral import Deferral
from consumer.delivery.endings import Codecs, Endings
from consumer.delivery.outstanding import Outstanding
from consumer.delivery.pacing.retry import Retries
from consumer.delivery.partition import OutboxPartition
from consumer.errors import StateError, TopicError, Undecodable
from consumer.events import Conversion, Position, Receipt, outbox_key
from consumer.flood import FloodGuard
from consumer.state.table import Table
from consumer.stream.log import Record


class Intake:
    """Finishes at once whatever needs no attempt, and hands on the rest.

    Args:
        table: the newest receipt of each key.
        codecs: how values are read.
        endings: how endings are written.
        retries: begins the record of an order's attempts.
        flood: counts records that cannot be decoded.
        backlog_ms: at this age an order has lost its priority, and is put off so that newer ones go first; beyond the
            second one it is no longer sent at all.
        now_ms: the wall clock.
    """

    def __init__(
        self,
        table: Table,
        codecs: Codecs,
        endings: Endings,
        retries: Retries,
        flood: FloodGuard,
        *,
        backlog_ms: tuple[int, int],
        now_ms: Callable[[], int],
    ) -> None:
        self._table = table
        self._codecs = codecs
        self._endings = endings
        self._retries = retries
        self._flood = flood
        self._backlog_ms = backlog_ms
        self._now_ms = now_ms

    def read(self, partition: OutboxPartition, record: Record) -> Outstanding | None:
        """Take in a record of the outbox; return its conversion if it is to be sent now.

        Raises:
            TopicError: a schema is unknown that only we can have written.
            Flood: too many of the last records cannot be decoded; this one is not finished.
        """
        lane = partition.fresh
        suspect = lane.read(record.offset)
        try:
            conversion = self._codecs.read_conversion(record.value, record.headers)
        except Undecodable as error:
            if error.reason == "unknown_schema":
                raise TopicError(f"{_place(record)}: {error.message}") from error
            self._flood.taken(rejected=True)
            lane.finish(self._endings.undecodable(record, error))
            return None
        self._flood.taken(rejected=False)
        at = Position(record.topic, record.partition, record.offset)
        return self._enter(partition, record, conversion, at, suspect=suspect, put_off=None)

    def read_deferred(self, partition: OutboxPartition, record: Record) -> Outstanding | None:
        """Take in a deferred record; return its conversion if it is to be sent now.

        Raises:
            StateError: it is none that we can have written.
        """
        lane = partition.deferred
        put_off = deferral.read(record.headers, _place(record))
        suspect = lane.read(record.offset) or put_off.suspect
        try:
            conversion = self._codecs.read_conversion(record.value, record.headers)
        except Undecodable as error:
            raise StateError(
                f"{_place(record)}: {error.message}; only conversions that we could read go there"
            ) from error
        return self._enter(partition, record, conversion, put_off.source, suspect=suspect, put_off=put_off)

    def admit(self, partition: OutboxPartition, item: Outstanding) -> Outstanding | None:
        """Judge a conversion whose key has nothing else in hand; return it if it is to be sent."""
        finish = partition.lane_of(item).finish
        receipt = self._receipt(partition.number, item.key)
        verdict = sent.judge(item.conversion, item.at, item.deferrals, receipt, item.replay)
        item.superseded = receipt if verdict == "new" and receipt and receipt.ending == "dead_letter" else None
        if verdict == "known":
            finish(self._endings.known(item))
        elif receipt is not None and verdict == "repeat" and not sent.may_be_rewritten(receipt):
            finish(self._endings.silent_repeat(item))
        elif receipt is not None and verdict == "repeat":
            finish(self._endings.repeat(item, receipt))
        elif receipt is not None and verdict == "conflict":
            finish(self._endings.conflict(item, receipt))
        elif item.conversion.mode == "shadow":
            finish(self._endings.shadow(item))
        elif item.conversion.method == "offline":
            finish(self._endings.left_for_export(item))
        elif not item.deferrals and self._has_lost_its_priority(item.conversion):
            finish(self._endings.deferred(item, "backlog"))
        else:
            item.repeats = 0 if receipt is None else receipt.repeats
            return item
        return None

    def _enter(
        self,
        partition: OutboxPartition,
        record: Record,
        conversion: Conversion,
        at: Position,
        *,
        suspect: bool,
        put_off: Deferral | None,
    ) -> Outstanding | None:
        item = Outstanding(
            record=record,
            conversion=conversion,
            key=outbox_key(conversion.programme, conversion.order_ref),
            at=at,
            written_at_ms=record.timestamp_ms if put_off is None else put_off.written_at_ms or record.timestamp_ms,
            trial=self._retries.begin(conversion.programme, 0 if put_off is None else put_off.counted),
            suspect=suspect,
        )
        if put_off is not None:
            item.deferrals = put_off.number
            item.attempts = put_off.attempts
            item.unknown_attempts = item.unknown_before = put_off.unknown_attempts
            item.first_attempt_at_ms = put_off.first_attempt_at_ms
        return self.admit(partition, item) if partition.enter(item) else None

    def _has_lost_its_priority(self, conversion: Conversion) -> bool:
        above, most = self._backlog_ms
        return above < self._now_ms() - conversion.completed_at_ms <= most

    def _receipt(self, partition: int, key: bytes) -> Receipt | None:
        value = self._table.get(partition, key)
        return None if value is None else self._codecs.read_receipt(sent.unpack(value), ())


def _place(record: Record) -> str:
    return f"{record.topic}[{record.partition}]@{record.offset}"
