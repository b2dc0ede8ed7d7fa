"""What a record of the outbox is, before anything is sent for it."""

from __future__ import annotations

from consumer.delivery import sent
from consumer.delivery.endings import Codecs, Endings
from consumer.delivery.outstanding import Outstanding
from consumer.delivery.partition import OutboxPartition
from consumer.delivery.retry import Retries
from consumer.errors import TopicError, Undecodable, Unreportable
from consumer.events import Receipt, outbox_key
from consumer.flood import FloodGuard
from consumer.state.table import Table
from consumer.stream.log import Record


class Intake:
    """Finishes at once whatever needs no attempt, and hands on the rest."""

    def __init__(self, table: Table, codecs: Codecs, endings: Endings, retries: Retries, flood: FloodGuard) -> None:
        self._table = table
        self._codecs = codecs
        self._endings = endings
        self._retries = retries
        self._flood = flood

    def read(self, partition: OutboxPartition, record: Record) -> Outstanding | None:
        """Take in a record; return its conversion if it is to be sent now.

        Raises:
            TopicError: a schema is unknown that only we can have written.
            Flood: too many of the last records cannot be decoded; this one is not finished.
        """
        suspect = partition.read(record.offset)
        try:
            conversion = self._codecs.read_conversion(record.value, record.headers)
        except Undecodable as error:
            if error.reason == "unknown_schema":
                raise TopicError(f"{record.topic}[{record.partition}]@{record.offset}: {error.message}") from error
            self._flood.taken(rejected=True)
            partition.finish(self._endings.undecodable(record, error))
            return None
        self._flood.taken(rejected=False)
        key = outbox_key(conversion.programme, conversion.order_ref)
        item = Outstanding(record, conversion, key, self._retries.begin(conversion.programme), suspect)
        return self.admit(partition, item) if partition.enter(item) else None

    def admit(self, partition: OutboxPartition, item: Outstanding) -> Outstanding | None:
        """Judge a conversion whose key has nothing else in hand; return it if it is to be sent."""
        receipt = self._receipt(partition.number, item.key)
        verdict = sent.judge(item.conversion, item.at, receipt, item.replay)
        item.superseded = receipt if verdict == "new" else None
        if verdict == "known":
            partition.finish(self._endings.known(item))
        elif receipt is not None and verdict == "repeat" and not sent.may_be_rewritten(receipt):
            partition.finish(self._endings.silent_repeat(item))
        elif receipt is not None and verdict == "repeat":
            partition.finish(self._endings.repeat(item, receipt))
        elif receipt is not None and verdict == "conflict":
            partition.finish(self._endings.conflict(item, receipt))
        elif item.conversion.mode == "shadow":
            partition.finish(self._endings.shadow(item))
        elif item.conversion.method == "offline":
            partition.finish(self._endings.left_for_export(item))
        elif item.conversion.method != "sread":
            partition.finish(self._endings.rejected(item, _unsupported(item.conversion.method)))
        else:
            return item
        return None

    def _receipt(self, partition: int, key: bytes) -> Receipt | None:
        value = self._table.get(partition, key)
        return None if value is None else self._codecs.read_receipt(sent.unpack(value), ())


def _unsupported(method: str) -> Unreportable:
    return Unreportable(
        "unsupported_method", "method", f"this version does not deliver by {method}: set programmes.method to sread"
    )
