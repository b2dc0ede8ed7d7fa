"""The port of a keyed store: ordered bytes to bytes, written in atomic batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

Change = tuple[bytes, bytes | None]
"""A key with its new value; ``None`` deletes it."""


class KeyedStore(Protocol):
    """Adapters: `consumer.state.memory`, `consumer.state.rocksdb`; one contract suite tests both.

    A store survives the death of its process up to some earlier batch boundary, never half a batch: the changelog
    is the log, the store only remembers how far it has come (`consumer.state.table`). Any thread may call it; who
    writes a key while another thread reads or writes the same one gets either order.
    """

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a key, or ``None``."""

    def scan(self, prefix: bytes, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Yield the pairs whose key starts with ``prefix``, in key order, from ``start`` on if that is later.

        What is written between the call and the last pair may be seen or not; pairs not written to are seen.
        """

    def apply(self, changes: Iterable[Change], prefix: bytes = b"") -> None:
        """Write all of these or none, each key behind ``prefix``; of several for one key the last holds."""

    def drop(self, prefix: bytes) -> None:
        """Delete every key that starts with ``prefix``; nothing but time and space depends on how many they are."""

    def size_bytes(self) -> int:
        """Return roughly how much the store holds."""

    def flush(self) -> None:
        """Make everything applied so far survive the death of the process."""

    def close(self) -> None:
        """Flush and let go of files and locks."""


def prefix_end(prefix: bytes) -> bytes | None:
    """Return the least key after all that start with ``prefix``, ``None`` where there is no such key."""
    stem = prefix.rstrip(b"\xff")
    return stem[:-1] + bytes((stem[-1] + 1,)) if stem else None
