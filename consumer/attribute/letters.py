"""The attribute stage's dead letters. Pure."""

from __future__ import annotations

import hashlib

from consumer.errors import Reject
from consumer.events import Conversion, DeadLetter, Position
from consumer.stream.log import Record


def of_record(
    record: Record, error: Reject, *, programme: str | None, order_ref: str | None, now_ms: int
) -> DeadLetter:
    """Return the letter for a record that was refused, with its bytes."""
    return DeadLetter(
        stage="attribute",
        reason=error.reason,
        field=error.field,
        message=f"{record.topic}[{record.partition}]@{record.offset}: {error.message}",
        source=Position(record.topic, record.partition, record.offset),
        timestamp_ms=record.timestamp_ms,
        failed_at_ms=now_ms,
        programme=programme,
        order_ref=order_ref,
        key=record.key,
        value=record.value,
        value_sha256=hashlib.sha256(record.value or b"").digest(),
        truncated=False,
    )


def of_conversion(said: Conversion, now_ms: int) -> DeadLetter:
    """Return the letter for an accepted order whose conversion does not fit its topic; its bytes are not at hand."""
    source = said.source
    return DeadLetter(
        stage="attribute",
        reason="order_too_large",
        field="",
        message=f"{source.topic}[{source.partition}]@{source.offset}: the conversion does not fit its topic "
        "(topics.max_message_bytes): say less in custom, or raise the limit; the order is still on its topic",
        source=source,
        timestamp_ms=said.completed_at_ms,
        failed_at_ms=now_ms,
        programme=said.programme,
        order_ref=said.order_ref,
        key=None,
        value=None,
        value_sha256=hashlib.sha256(b"").digest(),
        truncated=True,
    )
