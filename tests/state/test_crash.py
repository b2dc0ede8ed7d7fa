"""What a killed process leaves on disk."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from consumer.state.rocksdb import RocksStore
from tests.state import crash_writer

KILLS = 8


def write_and_be_killed(folder: Path, batches: int) -> int:
    """Let a process write for so many batches and kill it; return the last batch that it reported."""
    command = [sys.executable, "-m", "tests.state.crash_writer", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as writer:
        assert writer.stdout is not None
        reported = [writer.stdout.readline() for _ in range(batches)]
        writer.kill()
        reported += writer.stdout.read().splitlines(keepends=True)
        return max(int(line) for line in reported if line.endswith("\n"))


def test_a_kill_leaves_a_batch_boundary(tmp_path: Path) -> None:
    """Killed at any moment, a store opens again with exactly the batches up to its checkpoint, and goes on from it."""
    lengths = random.Random(20)
    survived = 0
    for _ in range(KILLS):
        reported = write_and_be_killed(tmp_path, batches=lengths.randint(1, 600))
        store = RocksStore(tmp_path, memtable_bytes=64 << 10)
        table = crash_writer.open_table(store)
        checkpoint = table.checkpoint(0) or 0
        assert survived <= checkpoint <= reported + 1
        first = max(1, checkpoint - crash_writer.KEPT + 1)
        content = {crash_writer.entry_key(n): bytes(2_000) for n in range(first, checkpoint + 1)}
        if checkpoint:
            content[crash_writer.COUNTER] = str(checkpoint).encode()
        assert dict(table.scan(0, b"")) == content
        survived = checkpoint
        store.close()
    assert survived > 0
