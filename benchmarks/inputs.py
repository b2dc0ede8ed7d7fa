"""The topics that a benchmark reads and writes, and its settings."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from benchmarks.process import BenchmarkError
from benchmarks.workload import GRACE_MS, Workload
from consumer.demo.reference import LoggedOrder, LoggedSession
from consumer.demo.shop import ADVERTISER, HOST
from consumer.settings import Settings, load
from consumer.stream import topics
from consumer.stream.avro import OrderEncoder, SessionEncoder
from consumer.stream.schemas import Schemas
from consumer.stream.topics import TopicSpec
from consumer.wiring.topics import plan

QUIET = {"log_level": 0}
"""For clients that are not measured: the broker goes before they do, which they would report."""

_QUEUED = 100_000


class Inputs(NamedTuple):
    """The names of two input topics."""

    sessions: str
    orders: str


BACKLOG = Inputs("backlog.session.landed", "backlog.order.completed")


def create_inputs(servers: str, inputs: Inputs, partitions: int) -> None:
    """Create two input topics whose records keep the times that they are given."""
    config = {"message.timestamp.type": "CreateTime"}
    specs = [TopicSpec(name, partitions, 1, config) for name in inputs]
    topics.create(AdminClient({"bootstrap.servers": servers, **QUIET}), specs)


def producer(servers: str, linger_ms: int) -> Producer:
    """Return a producer that keeps the order of records."""
    return Producer(
        {
            "bootstrap.servers": servers,
            "enable.idempotence": True,
            "compression.type": "lz4",
            "linger.ms": linger_ms,
            "queue.buffering.max.messages": 2 * _QUEUED,
            **QUIET,
        }
    )


def produce_backlog(servers: str, workload: Workload) -> None:
    """Put all records where the workload says that they stand.

    Raises:
        BenchmarkError: some record was not taken.
    """
    schemas = Schemas.load()
    session, order = SessionEncoder(schemas), OrderEncoder(schemas)
    writer = producer(servers, linger_ms=20)
    _send(writer, BACKLOG.sessions, ((logged, session(logged.event)) for logged in workload.sessions))
    _send(writer, BACKLOG.orders, ((logged, order(logged.event)) for logged in workload.orders))


def _send(writer: Producer, topic: str, records: Iterable[tuple[LoggedSession | LoggedOrder, bytes]]) -> None:
    for logged, value in records:
        visitor = logged.event.visitor_id
        writer.produce(topic, value, visitor, logged.partition, timestamp=logged.timestamp_ms)
        if len(writer) >= _QUEUED:
            writer.poll(0.05)
    if writer.flush(60):
        raise BenchmarkError(f"the broker did not take all records of {topic}")


def run_settings(
    servers: str, name: str, folder: Path, inputs: Inputs, start_ms: int, grace_ms: int = GRACE_MS
) -> tuple[Settings, Path]:
    """Return the settings of one run and their file; group and topics of our own are new with every name.

    What has a default keeps it: only names, replication, the cut-over and, if given, the grace are set.

    Args:
        servers: the broker.
        name: of the run.
        folder: for the file and the state.
        inputs: what is read.
        start_ms: nothing to be read happened earlier: the cut-over.
        grace_ms: the grace.
    """
    names = ("conversion", "receipt", "deferred", "dead_letter", "control", "touches", "orders")
    values = {
        "kafka": {"bootstrap_servers": servers, "group": name},
        "topics": {
            "session_landed": inputs.sessions,
            "order_completed": inputs.orders,
            **{topic: f"{name}.{topic}" for topic in names},
            "replication": 1,
            "min_insync_replicas": 1,
        },
        "state": {"directory": str(folder / f"{name}-state")},
        "attribution": {"grace": f"{grace_ms}ms"},
        "channels": {"own_domains": [HOST]},
        "programmes": [{"advertiser_id": ADVERTISER}],
        "delivery": {"cut_over": datetime.fromtimestamp(start_ms / 1000, UTC).isoformat()},
        "ops": {"host": "127.0.0.1", "port": 0},
    }
    file = folder / f"{name}.json"
    file.write_text(json.dumps(values), encoding="utf-8")
    _refuse_overrides()
    return load(file), file


def create_owned(settings: Settings, partitions: int) -> None:
    """Create the topics that the stage writes to."""
    admin = AdminClient({"bootstrap.servers": settings.kafka.bootstrap_servers, **QUIET})
    topics.create(admin, topics.owned(plan(settings), partitions))


def _refuse_overrides() -> None:
    """Settings in the environment would override the file's.

    Raises:
        BenchmarkError: there are some.
    """
    found = sorted(name for name in os.environ if name.startswith("AWIN_"))
    if found:
        raise BenchmarkError(f"unset {', '.join(found)}: benchmarks run with settings of their own")
