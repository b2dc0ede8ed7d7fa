"""The attribute stage on Kafka and RocksDB."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import structlog
from confluent_kafka.admin import AdminClient
from msgspec.structs import replace

from consumer.attribute.ports import AttributeMetrics, AttributeSettings, Decoders, Encoders, InputFacts
from consumer.attribute.stage import AttributeStage
from consumer.ops.attribute_reporter import AttributeReporter
from consumer.ops.metrics import Metrics
from consumer.settings import Settings, milliseconds
from consumer.state import orders, touches
from consumer.state.folder import StateFolder
from consumer.state.rocksdb import MEBIBYTE, RocksMemory, RocksStore
from consumer.state.table import Table
from consumer.stream import topics
from consumer.stream.avro import ConversionEncoder, DeadLetterEncoder, OrderDecoder, SessionDecoder
from consumer.stream.properties import open_client
from consumer.wiring import clients
from consumer.wiring.doors import Doors
from consumer.wiring.gauges import show_retention, watch_brokers, watch_restores, watch_stores
from consumer.wiring.rulebook import rulebook
from consumer.wiring.schemas import open_schemas
from consumer.wiring.silence import described
from consumer.wiring.topics import touch_retention_ms

_log = structlog.get_logger(__name__)


def open_attribute(
    settings: Settings,
    folder: StateFolder,
    metrics: Metrics,
    stack: ExitStack,
    *,
    memtable_bytes: int = 16 * MEBIBYTE,
    max_poll_records: int | None = None,
    reporter: Callable[[Metrics], AttributeMetrics] | None = None,
) -> AttributeStage:
    """Build the stage; ``stack`` closes what it uses, after the stage has closed itself.

    ``memtable_bytes`` is what a store gathers in memory before it becomes a file; ``max_poll_records`` how many records
    are taken at once and, about, in a transaction; ``reporter`` makes what the stage reports to.

    Raises:
        Unavailable: the broker does not answer.
        TopicError: a topic is missing or does not fit the others.
    """
    admin = open_client(AdminClient, clients.connection(settings))
    names = settings.topics
    inputs = (names.session_landed, names.order_completed)
    changelogs = (names.touches, names.orders)
    facts = described(settings, admin, (*inputs, *changelogs, names.conversion, names.dead_letter))
    topics.copartitioned(facts, (*inputs, *changelogs))
    topics.copartitioned(facts, (names.conversion,))
    topics.copartitioned(facts, (names.dead_letter,))
    memory = RocksMemory(settings.state.memory_mib * MEBIBYTE // 2, settings.state.memory_mib * MEBIBYTE // 2)
    open_store = partial(RocksStore, memory=memory, memtable_bytes=memtable_bytes)
    touch_table = _table(settings, folder, names.touches, facts[names.touches].topic_id, open_store, stack)
    order_table = _table(settings, folder, names.orders, facts[names.orders].topic_id, open_store, stack)
    doors = Doors(settings, "attribute", folder.instance_id, inputs, watch_brokers(metrics, "attribute"))
    restorer = doors.restorer((touch_table, order_table), stack)
    watch_restores(metrics, "attribute", restorer)
    watch_stores(
        metrics, "attribute", {"touches": touch_table.size_bytes, "orders": order_table.size_bytes}, memory.used_bytes
    )
    show_retention(metrics, "attribute", admin, inputs)
    stack.callback(metrics.gauges.leave, "attribute")
    schemas = open_schemas(settings)
    limits = stage_settings(settings)
    if max_poll_records is not None:
        limits = replace(limits, max_poll_records=max_poll_records, max_transaction_records=max_poll_records)
    return AttributeStage(
        limits,
        rulebook(settings),
        open_source=doors.source,
        open_transaction=doors.transaction,
        facts=lambda: _input_facts(admin, *inputs, names.touches),
        touch_table=touch_table,
        order_table=order_table,
        restorer=restorer,
        decoders=Decoders(SessionDecoder(schemas), OrderDecoder(schemas)),
        encoders=Encoders(ConversionEncoder(schemas), DeadLetterEncoder(schemas)),
        metrics=AttributeReporter(metrics, now_ms) if reporter is None else reporter(metrics),
        monotonic_s=time.monotonic,
        now_ms=now_ms,
    )


def stage_settings(settings: Settings) -> AttributeSettings:
    """Return what the stage needs of the settings."""
    attribution = settings.attribution
    idle_wait = attribution.grace if attribution.idle_wait is None else attribution.idle_wait
    cut_over = settings.delivery.cut_over
    return AttributeSettings(
        session_topic=settings.topics.session_landed,
        order_topic=settings.topics.order_completed,
        conversion_topic=settings.topics.conversion,
        dead_letter_topic=settings.topics.dead_letter,
        touches_topic=settings.topics.touches,
        orders_topic=settings.topics.orders,
        cut_over_ms=None if cut_over is None else int(cut_over.timestamp() * 1000),
        idle_wait_s=idle_wait.total_seconds(),
        max_hold_s=attribution.max_hold.total_seconds(),
        flood_share=attribution.flood_share,
        max_message_bytes=settings.topics.max_message_bytes,
    )


def now_ms() -> int:
    """Return the wall clock, milliseconds UTC."""
    return time.time_ns() // 1_000_000


def _table(
    settings: Settings,
    folder: StateFolder,
    topic: str,
    topic_id: str,
    open_store: Callable[..., RocksStore],
    stack: ExitStack,
) -> Table:
    is_touches = topic == settings.topics.touches
    kept_ms = touch_retention_ms(settings) if is_touches else milliseconds(settings.state.order_retention)
    store = open_store(folder.path / ("touches" if is_touches else "orders"), ttl_s=kept_ms // 1000)
    stack.callback(store.close)
    return Table(
        store,
        topic,
        topic_id,
        touches.changes_of if is_touches else orders.changes_of,
        max_checkpoint_age_ms=milliseconds(settings.topics.delete_retention) // 2,
        now_ms=now_ms,
    )


def _input_facts(admin: AdminClient, session_topic: str, order_topic: str, touches_topic: str) -> InputFacts:
    names = (session_topic, order_topic, touches_topic)
    facts = topics.describe(admin, names, clients.FACTS_TIMEOUT_S)
    count = topics.copartitioned(facts, names)
    return InputFacts(facts[session_topic].topic_id, facts[order_topic].topic_id, count, facts[touches_topic].topic_id)
