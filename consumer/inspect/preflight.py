"""Whether a consumer with these settings would work: broker, topics, producers, Awin, local state.

Every question is bounded in time. Nothing is written but a lock in state folders that exist already.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from msgspec import Struct

from consumer.errors import ConsumerError, StateError
from consumer.inspect import sample
from consumer.inspect.sample import Decode, Judgement, Verdict
from consumer.inspect.topic_reader import Span, TopicReader
from consumer.settings import Settings
from consumer.state.folder import StateFolder
from consumer.stream import properties, topic_check, topics
from consumer.stream.avro import OrderDecoder, SessionDecoder
from consumer.stream.log import Record, TopicPartition
from consumer.tls import client_context
from consumer.wiring.schemas import open_schemas
from consumer.wiring.topics import plan

SAMPLE_RECORDS = 500
TIMEOUT_S = 5.0

Question = Callable[[], Judgement]


class Check(Struct, frozen=True):
    """One thing looked at."""

    name: str
    verdict: Verdict
    found: str
    advice: str


def checks(settings: Settings, admin: AdminClient, reader: TopicReader) -> Iterator[Check]:
    """Look at everything, one after the other; what rests on something that failed is skipped."""
    yield _asked("configuration", lambda: configuration(settings))
    schemas = _asked("schemas", lambda: _loads(settings))
    broker = _asked("broker", lambda: brokers(settings, admin))
    yield schemas
    yield broker
    if broker.verdict == "fail":
        yield Check("topics", "skipped", "no broker", "")
    else:
        yield _asked("topics", lambda: all_topics(settings, admin))
        yield _asked("co-partitioning", lambda: copartitioning(settings, admin))
        if schemas.verdict != "fail":
            yield from _producers(settings, reader)
    yield _asked("awin", lambda: awin(settings))
    for role in ("attribute", "deliver"):
        yield _asked(f"state of {role}", partial(state_folder, settings.state.directory / role))


def configuration(settings: Settings) -> Judgement:
    """Say what would be done, and judge whether the endpoint is fit for it."""
    does = {"shadow": "nothing is sent", "test": "sent with testmode=1", "live": "sales are reported"}
    mode = settings.delivery.mode
    names = [programme.advertiser_id for programme in settings.programmes]
    found = f"{'programme' if len(names) == 1 else 'programmes'} {', '.join(names)}, mode {mode}: {does[mode]}"
    if mode == "live" and urlsplit(settings.delivery.endpoint).scheme != "https":
        return Judgement("warn", found, "delivery.endpoint is not https: sales would travel in the clear")
    return Judgement("ok", found)


def brokers(settings: Settings, admin: AdminClient) -> Judgement:
    """Judge whether the cluster answers."""
    try:
        cluster = admin.list_topics(timeout=TIMEOUT_S)
    except KafkaException as error:
        found = f"{settings.kafka.bootstrap_servers}: {properties.describe(error.args[0])}"
        advice = "see kafka.bootstrap_servers, and kafka.properties for security.protocol, sasl.* and ssl.*"
        return Judgement("fail", found, advice)
    return Judgement("ok", f"{len(cluster.brokers)} in the cluster, {len(cluster.topics):,} topics")


def all_topics(settings: Settings, admin: AdminClient) -> Judgement:
    """Judge the topics as `awin-consumer topics check` does."""
    findings = topic_check.check(admin, plan(settings), TIMEOUT_S)
    wrong = sum(each.severity == "error" for each in findings)
    warnings = len(findings) - wrong
    if not findings:
        return Judgement("ok", "all as they must be")
    found = f"{wrong} wrong, {warnings} warnings"
    return Judgement("fail" if wrong else "warn", found, "see awin-consumer topics check")


def copartitioning(settings: Settings, admin: AdminClient) -> Judgement:
    """Judge whether what belongs together has equally many partitions."""
    names = settings.topics
    joined = (names.session_landed, names.order_completed, names.touches, names.orders)
    outbox = (names.conversion, names.receipt)
    facts = topics.describe(admin, (*joined, *outbox), TIMEOUT_S)
    inputs = topics.copartitioned(facts, joined)
    outputs = topics.copartitioned(facts, outbox)
    return Judgement("ok", f"{inputs} partitions of the inputs and their state, {outputs} of the outbox")


def awin(settings: Settings, timeout_s: float = TIMEOUT_S) -> Judgement:
    """Judge whether a connection to Awin can be made; no request is sent."""
    url = urlsplit(settings.delivery.endpoint)
    host, port = url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
    started_s = time.monotonic()
    try:
        with socket.create_connection((host, port), timeout_s) as connection:
            if url.scheme == "https":
                with client_context().wrap_socket(connection, server_hostname=host):
                    pass
    except OSError as error:
        needed = settings.delivery.mode != "shadow"
        advice = f"open the way to {host}:{port} (DNS, egress rules, proxy, certificates)"
        return Judgement("fail" if needed else "warn", f"{host}:{port}: {error}", advice)
    took_ms = (time.monotonic() - started_s) * 1000
    return Judgement("ok", f"{host}:{port} takes connections ({took_ms:.0f} ms); nothing was sent")


def state_folder(folder: Path) -> Judgement:
    """Judge whether a stage could keep its state in a folder."""
    nearest = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        return Judgement("fail", f"{nearest} is not writable", "give this user access, or set state.directory")
    if nearest != folder.absolute():
        return Judgement("ok", f"{folder} can be made")
    try:
        StateFolder(folder, "check").close()
    except StateError:
        return Judgement("warn", f"{folder} is in use", "fine if that is this consumer, running")
    return Judgement("ok", f"{folder} is writable and free")


def _producers(settings: Settings, reader: TopicReader) -> Iterator[Check]:
    schemas = open_schemas(settings)
    decoders: dict[str, Decode] = {
        settings.topics.session_landed: SessionDecoder(schemas),
        settings.topics.order_completed: OrderDecoder(schemas),
    }
    for topic, decode in decoders.items():
        try:
            spans = reader.spans(topic)
            records = _newest(reader, topic, spans)
        except ConsumerError as error:
            yield Check(f"keys of {topic}", "skipped", str(error), "")
            continue
        keyed = sample.keys(records, len(spans))
        yield Check(f"keys of {topic}", keyed.verdict, keyed.found, keyed.advice)
        yield _asked(f"records of {topic}", partial(sample.contents, records, decode, settings.attribution.flood_share))


def _newest(reader: TopicReader, topic: str, spans: dict[int, Span]) -> list[Record]:
    each = -(-SAMPLE_RECORDS // len(spans))
    return list(reader.read({TopicPartition(topic, number): span.newest(each) for number, span in spans.items()}))


def _loads(settings: Settings) -> Judgement:
    open_schemas(settings)
    folder = settings.schemas.directory
    return Judgement("ok", "those that come with the package" + (f", and those in {folder}" if folder else ""))


def _asked(name: str, question: Question) -> Check:
    try:
        judgement = question()
    except ConsumerError as error:
        judgement = Judgement("fail", str(error))
    return Check(name, judgement.verdict, judgement.found, judgement.advice)
