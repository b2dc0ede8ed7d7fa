"""How pending orders, order links and the ledger lie in their store.

The changelog (compacted) has the same keys and values.

Keys: ``p`` or ``o``, then the outbox key (programme:order_ref); ``m`` for the ledger. Values: version, packed struct.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import msgspec
from msgspec import Struct

from consumer.errors import StateError
from consumer.events import OrderCompleted
from consumer.state.store import Change
from consumer.stream.log import Record

VERSION = 1
LEDGER_KEY = b"m"

_V = bytes([VERSION])
_encode = msgspec.msgpack.Encoder().encode


class Pending(Struct, frozen=True):
    """An accepted order that waits for the sessions before it."""

    order: OrderCompleted
    offset: int
    entered_at_ms: int
    """Timestamp of its record."""
    fingerprint: bytes


class Link(Struct, frozen=True, array_like=True):
    """What was decided for an order: its tie to a click checksum, kept for `state.order_retention`."""

    offset: int
    fingerprint: bytes
    completed_at_ms: int
    channel: str
    click_checksums: tuple[str, ...]
    session_cut: int | None
    reported: bool = True
    """Whether a conversion says so; its programme may report only Awin's orders."""


class Ledger(Struct, kw_only=True):
    """What one partition has to account for. Written whole in every transaction."""

    cut_over_ms: int
    session_topic_id: str
    order_topic_id: str
    partition_count: int
    first_session_offset: int
    first_order_offset: int
    touches_topic_id: str = ""
    """Of the changelog; an orders changelog that was made anew is empty, and so has no ledger."""
    watermark_ms: int = 0
    sessions: int = 0
    sessions_dead: int = 0
    orders: int = 0
    decided: int = 0
    duplicates: int = 0
    conflicts: int = 0
    before_cut_over: int = 0
    not_reportable: int = 0
    dead_letters: int = 0

    def pending(self) -> int:
        """Return how many orders must be pending if the counts add up."""
        early = self.duplicates + self.conflicts + self.before_cut_over + self.dead_letters
        return self.orders - self.decided - self.not_reportable - early


_pending = msgspec.msgpack.Decoder(Pending)
_link = msgspec.msgpack.Decoder(Link)
_ledger = msgspec.msgpack.Decoder(Ledger)
_T = TypeVar("_T")


def pending_key(outbox_key: bytes) -> bytes:
    """Return the key of a pending order."""
    return b"p" + outbox_key


def link_key(outbox_key: bytes) -> bytes:
    """Return the key of an order link."""
    return b"o" + outbox_key


def encode(value: Pending | Link | Ledger) -> bytes:
    """Return the stored form."""
    return _V + _encode(value)


def decode_pending(value: bytes) -> Pending:
    """Return a stored pending order; raises StateError on an unknown version."""
    return _decode(_pending, value)


def decode_link(value: bytes) -> Link:
    """Return a stored link; raises StateError on an unknown version."""
    return _decode(_link, value)


def decode_ledger(value: bytes) -> Ledger:
    """Return a stored ledger; raises StateError on an unknown version."""
    return _decode(_ledger, value)


def changes_of(record: Record) -> Iterator[Change]:
    """Yield the store change in a changelog record: the log has the store's own keys and values."""
    if record.key is not None:
        yield record.key, record.value


def _decode(decoder: msgspec.msgpack.Decoder[_T], value: bytes) -> _T:
    if value[0] != VERSION:
        raise StateError(
            f"an order is stored in version {value[0]}, this program knows {VERSION}: it was written by a newer "
            "release; run that release"
        )
    return decoder.decode(memoryview(value)[1:])
