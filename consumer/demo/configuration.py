"""How the nodes of an embedded Kafka are configured, and on which ports they listen."""

from __future__ import annotations

import base64
import random
import socket
import uuid
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

HOST = "127.0.0.1"
# Below what Linux and macOS hand out to clients, so that no connection takes a stopped node's port.
PORTS = range(20_000, 30_000)

LOG4J = """\
<Configuration status="WARN">
  <Appenders>
    <Console name="out"><PatternLayout pattern="%d{ISO8601} %p %m (%c{1})%n"/></Console>
  </Appenders>
  <Loggers>
    <Root level="WARN"><AppenderRef ref="out"/></Root>
    <Logger name="kafka.server" level="INFO"/>
  </Loggers>
</Configuration>
"""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where a node listens on the loopback address."""

    broker: int
    controller: int


def free_ports(nodes: int) -> list[Ports]:
    """Choose ports that nobody listens on, for as long as nobody else does the same."""
    ports: list[int] = []
    chosen_by = random.SystemRandom()  # tests seed the shared generator, and so would all choose the same
    with ExitStack() as held:
        while len(ports) < 2 * nodes:
            candidate = chosen_by.choice(PORTS)
            listener = held.enter_context(socket.socket())
            try:
                listener.bind((HOST, candidate))
            except OSError:
                continue
            ports.append(candidate)
    return [Ports(*pair) for pair in zip(ports[::2], ports[1::2], strict=True)]


def new_cluster_id() -> str:
    """A random id as Kafka writes them. Its tool takes a leading dash for an option."""
    return "E" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]


def cluster_settings(ports: Sequence[Ports]) -> dict[str, str]:
    """Settings that all nodes share: those of quick tests, with every internal topic on every node."""
    replicas = len(ports)
    in_sync = max(1, replicas - 1)
    return {
        "process.roles": "broker,controller",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "controller.quorum.voters": ",".join(f"{node}@{HOST}:{each.controller}" for node, each in enumerate(ports)),
        "auto.create.topics.enable": "false",
        "default.replication.factor": str(replicas),
        "min.insync.replicas": str(in_sync),
        "offsets.topic.replication.factor": str(replicas),
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": str(replicas),
        "transaction.state.log.min.isr": str(in_sync),
        "transaction.state.log.num.partitions": "4",
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
        "share.coordinator.state.topic.replication.factor": str(replicas),
        "share.coordinator.state.topic.min.isr": str(in_sync),
        "share.coordinator.state.topic.num.partitions": "4",
        "group.min.session.timeout.ms": "1000",
        # Tests write records of long ago; those must not vanish while they run, nor at the first look after 30 s.
        "log.initial.task.delay.ms": "86400000",
        "log.retention.check.interval.ms": "86400000",
        "group.consumer.min.session.timeout.ms": "1000",
        "group.consumer.min.heartbeat.interval.ms": "100",
        "group.initial.rebalance.delay.ms": "0",
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        "log.cleaner.threads": "1",
        "log.cleaner.dedupe.buffer.size": "16777216",
        "num.io.threads": "4",
        "num.network.threads": "2",
    }
