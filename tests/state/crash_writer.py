"""Writes batches into a table on disk until it is killed; run by ``test_crash``.

Batch *n* sets the counter to *n*, adds entry *n* and deletes entry *n - 50*; its checkpoint is *n*.
"""

from __future__ import annotations

import sys
from pathlib import Path

from consumer.state.rocksdb import RocksStore
from consumer.state.table import Table

KEPT = 50
COUNTER = b"counter"


def entry_key(number: int) -> bytes:
    """The key of a batch's entry."""
    return b"entry" + number.to_bytes(8, "big")


def open_table(store: RocksStore) -> Table:
    """The table that writer and test share."""
    return Table(store, "log", "id", lambda _: (), max_checkpoint_age_ms=10**9, now_ms=lambda: 0)


def write(store: RocksStore) -> None:
    """Go on from the checkpoint, for ever; report each batch."""
    table = open_table(store)
    number = table.checkpoint(0) or 0
    while True:
        number += 1
        table.commit(
            0,
            [
                (COUNTER, str(number).encode()),
                (entry_key(number), bytes(2_000)),
                (entry_key(number - KEPT) if number > KEPT else b"none", None),
            ],
            number,
        )
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    write(RocksStore(Path(sys.argv[1]), memtable_bytes=64 << 10))
