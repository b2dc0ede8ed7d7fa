"""The same topics, read in different ways: the same conversions, byte by byte."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest
from confluent_kafka import Producer, murmur2

from consumer.demo.broker import EmbeddedKafka
from consumer.demo.shop import HOST, Shop
from consumer.events import OrderCompleted, SessionLanded
from consumer.stream.avro import OrderEncoder, SessionEncoder
from tests.kafka.crash.conftest import MakeScenario, Show
from tests.kafka.crash.scenario import PARTITIONS, Scenario

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(240)]

SPAN_MS = 60_000
AGO_MS = 600_000
RATE = 300


class History:
    """A minute of the shop, ten minutes ago, with a late session in each partition that lets every order be decided."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.sessions = self.orders = 0
        self._scenario = scenario
        self._session, self._order = SessionEncoder(scenario.schemas), OrderEncoder(scenario.schemas)
        self._producer = Producer(
            {"bootstrap.servers": scenario.servers, "partitioner": "murmur2_random", "enable.idempotence": True}
        )
        start_ms = time.time_ns() // 1_000_000 - AGO_MS
        shop = Shop(seed, RATE)
        for emission in (*shop.events(start_ms, start_ms + SPAN_MS), *shop.rest()):
            self._produce(emission.key, emission.event, emission.at_ms)
        end_ms = start_ms + AGO_MS - 1_000
        for visitor in _one_per_partition():
            event = SessionLanded(visitor, visitor, end_ms, f"https://{HOST}/")
            self._produce(visitor, event, end_ms)
        assert self._producer.flush(60) == 0

    def _produce(self, key: str, event: SessionLanded | OrderCompleted | bytes | None, at_ms: int) -> None:
        names = self._scenario.settings.topics
        if isinstance(event, OrderCompleted):
            self.orders += 1
            self._producer.produce(names.order_completed, self._order(event), key, timestamp=at_ms)
        elif isinstance(event, SessionLanded):
            self.sessions += 1
            self._producer.produce(names.session_landed, self._session(event), key, timestamp=at_ms)
        self._producer.poll(0)


def _one_per_partition() -> list[str]:
    visitors: dict[int, str] = {}
    number = 0
    while len(visitors) < PARTITIONS:
        visitors.setdefault(murmur2(f"late-{number}".encode(), PARTITIONS), f"late-{number}")
        number += 1
    return list(visitors.values())


def _decided(scenario: Scenario) -> Mapping[bytes | None, bytes | None]:
    """Return every conversion by its key; each key came once."""
    records = scenario.read("conversion")
    found = {record.key: record.value for record in records}
    assert len(found) == len(records)
    return found


def test_the_same_logs_give_the_same_conversions(
    make_scenario: MakeScenario, kafka: EmbeddedKafka, seed: int, show: Show
) -> None:
    """Read by one process at full speed, seven records at a time, or by three that come, go and are killed."""
    first = make_scenario(kafka)
    first.create_topics()
    history = History(first, seed)
    inputs = {
        "session_landed": first.settings.topics.session_landed,
        "order_completed": first.settings.topics.order_completed,
    }
    slow, shared = (make_scenario(kafka, changes={"topics": inputs}) for _ in range(2))
    for scenario in (slow, shared):
        scenario.create_topics()
    readers = [scenario.settings for scenario in (first, slow, shared)]
    assert len({settings.kafka.group for settings in readers}) == 3
    assert len({settings.topics.conversion for settings in readers}) == 3
    first.start("attribute", "fast")
    first.wait_judged(history.sessions, history.orders)
    slow.start("attribute", "slow", tiny=True, records=7)
    slow.wait_judged(history.sessions, history.orders)
    members = [shared.start("attribute", name, tiny=True, records=50) for name in ("one", "two", "three")]
    members[0].wait_active()
    members[0].kill()
    members[1].wait_active()
    members[1].terminate()
    shared.wait_judged(history.sessions, history.orders)
    decided = _decided(first)
    show(sessions=history.sessions, orders=history.orders, conversions=len(decided))
    assert len(decided) > history.orders / 2
    assert _decided(slow) == decided
    assert _decided(shared) == decided
    assert first.account().faults == []
