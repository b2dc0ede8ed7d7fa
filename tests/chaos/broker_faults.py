"""Faults of the cluster, and of whoever else writes to it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from random import Random

from confluent_kafka import Producer

from consumer.demo.broker import EmbeddedKafka
from consumer.events import OrderCompleted, SessionLanded
from consumer.stream.avro import OrderEncoder, SessionEncoder
from tests.kafka.crash.scenario import PARTITIONS, Scenario

NODES = 3
TRANSACTION_S = 6
"""After which the broker aborts what nobody ends."""
_QUORUM = Path("data", "__cluster_metadata-0", "quorum-state")


def leader(scenario: Scenario, topic: str, partition: int) -> int:
    """Return the node that leads a partition of a topic, named by its setting."""
    name = getattr(scenario.settings.topics, topic)
    found = int(scenario.admin.list_topics(name, timeout=15).topics[name].partitions[partition].leader)
    return max(0, found)  # without a leader, any


def controller(kafka: EmbeddedKafka) -> int:
    """Return the node that leads the quorum, as the first node knows it: brokers name anyone to their clients."""
    return int(json.loads((kafka.folder / "node-0" / _QUORUM).read_text(encoding="utf-8"))["leaderId"])


def complete(kafka: EmbeddedKafka) -> None:
    """Start what does not run, and wait until the cluster is whole and serves."""
    for node in range(NODES):
        kafka.start_node(node, wait=False)
    kafka.start_node(0)


class NodeKilled:
    """The node that has some role dies, and comes back with its data."""

    def __init__(self, kafka: EmbeddedKafka, choose: Callable[[], int]) -> None:
        self._kafka = kafka
        self._choose = choose
        self._node = 0

    def strike(self) -> None:
        complete(self._kafka)
        self._node = self._choose()
        self._kafka.kill(self._node)

    def heal(self) -> None:
        self._kafka.start_node(self._node, wait=False)


class AllKilled:
    """All nodes die at once, and come back with their data."""

    def __init__(self, kafka: EmbeddedKafka) -> None:
        self._kafka = kafka

    def strike(self) -> None:
        for node in range(NODES):
            self._kafka.kill(node)

    def heal(self) -> None:
        for node in range(NODES):
            self._kafka.start_node(node, wait=False)


class TransactionLeftOpen:
    """A producer of sessions and orders begins a transaction and is never heard of again.

    What it wrote must never be seen, and until the broker aborts it nothing behind it can be.
    """

    def __init__(self, scenario: Scenario, random: Random) -> None:
        self._scenario = scenario
        self._number = random.getrandbits(32)
        self._producer: Producer | None = None

    def strike(self) -> None:
        scenario, topics = self._scenario, self._scenario.settings.topics
        self._producer = producer = Producer(
            {
                "bootstrap.servers": scenario.servers,
                "transactional.id": f"chaos-{self._number}",
                "transaction.timeout.ms": TRANSACTION_S * 1000,
                "log_level": 0,
            }
        )
        producer.init_transactions(30)
        producer.begin_transaction()
        now_ms = time.time_ns() // 1_000_000
        visitor = f"visitor-{self._number:012x}"
        session, order = _never_happened(visitor, f"never-{self._number}", now_ms)
        for partition in range(PARTITIONS):
            producer.produce(topics.session_landed, SessionEncoder(scenario.schemas)(session), visitor, partition)
            producer.produce(topics.order_completed, OrderEncoder(scenario.schemas)(order), visitor, partition)
        assert producer.flush(30) == 0, "the open transaction's records were not taken"

    def heal(self) -> None:
        self._producer = None


def _never_happened(visitor: str, ref: str, now_ms: int) -> tuple[SessionLanded, OrderCompleted]:
    order = OrderCompleted(
        order_id=ref, order_ref=ref, completed_at_ms=now_ms, currency="EUR", subtotal=Decimal(9), market="de"
    )
    return SessionLanded(ref, visitor, now_ms, "https://www.shop.example/", None, None), order
