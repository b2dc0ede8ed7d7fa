"""A `KeyedStore` on disk: one RocksDB database, bounded in memory, without a log of its own.

The changelog is the log, so the write-ahead log stays off. What makes that safe is that a write batch goes into one
memtable as a whole and memtables reach the disk in order: after a crash the database stands at some batch boundary.
That holds within one column family, hence everything lives in the default one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

from rocksdict import (
    AccessType,
    BlockBasedOptions,
    Cache,
    DBCompressionType,
    Options,
    Rdict,
    ReadOptions,
    WriteBatch,
    WriteBufferManager,
    WriteOptions,
)

from consumer.errors import StateError
from consumer.state.store import Change, prefix_end

MEBIBYTE = 1 << 20
BLOOM_BITS = 10
BLOCK_BYTES = 4 << 10
BACKGROUND_JOBS = 2
OPEN_FILES = 256
LOG_FILES = 2
MEMTABLES = 3


class RocksMemory:
    """Memory that several databases share: blocks read (indexes and filters with them) and writes not yet on disk.

    Args:
        cache_bytes: about the most that blocks take.
        memtable_bytes: what unwritten data may take before the database that writes next puts some on disk. Writers do
            not wait for that until one database has three memtables full.
    """

    def __init__(self, cache_bytes: int = 64 * MEBIBYTE, memtable_bytes: int = 64 * MEBIBYTE) -> None:
        self.cache = Cache(cache_bytes)
        self.write_buffers = WriteBufferManager(memtable_bytes, allow_stall=False)

    def used_bytes(self) -> int:
        """Return what they take now; any thread may ask."""
        return self.cache.get_usage() + self.write_buffers.get_usage()


class RocksStore:
    """One database in a folder of its own.

    Args:
        path: its folder; made if missing.
        memory: shared with other databases; without it the database has its own.
        memtable_bytes: writes gathered before they become a file. Tests of crashes make it tiny.
        ttl_s: entries written longer ago may vanish (when files are compacted), as seen by the wall clock. A database
            made with it can only be opened with it, and one made without only without.

    Raises:
        StateError: the folder cannot be used, or another store has it open.
    """

    def __init__(
        self,
        path: Path,
        *,
        memory: RocksMemory | None = None,
        memtable_bytes: int = 16 * MEBIBYTE,
        ttl_s: int | None = None,
    ) -> None:
        self._path = path
        access = AccessType.read_write() if ttl_s is None else AccessType.with_ttl(ttl_s)
        try:
            path.mkdir(parents=True, exist_ok=True)
            # Left to itself, rocksdict 0.3.29 opens a database anew with the column family options found in it: without
            # our memory, and with expiry applied twice over, the second time to bytes that are no time: entries vanish.
            options = _options(memory or RocksMemory(), memtable_bytes)
            self._db = Rdict(str(path), options, column_families={"default": options}, access_type=access)
        # rocksdict raises plain Exception
        except Exception as error:
            raise StateError(
                f"the database {path} cannot be opened: {error}. If no other process uses it, delete the folder: its "
                "content is restored from the changelog"
            ) from error
        if ttl_s is not None:
            # RocksDB would leave what has expired in files that nothing is merged into for another 30 days.
            self._db.set_options({"periodic_compaction_seconds": str(max(1, ttl_s // 4))})
        self._unlogged = WriteOptions()
        self._unlogged.disable_wal = True  # type: ignore[method-assign,assignment] # an attribute; the stub is wrong

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a key, or ``None``."""
        return cast("bytes | None", self._db.get(key))

    def scan(self, prefix: bytes, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Yield the pairs whose key starts with ``prefix``, in key order, from ``start`` on.

        They are as they stand when the first is asked for.
        """
        # The iterator reads its bound out of these (rocksdict 0.3.29): let go of earlier, it ends where it likes.
        options = ReadOptions()
        end = prefix_end(prefix)
        if end is not None:
            options.set_iterate_upper_bound(end)
        yield from cast("Iterator[tuple[bytes, bytes]]", self._db.items(from_key=max(prefix, start), read_opt=options))

    def apply(self, changes: Iterable[Change], prefix: bytes = b"") -> None:
        """Write all of these or none, each key behind ``prefix``; of several for one key the last holds.

        Raises:
            StateError: the disk is full or broken; nothing was written.
        """
        batch = WriteBatch(raw_mode=True)
        put, delete = batch.put, batch.delete
        for key, value in changes:
            if value is None:
                delete(prefix + key)
            else:
                put(prefix + key, value)
        try:
            self._db.write(batch, self._unlogged)
        # rocksdict raises plain Exception
        except Exception as error:
            raise StateError(f"the database {self._path} cannot be written: {error}") from error

    def drop(self, prefix: bytes) -> None:
        """Delete every key that starts with ``prefix``, by one entry that covers them."""
        end = prefix_end(prefix)
        if end is None:
            self.apply([(key, None) for key, _ in self.scan(prefix)])
        else:
            self._db.delete_range(prefix, end, self._unlogged)

    def size_bytes(self) -> int:
        """Return the size of the files in use and of what is not in files yet."""
        names = ("rocksdb.live-sst-files-size", "rocksdb.cur-size-all-mem-tables")
        return sum(self._db.property_int_value(name) or 0 for name in names)

    def flush(self) -> None:
        """Put everything applied so far on disk."""
        self._db.flush()

    def close(self) -> None:
        """Put everything on disk and close the database. May be repeated."""
        self._db.close()


def _options(memory: RocksMemory, memtable_bytes: int) -> Options:
    """For small values, point look-ups and short scans, on a disk shared with others."""
    blocks = BlockBasedOptions()
    blocks.set_block_cache(memory.cache)
    blocks.set_block_size(BLOCK_BYTES)
    blocks.set_bloom_filter(BLOOM_BITS, block_based=False)
    blocks.set_cache_index_and_filter_blocks(True)
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(True)

    options = Options(raw_mode=True)
    options.create_if_missing(True)  # noqa: FBT003 - the name of the call says it
    options.set_block_based_table_factory(blocks)
    options.set_write_buffer_manager(memory.write_buffers)
    options.set_write_buffer_size(memtable_bytes)
    options.set_max_write_buffer_number(MEMTABLES)
    options.set_level_compaction_dynamic_level_bytes(True)
    options.set_compression_type(DBCompressionType.lz4())
    options.set_max_background_jobs(BACKGROUND_JOBS)
    options.set_max_open_files(OPEN_FILES)
    options.set_bytes_per_sync(MEBIBYTE)
    options.set_max_log_file_size(MEBIBYTE)
    options.set_keep_log_file_num(LOG_FILES)
    options.set_stats_dump_period_sec(0)
    return options
