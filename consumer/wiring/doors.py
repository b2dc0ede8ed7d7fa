"""A stage's doors to Kafka: its source, its transactional writer and the restorer of its tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack

import structlog

from consumer.settings import Settings
from consumer.state.restore import Restorer
from consumer.state.table import Table
from consumer.stream.changelog_kafka import KafkaChangelogReader
from consumer.stream.feed_kafka import KafkaFeed
from consumer.stream.log import BATCH_OVERHEAD_BYTES, RebalanceListener, Source
from consumer.stream.source import KafkaSource
from consumer.stream.transaction import KafkaTransaction
from consumer.wiring import clients
from consumer.wiring.clients import Role

_log = structlog.get_logger(__name__)


class Doors:
    """Opens the doors of one stage of one instance.

    Args:
        settings: where the broker is.
        role: the stage; names the group and the transactional id.
        instance: this instance's name among others of its group.
        inputs: the topics that it reads.
        on_brokers: told how many brokers its source is connected to.
    """

    def __init__(
        self,
        settings: Settings,
        role: Role,
        instance: str,
        inputs: Sequence[str],
        on_brokers: Callable[[int], None],
    ) -> None:
        self._settings = settings
        self._role = role
        self._instance = instance
        self._inputs = inputs
        self._on_brokers = on_brokers
        self._group = clients.group(settings, role)

    def source(self, listener: RebalanceListener) -> KafkaSource:
        """Join the group."""
        return KafkaSource(
            clients.member(self._settings),
            self._inputs,
            listener,
            group=self._group,
            instance=self._instance,
            on_error=self._report,
            on_brokers=self._on_brokers,
        )

    def transaction(self, source: Source) -> KafkaTransaction:
        """Open the writer that goes with a source of `source`."""
        assert isinstance(source, KafkaSource)  # noqa: S101  # `source` made it
        return KafkaTransaction(
            clients.writer(self._settings),
            clients.transactional_id(self._settings, self._role, self._instance),
            source,
            max_record_bytes=self._settings.topics.max_message_bytes - BATCH_OVERHEAD_BYTES,
            on_error=self._report,
        )

    def feed(self, topic: str) -> KafkaFeed:
        """Open a small topic that every instance reads for itself."""
        return KafkaFeed(clients.connection(self._settings), f"{self._group}-feed", topic)

    def restorer(self, tables: Sequence[Table], stack: ExitStack) -> Restorer:
        """Start the restorer of these tables; ``stack`` closes it."""
        restorer = Restorer(
            tables,
            self._inputs,
            lambda: KafkaChangelogReader(clients.connection(self._settings), self._group),
            stall_after_s=3 * self._settings.kafka.transaction_timeout.total_seconds(),
        )
        stack.callback(restorer.close)
        return restorer

    def _report(self, error: str) -> None:
        _log.warning("kafka.error", reason=error)
