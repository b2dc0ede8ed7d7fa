"""The export on Kafka."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import ExitStack

from consumer.awin.offline import Layout
from consumer.export.ports import Folder
from consumer.export.run import Export, run_name
from consumer.settings import Settings
from consumer.stream.schemas import Schemas
from consumer.wiring.attribute import now_ms
from consumer.wiring.operator import open_reader, writer_of

_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}


def open_export(settings: Settings, folder: Folder, progress: Callable[[str], None], stack: ExitStack) -> Export:
    """Build an export into a folder; ``stack`` closes what it uses."""
    return Export(
        open_reader(settings),
        writer_of(settings, stack),
        folder,
        Schemas.load(settings.schemas.directory),
        settings.topics,
        layout(settings),
        run=run_name(now_ms(), secrets.token_hex(3)),
        now_ms=now_ms,
        progress=progress,
    )


def layout(settings: Settings) -> Layout:
    """Return what the files look like."""
    return Layout(tuple(settings.offline.columns.items()), _DELIMITERS[settings.offline.delimiter])
