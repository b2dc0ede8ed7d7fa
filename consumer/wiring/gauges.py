"""What metrics are asked for at a scrape, or told once at the start."""

from __future__ import annotations

import hashlib
import platform
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import confluent_kafka
import structlog
from confluent_kafka.admin import AdminClient

from consumer import __version__
from consumer.errors import TopicError
from consumer.ops import catalogue
from consumer.ops.gauges import Series
from consumer.ops.metrics import Metrics
from consumer.settings import Settings
from consumer.state.restore import Progress, Restorer
from consumer.stream import topics
from consumer.wiring import clients

_log = structlog.get_logger(__name__)
_HASH_CHARACTERS = 12


def watch_restores(metrics: Metrics, stage: str, restorer: Restorer) -> None:
    """Show how far restores are."""

    def of_each(figure: Callable[[Progress], float | None]) -> Callable[[], Series]:
        def ask() -> Series:
            figures = {(stage, str(each.partition)): figure(each) for each in restorer.progress()}
            return {labels: value for labels, value in figures.items() if value is not None}

        return ask

    metrics.gauges.ask(catalogue.RESTORING, stage, lambda: {(stage,): len(restorer.progress())})
    metrics.gauges.ask(catalogue.RESTORE_REMAINING, stage, of_each(lambda each: each.remaining))
    metrics.gauges.ask(catalogue.RESTORE_STARTED, stage, of_each(lambda each: time.time() - each.age_s))


def watch_stores(
    metrics: Metrics, stage: str, sizes: Mapping[str, Callable[[], int]], memory: Callable[[], int]
) -> None:
    """Show the size of a stage's stores, each by its name, and the memory that they share."""
    metrics.gauges.ask(catalogue.STORE_MEMORY, stage, lambda: {(stage,): memory()})
    metrics.gauges.ask(catalogue.STORE_BYTES, stage, lambda: {(stage, name): size() for name, size in sizes.items()})


def watch_brokers(metrics: Metrics, stage: str) -> Callable[[int], None]:
    """Show the number of brokers that the returned function is told."""
    return lambda brokers: metrics.gauges.tell(catalogue.BROKERS_UP, stage, {(stage,): brokers})


def show_retention(metrics: Metrics, stage: str, admin: AdminClient, inputs: Iterable[str]) -> None:
    """Show how long input topics keep records, as the broker says now.

    Raises:
        Unavailable: the broker does not answer.
    """
    try:
        configs = topics.configs(admin, inputs, clients.FACTS_TIMEOUT_S)
    except TopicError as error:
        _log.warning("metrics.retention_not_known", reason=str(error))
        return
    kept_ms = {name: int(config.get("retention.ms", "-1")) for name, config in configs.items()}
    series: Series = {(name,): kept / 1000 for name, kept in kept_ms.items() if kept >= 0}
    metrics.gauges.tell(catalogue.RETENTION, stage, series)


def show_settings(metrics: Metrics, settings: Settings, roles: Sequence[str]) -> None:
    """Show what runs, and how it was told to: never a property of the Kafka client, which may be a password."""
    told = settings.model_dump_json(exclude={"instance": True, "kafka": {"properties", "property_files"}})
    librdkafka, _ = confluent_kafka.libversion()
    metrics.describe(catalogue.BUILD, version=__version__, python=platform.python_version(), librdkafka=librdkafka)
    metrics.describe(
        catalogue.CONFIG,
        name=settings.instance or "",
        group=settings.kafka.group,
        mode=settings.delivery.mode,
        roles=",".join(roles),
        hash=hashlib.sha256(told.encode()).hexdigest()[:_HASH_CHARACTERS],
    )
