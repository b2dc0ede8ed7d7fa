"""What commands that an operator runs use of Kafka: a reader, and for those that change something one writer."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from consumer.inspect.kafka_reader import KafkaTopicReader
from consumer.settings import Settings
from consumer.stream.log import BATCH_OVERHEAD_BYTES
from consumer.stream.transaction import KafkaTransaction
from consumer.wiring import clients


def open_reader(settings: Settings) -> KafkaTopicReader:
    """Return what reads topics, and waits for long enough that a dead writer's transaction ends."""
    stall_s = max(20.0, 2 * settings.kafka.transaction_timeout.total_seconds())
    return KafkaTopicReader(clients.connection(settings), f"{settings.kafka.group}-inspect", stall_s=stall_s)


def writer_of(settings: Settings, stack: ExitStack) -> Callable[[], KafkaTransaction]:
    """Return what opens the writer of an export or a replay, which fences that of any earlier one.

    ``stack`` closes it.
    """

    def open_writer() -> KafkaTransaction:
        writer = KafkaTransaction(
            clients.writer(settings),
            writer_id(settings),
            None,
            max_record_bytes=settings.topics.max_message_bytes - BATCH_OVERHEAD_BYTES,
        )
        stack.callback(writer.close)
        return writer

    return open_writer


def writer_id(settings: Settings) -> str:
    """Return the transactional id of exports and replays: one for all of them, so that a new one fences an old one.

    Two that work at the same time could hand over the same sale, one by file and one by request: each looks at first
    what the others have done.
    """
    return f"{settings.kafka.group}-operator"
