"""The deliver stage on Kafka, RocksDB and HTTP."""

from __future__ import annotations

import time
from contextlib import ExitStack
from random import Random

import structlog
from confluent_kafka.admin import AdminClient

from consumer.delivery import sent
from consumer.delivery.attempt.batches import ConversionApi
from consumer.delivery.attempt.keys import ApiKeys
from consumer.delivery.attempt.method import Method, Sread
from consumer.delivery.attempt.sender import transport
from consumer.delivery.control import Orders
from consumer.delivery.endings import Codecs
from consumer.delivery.opening import OutboxFacts
from consumer.delivery.pacing.gate import Limits
from consumer.delivery.pacing.limiter import CallPace, RateLimiter
from consumer.delivery.settings import DeliverSettings
from consumer.delivery.stage import DeliverStage
from consumer.events import Method as MethodName
from consumer.ops.deliver_reporter import DeliverReporter
from consumer.ops.metrics import Metrics
from consumer.settings import Settings, milliseconds
from consumer.state.folder import StateFolder
from consumer.state.rocksdb import MEBIBYTE, RocksMemory, RocksStore
from consumer.state.table import Table
from consumer.stream import topics
from consumer.stream.avro import (
    ControlDecoder,
    ControlEncoder,
    ConversionDecoder,
    DeadLetterEncoder,
    ReceiptDecoder,
    ReceiptEncoder,
)
from consumer.stream.properties import open_client
from consumer.stream.schemas import Schemas
from consumer.wiring import clients
from consumer.wiring.attribute import now_ms
from consumer.wiring.doors import Doors
from consumer.wiring.gauges import show_retention, watch_brokers, watch_restores, watch_stores
from consumer.wiring.silence import described

_log = structlog.get_logger(__name__)


