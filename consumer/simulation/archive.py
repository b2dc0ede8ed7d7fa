"""What a simulation has to look up again, on disk: decisions by their order records, touches by their visitors.

There may be ten million of either. Everything is personal data: the store is thrown away at the end.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import msgspec

from consumer.attribution.touch import Touch
from consumer.simulation.decision import Decided
from consumer.state.store import Change, KeyedStore

_BATCH = 10_000
_TOUCH = b"t"
_PARTITION = struct.Struct(">cI").pack
_PLACE = struct.Struct(">cIQ")
_OFFSET = struct.Struct(">Q").pack
_LENGTH = struct.Struct(">H").pack

_encode = msgspec.msgpack.Encoder().encode
_decode_decided = msgspec.msgpack.Decoder(Decided).decode
_decode_touch = msgspec.msgpack.Decoder(Touch).decode


class Archive:
    """Keeps decisions and touches in an empty store."""

    def __init__(self, store: KeyedStore) -> None:
        self._store = store
        self._batch: list[Change] = []

    def keep(self, partition: int, offset: int, decided: Decided) -> None:
        """Keep what was decided for the order record at this place; of several the last holds."""
        key = _PLACE.pack(b"d", partition, offset)
        self._add(key, _encode(decided))

    def decided(self, partition: int) -> Iterator[tuple[int, Decided]]:
        """Yield what was decided for a partition's order records, by ascending offset."""
        self._write()
        for key, value in self._store.scan(_PARTITION(b"d", partition)):
            yield _PLACE.unpack(key)[2], _decode_decided(value)

    def add_touch(self, visitor: str, touch: Touch) -> None:
        """Keep a touch."""
        self._add(_visitor(visitor) + _OFFSET(touch.offset), _encode(touch))

    def touches(self, visitor: str) -> list[Touch]:
        """Return all touches kept of a visitor."""
        self._write()
        return [_decode_touch(value) for _, value in self._store.scan(_visitor(visitor))]

    def forget_touches(self) -> None:
        """Make room for those of another partition."""
        self._batch = [change for change in self._batch if not change[0].startswith(_TOUCH)]
        self._store.drop(_TOUCH)

    def _add(self, key: bytes, value: bytes) -> None:
        self._batch.append((key, value))
        if len(self._batch) >= _BATCH:
            self._write()

    def _write(self) -> None:
        if self._batch:
            self._store.apply(self._batch)
            self._batch = []


def _visitor(visitor: str) -> bytes:
    encoded = visitor.encode()
    return _TOUCH + _LENGTH(len(encoded)) + encoded
