"""How touches lie in their store and in their changelog.

Store: key = ``t``, length of the visitor id (2 bytes), visitor id, ``landed_at_ms``, session offset (8 bytes each,
big endian); value = version, packed `Touch`. The keys of one visitor stand together, in time order.

Changelog (append-only): a record holds many touches, as the version and a packed list key, value, key, value, …, so
that restoring copies bytes and unpacks nothing. An empty value deletes its key: the visitor asked to be forgotten.
What is kept of him instead (`consumer.attribution.erasure.marker`) lies and travels as a touch does.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from consumer.attribution.touch import Touch
from consumer.errors import StateError
from consumer.state.store import Change
from consumer.stream.log import Record

VERSION = 1

_V = bytes([VERSION])
_TAIL = struct.Struct(">qq").pack
_TAIL_BYTES = 16
_LENGTH = struct.Struct(">H").pack
_encode = msgspec.msgpack.Encoder().encode
_decode_touch = msgspec.msgpack.Decoder(Touch).decode
_decode_pairs = msgspec.msgpack.Decoder(list[bytes]).decode

MAX_VISITOR_BYTES = 0xFFFF

DELETED = b""
"""Instead of a value: the touch is gone."""

_OVERHEAD_BYTES = 5
"""The most that a key or a value takes beside its bytes in a packed list."""


PREFIX = b"t"
"""What the keys of all touches start with."""


def visitor_prefix(visitor: str) -> bytes:
    """Return what the keys of a visitor's touches start with."""
    encoded = visitor.encode()
    return PREFIX + _LENGTH(len(encoded)) + encoded


def visitor_end(visitor: str) -> bytes:
    """Return the least key after those of a visitor's touches."""
    return visitor_prefix(visitor) + b"\xff" * (_TAIL_BYTES + 1)


def entry(visitor: str, touch: Touch) -> tuple[bytes, bytes]:
    """Return the key and value of one touch."""
    return visitor_prefix(visitor) + _TAIL(touch.landed_at_ms, touch.offset), _V + _encode(touch)


def visitor_of(key: bytes) -> str:
    """Return the visitor in a touch's key."""
    return key[3:-_TAIL_BYTES].decode()


def decode(value: bytes) -> Touch:
    """Return the touch in a stored value.

    Raises:
        StateError: the value is of a version this program does not know.
    """
    if value[0] != VERSION:
        raise _unknown_version(value[0])
    return _decode_touch(memoryview(value)[1:])


def pack(entries: Sequence[bytes]) -> bytes:
    """Return the changelog record for a flat list of keys and values."""
    return _V + _encode(entries)


def changes_of(record: Record) -> Iterator[Change]:
    """Yield the store changes in a changelog record.

    Raises:
        StateError: the record is of a version this program does not know.
    """
    value = record.value
    if not value:
        return
    if value[0] != VERSION:
        raise _unknown_version(value[0])
    flat = iter(_decode_pairs(memoryview(value)[1:]))
    yield from changes(flat)


def changes(flat: Iterator[bytes]) -> Iterator[Change]:
    """Yield the store changes in a flat list of keys and values."""
    for key, value in zip(flat, flat, strict=True):
        yield key, value or None


def split(entries: Sequence[bytes], max_bytes: int) -> Iterable[Sequence[bytes]]:
    """Cut a flat list of keys and values into pieces that fit a changelog record of ``max_bytes``."""
    if entries and sum(map(len, entries)) + _OVERHEAD_BYTES * len(entries) <= max_bytes:  # nearly always
        yield entries
        return
    start = size = 0
    for index in range(0, len(entries), 2):
        pair = len(entries[index]) + len(entries[index + 1]) + 2 * _OVERHEAD_BYTES
        if size + pair > max_bytes and index > start:
            yield entries[start:index]
            start, size = index, 0
        size += pair
    if start < len(entries):
        yield entries[start:]


def _unknown_version(version: int) -> StateError:
    return StateError(
        f"a touch is stored in version {version}, this program knows {VERSION}: it was written by a newer release; "
        "run that release, or remove the state and changelogs"
    )
