"""The export on Kafka."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import ExitStack

from consumer.awin.offline import Layout
from consumer.export.ports import Folder
from consumer.export.run import Export, run_name
from consumer.inspect.kafka_reader import KafkaTopicReader
from consumer.settings import Settings
from consumer.stream.log import BATCH_OVERHEAD_BYTES
from consumer.stream.schemas import Schemas
from consumer.stream.transaction import KafkaTransaction
from consumer.wiring import clients
from consumer.wiring.attribute import now_ms

_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}


def open_export(settings: Settings, folder: Folder, progress: Callable[[str], None], stack: ExitStack) -> Export:
    """Build an export into a folder; ``stack`` closes what it uses."""

    def open_writer() -> KafkaTransaction:
        writer = KafkaTransaction(
            clients.writer(settings),
            export_id(settings),
            None,
            max_record_bytes=settings.topics.max_message_bytes - BATCH_OVERHEAD_BYTES,
        )
        stack.callback(writer.close)
        return writer

    transaction_s = settings.kafka.transaction_timeout.total_seconds()
    reader = KafkaTopicReader(
        clients.connection(settings), f"{settings.kafka.group}-inspect", stall_s=max(20.0, 2 * transaction_s)
    )
    return Export(
        reader,
        open_writer,
        folder,
        Schemas.load(settings.schemas.directory),
        settings.topics,
        layout(settings),
        run=run_name(now_ms(), secrets.token_hex(3)),
        now_ms=now_ms,
        progress=progress,
    )


def export_id(settings: Settings) -> str:
    """Return the transactional id of exports: one for all of them, so that a new one fences an old one."""
    return f"{settings.kafka.group}-export"


def layout(settings: Settings) -> Layout:
    """Return what the files look like."""
    return Layout(tuple(settings.offline.columns.items()), _DELIMITERS[settings.offline.delimiter])