def open_deliver(settings: Settings, folder: StateFolder, metrics: Metrics, stack: ExitStack) -> DeliverStage:
    """Build the stage; ``stack`` closes what it uses, after the stage has closed itself.

    Raises:
        Unavailable: the broker does not answer.
        TopicError: a topic is missing or does not fit the others.
    """
    names = settings.topics
    admin = open_client(AdminClient, clients.connection(settings))
    ours = (names.conversion, names.receipt, names.deferred, names.dead_letter, names.control)
    facts = described(settings, admin, ours)
    topics.copartitioned(facts, (names.conversion, names.receipt, names.deferred))
    for name in (names.dead_letter, names.control):
        topics.copartitioned(facts, (name,))
    memory = RocksMemory(settings.state.memory_mib * MEBIBYTE // 4, settings.state.memory_mib * MEBIBYTE // 4)
    kept_s = milliseconds(settings.delivery.dedupe_window) // 1000
    store = RocksStore(folder.path / "sent", memory=memory, ttl_s=kept_s)
    stack.callback(store.close)
    table = Table(
        store,
        names.receipt,
        facts[names.receipt].topic_id,
        sent.changes_of,
        max_checkpoint_age_ms=milliseconds(names.delete_retention) // 2,
        now_ms=now_ms,
    )
    inputs = (names.conversion, names.deferred)
    doors = Doors(settings, "deliver", folder.instance_id, inputs, watch_brokers(metrics, "deliver"))
    restorer = doors.restorer((table,), stack)
    watch_restores(metrics, "deliver", restorer)
    watch_stores(metrics, "deliver", {"sent": table.size_bytes}, memory.used_bytes)
    show_retention(metrics, "deliver", admin, inputs)
    stack.callback(metrics.gauges.leave, "deliver")
    schemas = Schemas.load(settings.schemas.directory)
    limits = stage_settings(settings)
    return DeliverStage(
        limits,
        open_source=doors.source,
        open_transaction=doors.transaction,
        table=table,
        restorer=restorer,
        codecs=Codecs(
            ConversionDecoder(schemas),
            ReceiptDecoder(schemas),
            ReceiptEncoder(schemas),
            DeadLetterEncoder(schemas),
        ),
        methods=_methods(settings),
        paces=_paces(settings),
        orders=Orders(
            doors.feed(names.control),
            ControlDecoder(schemas),
            ControlEncoder(schemas),
            instance=folder.instance_id,
            monotonic_s=time.monotonic,
            now_ms=now_ms,
        ),
        http=transport(limits),
        metrics=DeliverReporter(metrics),
        random=Random(),
        monotonic_s=time.monotonic,
        now_ms=now_ms,
        facts=lambda: _outbox_facts(admin, names.conversion, names.receipt),
    )


def _methods(settings: Settings) -> dict[MethodName, Method]:
    """Return how conversions reach Awin.

    Raises:
        SettingsError: a key cannot be read.
    """
    delivery = settings.delivery
    api = delivery.conversion_api
    keys = {each.advertiser_id: each.api_key_file for each in settings.programmes if each.api_key_file is not None}
    return {
        "sread": Sread(delivery.endpoint),
        "conversion_api": ConversionApi(
            api.endpoint,
            ApiKeys(keys),
            most=min(api.batch_size, max(1, delivery.max_outstanding // 2)),
            gather_s=api.batch_age.total_seconds(),
            with_time=[each.advertiser_id for each in settings.programmes if each.transaction_time],
        ),
    }


def _paces(settings: Settings) -> dict[str, RateLimiter]:
    """Return the pace of each programme's calls; programmes whose key is in the same file share one."""
    calls = settings.delivery.conversion_api.calls_per_minute
    files = {each.advertiser_id: each.api_key_file for each in settings.programmes if each.api_key_file is not None}
    paces = {file: CallPace(calls, time.monotonic) for file in set(files.values())}
    return {programme: paces[file] for programme, file in files.items()}


def _outbox_facts(admin: AdminClient, conversion_topic: str, receipt_topic: str) -> OutboxFacts:
    facts = topics.describe(admin, (conversion_topic, receipt_topic), clients.FACTS_TIMEOUT_S)
    return OutboxFacts(facts[receipt_topic].topic_id, topics.copartitioned(facts, (conversion_topic, receipt_topic)))


def stage_settings(settings: Settings) -> DeliverSettings:
    """Return what the stage needs of the settings."""
    delivery = settings.delivery
    return DeliverSettings(
        conversion_topic=settings.topics.conversion,
        deferred_topic=settings.topics.deferred,
        control_topic=settings.topics.control,
        receipt_topic=settings.topics.receipt,
        dead_letter_topic=settings.topics.dead_letter,
        max_message_bytes=settings.topics.max_message_bytes,
        endpoint=delivery.endpoint,
        max_outstanding=delivery.max_outstanding,
        connect_timeout_ms=milliseconds(delivery.connect_timeout),
        read_timeout_ms=milliseconds(delivery.read_timeout),
        write_timeout_ms=milliseconds(delivery.write_timeout),
        pool_timeout_ms=milliseconds(delivery.pool_timeout),
        retry_base_ms=milliseconds(delivery.retry.base),
        retry_cap_ms=milliseconds(delivery.retry.cap),
        max_attempts=delivery.retry.max_attempts,
        max_age_ms=milliseconds(delivery.max_age),
        drain_budget_ms=milliseconds(delivery.drain_budget),
        unknown_outcome=delivery.unknown_outcome,
        flood_share=settings.attribution.flood_share,
        backlog_after_ms=milliseconds(delivery.backlog_after),
        deferred_delay_ms=milliseconds(delivery.deferred.delay),
        deferred_delay_cap_ms=milliseconds(delivery.deferred.max_delay),
        breaker_failures=delivery.breaker.failures,
        breaker_after_ms=milliseconds(delivery.breaker.after),
        breaker_cooldown_ms=milliseconds(delivery.breaker.cooldown),
        breaker_cooldown_cap_ms=milliseconds(delivery.breaker.max_cooldown),
        halt_after=delivery.halt_after,
        limits={
            programme.advertiser_id: Limits(
                requests_per_s=programme.requests_per_second, concurrency=programme.concurrency
            )
            for programme in settings.programmes
        },
        session_timeout_ms=milliseconds(settings.kafka.session_timeout),
    )
