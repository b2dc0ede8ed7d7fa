"""The attribute stage's dead letters about what is no record any more. Pure."""

from __future__ import annotations

import hashlib

from consumer.events import Conversion, DeadLetter


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
