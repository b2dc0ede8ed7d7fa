"""An export that kills itself, as `kill -9` would, right before a file gets its name; run by ``test_export``.

Its arguments are the configuration and the folder. Everything is as in `awin-consumer export-offline` but for that.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import ExitStack
from datetime import date
from pathlib import Path

from consumer import settings
from consumer.export.folder import DiskFolder
from consumer.export.selection import Selection
from consumer.wiring.export import open_export


class KilledBeforePublishing(DiskFolder):
    """A folder in which no file gets as far as its own name."""

    def rename(self, old: str, new: str) -> None:
        """Die if the new name is that of a finished file."""
        if new.endswith(".csv"):
            os.kill(os.getpid(), signal.SIGKILL)
        super().rename(old, new)


if __name__ == "__main__":
    config, out = map(Path, sys.argv[1:])
    with KilledBeforePublishing(out) as folder, ExitStack() as stack:
        export = open_export(settings.load(config), folder, lambda _: None, stack)
        export.run(Selection(first=date(2000, 1, 1), last=date(2099, 12, 31)))
