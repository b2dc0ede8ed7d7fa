"""A program: the attribute stage with memtables of the least size that RocksDB takes, so that much is flushed early.

``python small_steps.py CONFIG [RECORDS]``: takes so many records at once and in a transaction.
"""

from __future__ import annotations

import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from threading import Event

from consumer.ops import logs
from consumer.ops.metrics import Metrics
from consumer.settings import load
from consumer.state.folder import StateFolder
from consumer.wiring.attribute import open_attribute

MEMTABLE_BYTES = 64 << 10


def main(config: Path, records: int | None) -> None:
    """Run the stage until SIGTERM."""
    settings = load(config)
    logs.configure(settings.ops.log_level)
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with ExitStack() as stack:
        folder = stack.enter_context(StateFolder(settings.state.directory))
        stage = open_attribute(
            settings,
            folder,
            Metrics(),
            stack,
            memtable_bytes=MEMTABLE_BYTES,
            max_poll_records=records,
        )
        stage.run(stop)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
