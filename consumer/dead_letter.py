"""Dead letters about records, and about replays of them. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal

from msgspec.structs import replace

from consumer.errors import Reject
from consumer.events import FORGET_ORDER_HEADER, DeadLetter, Header, Position
from consumer.replay_header import REPLAY_HEADER
from consumer.stream.framing import SCHEMA_ID_HEADER, Headers
from consumer.stream.log import Record

KEPT_BYTES = 65_536
"""What is kept of a key or a value that is too large to be kept whole."""
KEPT_HEADER_BYTES = 8_192
"""Names and values of headers that are kept whole; of more, only those in `_READ_HEADERS`."""

REPLAYED = "replayed"
"""Reason of the note that a dead letter was replayed."""

_READ_HEADERS = frozenset({SCHEMA_ID_HEADER, FORGET_ORDER_HEADER, REPLAY_HEADER})
"""Without these a record is not read as it was."""
_OF_NOTHING = hashlib.sha256(b"").digest()
_HEADER_ROOM_BYTES = 8
"""What a header takes beside its name and value, at most."""


def of_record(
    stage: Literal["attribute", "deliver"],
    record: Record,
    error: Reject,
    *,
    programme: str | None,
    order_ref: str | None,
    now_ms: int,
    at: Position | None = None,
) -> DeadLetter:
    """Return the letter for a record that was refused, with its bytes; of too large headers not all (`truncated`).

    It is about what stands ``at`` another place where the record is a copy of that.
    """
    headers, whole = _kept(record.headers)
    source = at or Position(record.topic, record.partition, record.offset)
    return DeadLetter(
        stage=stage,
        reason=error.reason,
        field=error.field,
        message=f"{source.topic}[{source.partition}]@{source.offset}: {error.message}",
        source=source,
        timestamp_ms=record.timestamp_ms,
        failed_at_ms=now_ms,
        programme=programme,
        order_ref=order_ref,
        key=record.key,
        value=record.value,
        headers=headers,
        value_sha256=hashlib.sha256(record.value or b"").digest(),
        truncated=not whole,
    )


def cut(letter: DeadLetter, kept_bytes: int = KEPT_BYTES) -> DeadLetter:
    """Return a letter with the beginnings of its record's key and value alone."""
    key, value = letter.key and letter.key[:kept_bytes], letter.value and letter.value[:kept_bytes]
    return replace(letter, key=key, value=value, truncated=True)


def of_replay(letter: DeadLetter, at: Position, now_ms: int) -> DeadLetter:
    """Return the note that the record of a letter, which stands at ``at``, was appended again."""
    source = letter.source
    return DeadLetter(
        stage="replay",
        reason=REPLAYED,
        field="",
        message=f"{at.topic}[{at.partition}]@{at.offset}: its record ({letter.reason}) was appended again to "
        f"{source.topic}[{source.partition}]",
        source=at,
        timestamp_ms=letter.failed_at_ms,
        failed_at_ms=now_ms,
        programme=letter.programme,
        order_ref=letter.order_ref,
        key=None,
        value=None,
        value_sha256=_OF_NOTHING,
        truncated=False,
    )


def original(letter: DeadLetter) -> Record:
    """Return the record that a letter is about, as far as it has it."""
    headers = tuple((each.name, each.value) for each in letter.headers)
    source = letter.source
    return Record(source.topic, source.partition, source.offset, letter.timestamp_ms, letter.key, letter.value, headers)


def _kept(headers: Headers) -> tuple[tuple[Header, ...], bool]:
    """Return the headers to keep, and whether these are all of them."""
    every = tuple(Header(name, value) for name, value in headers)
    if _size(every) <= KEPT_HEADER_BYTES:
        return every, True
    ours = tuple(each for each in every if each.name in _READ_HEADERS)
    return ours if _size(ours) <= KEPT_HEADER_BYTES else (), False


def _size(headers: Sequence[Header]) -> int:
    return sum(len(each.name.encode()) + len(each.value or b"") + _HEADER_ROOM_BYTES for each in headers)
