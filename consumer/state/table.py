"""A changelog's content, kept in a store together with how far it has been read.

Several partitions share a store. A key is ``partition (4 bytes, big-endian) | the changelog's key``; the partition
alone is the key of its checkpoint, so that content and checkpoint go in one batch and are dropped as one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from struct import Struct
from typing import NamedTuple

from consumer.errors import StateError
from consumer.state.store import Change, KeyedStore
from consumer.stream.log import Record

CHECKPOINT_VERSION = 1
PARTITION_BYTES = 4

_HEAD = Struct(">Bqq")
"""Version, next offset, time in ms; the topic id follows as UTF-8. Every later version starts with its byte, too."""


class _Checkpoint(NamedTuple):
    next_offset: int
    as_of_ms: int


class Table:
    """One changelog's content, by partition, with a checkpoint per partition in the same atomic batch.

    Keys are never empty. One thread at a time writes to a partition; different partitions may be written to by
    different threads.

    Args:
        store: where it is kept, for this table alone.
        topic: the changelog.
        topic_id: the id the broker gave the topic: a checkpoint of another one is no checkpoint.
        changes_of: what a changelog record changes. Used to restore; pure.
        max_checkpoint_age_ms: half of the topic's ``delete.retention.ms``: content older than that may hold entries
            whose deletion the changelog has forgotten.
        now_ms: the wall clock.
    """

    def __init__(
        self,
        store: KeyedStore,
        topic: str,
        topic_id: str,
        changes_of: Callable[[Record], Iterable[Change]],
        *,
        max_checkpoint_age_ms: int,
        now_ms: Callable[[], int],
    ) -> None:
        self.topic = topic
        self.changes_of = changes_of
        self._store = store
        self._topic_id = topic_id.encode()
        self._max_age_ms = max_checkpoint_age_ms
        self._now_ms = now_ms

    def size_bytes(self) -> int:
        """Return about how much the table takes; any thread may ask."""
        return self._store.size_bytes()

    def get(self, partition: int, key: bytes) -> bytes | None:
        """Return the value of a key in a partition, or ``None``."""
        return self._store.get(_prefix(partition) + key)

    def scan(self, partition: int, prefix: bytes, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Yield the pairs of a partition whose key starts with ``prefix``, in key order, from ``start`` on.

        Do not write meanwhile.
        """
        own = _prefix(partition)
        pairs = self._store.scan(own + prefix, own + start)
        return ((key[PARTITION_BYTES:], value) for key, value in pairs if len(key) > PARTITION_BYTES)

    def values(self, partition: int, prefix: bytes) -> list[bytes]:
        """Return the values of a partition whose key starts with ``prefix``, which is not empty, in key order."""
        return [value for _, value in self._store.scan(_prefix(partition) + prefix)]

    def commit(self, partition: int, changes: Iterable[Change], next_offset: int) -> None:
        """Write what the changelog holds before ``next_offset``, and that it does, in one batch.

        Only for a partition that is restored and whose changelog has nothing more before ``next_offset``.
        """
        self._write(partition, changes, _Checkpoint(next_offset, self._now_ms()))

    def catch_up(self, partition: int, changes: Iterable[Change], next_offset: int) -> None:
        """As `commit`, in the middle of restoring: the content gets no younger by it.

        A key whose deletion lies ahead is still there. The log remembers that deletion for long enough after the
        *first* of these reads, so until the end is reached the checkpoint keeps the time at which it all began.
        """
        before = self._read(partition)
        as_of_ms = self._now_ms() if before is None else before.as_of_ms
        self._write(partition, changes, _Checkpoint(next_offset, as_of_ms))

    def checkpoint(self, partition: int) -> int | None:
        """Return the changelog offset to go on from; ``None`` if the content is missing or cannot be gone on from.

        That is: too old (or dated as far in the future), of another topic id, or unreadable.

        Raises:
            StateError: a later version of this software wrote it.
        """
        found = self._read(partition)
        if found is None or abs(self._now_ms() - found.as_of_ms) > self._max_age_ms:
            return None
        return found.next_offset

    def drop(self, partition: int) -> None:
        """Forget a partition with its checkpoint."""
        self._store.drop(_prefix(partition))

    def _write(self, partition: int, changes: Iterable[Change], checkpoint: _Checkpoint) -> None:
        mark: Change = (b"", _HEAD.pack(CHECKPOINT_VERSION, *checkpoint) + self._topic_id)
        self._store.apply(chain(changes, (mark,)), _prefix(partition))

    def _read(self, partition: int) -> _Checkpoint | None:
        value = self._store.get(_prefix(partition))
        if not value:
            return None
        if value[0] > CHECKPOINT_VERSION:
            raise StateError(
                f"the local state of {self.topic} partition {partition} was written by a later version of this "
                f"software (format {value[0]}, known up to {CHECKPOINT_VERSION}): run that version, or delete the "
                "state folder to restore from the changelog"
            )
        if value[0] < CHECKPOINT_VERSION or len(value) < _HEAD.size or value[_HEAD.size :] != self._topic_id:
            return None
        _, next_offset, as_of_ms = _HEAD.unpack_from(value)
        return _Checkpoint(next_offset, as_of_ms)


def _prefix(partition: int) -> bytes:
    return partition.to_bytes(PARTITION_BYTES, "big")
