"""A `KeyedStore` in memory, for tests and the in-process demo."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from threading import Lock

from consumer.state.store import Change, prefix_end


class MemoryStore:
    """Keys in a sorted list next to a dict: quick for the hundred thousand entries of a test, not for millions."""

    def __init__(self, content: Mapping[bytes, bytes] | None = None) -> None:
        self._values = dict(content or {})
        self._keys = sorted(self._values)
        self._flushed = dict(self._values)
        self._lock = Lock()

    def survivor(self) -> MemoryStore:
        """Return what a process would find that opened this store after the death of ours: the last flush."""
        with self._lock:
            return MemoryStore(self._flushed)

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a key, or ``None``."""
        return self._values.get(key)

    def scan(self, prefix: bytes, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Yield the pairs whose key starts with ``prefix`` as they stand now, in key order, from ``start`` on."""
        with self._lock:
            return iter([(key, self._values[key]) for key in self._keys[self._span(prefix)] if key >= start])

    def apply(self, changes: Iterable[Change], prefix: bytes = b"") -> None:
        """Write all of these or none, each key behind ``prefix``; of several for one key the last holds."""
        batch = [(prefix + key, value) for key, value in changes]
        with self._lock:
            for key, value in batch:
                if value is None:
                    self._delete(key)
                else:
                    self._put(key, value)

    def drop(self, prefix: bytes) -> None:
        """Delete every key that starts with ``prefix``."""
        with self._lock:
            span = self._span(prefix)
            for key in self._keys[span]:
                del self._values[key]
            del self._keys[span]

    def size_bytes(self) -> int:
        """Return the sum of all keys and values."""
        with self._lock:
            return sum(len(key) + len(value) for key, value in self._values.items())

    def flush(self) -> None:
        """Let `survivor` have everything applied so far."""
        with self._lock:
            self._flushed = dict(self._values)

    def close(self) -> None:
        """Flush."""
        self.flush()

    def _span(self, prefix: bytes) -> slice:
        end = prefix_end(prefix)
        return slice(bisect_left(self._keys, prefix), None if end is None else bisect_left(self._keys, end))

    def _put(self, key: bytes, value: bytes) -> None:
        if key not in self._values:
            insort(self._keys, key)
        self._values[key] = value

    def _delete(self, key: bytes) -> None:
        if self._values.pop(key, None) is not None:
            del self._keys[bisect_left(self._keys, key)]
