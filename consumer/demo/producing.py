"""Puts the synthetic shop's events into Kafka when they happen."""

from __future__ import annotations

import time
from collections.abc import Iterable
from threading import Event, Thread

from confluent_kafka import Producer

from consumer.demo.shop import Emission, Shop
from consumer.events import OrderCompleted, SessionLanded
from consumer.stream.avro import OrderEncoder, SessionEncoder
from consumer.stream.schemas import Schemas

_STEP_MS = 100


class OpenShop:
    """Runs the shop for some seconds on its own thread. ``sessions`` and ``orders`` count what was produced."""

    def __init__(
        self, shop: Shop, bootstrap_servers: str, session_topic: str, order_topic: str, schemas: Schemas, seconds: float
    ) -> None:
        self.sessions = 0
        self.orders = 0
        self._shop = shop
        self._topics = {"session": session_topic, "order": order_topic}
        self._session = SessionEncoder(schemas)
        self._order = OrderEncoder(schemas)
        self._seconds = seconds
        self._closing = Event()
        self._is_closing = False
        self._thread = Thread(target=self._run, name="shop", daemon=True)
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap_servers,
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
                "linger.ms": 5,
                "log_level": 0,
            }
        )

    def open(self) -> None:
        """Begin."""
        self._thread.start()

    def is_open(self) -> bool:
        """True until the last event has been produced."""
        return self._thread.is_alive()

    def is_closing(self) -> bool:
        """True when nothing new begins any more and only what has begun is still to come."""
        return self._is_closing

    def close(self) -> None:
        """End early: whatever would still come does not."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        now_ms = start_ms = time.time_ns() // 1_000_000
        end_ms = start_ms + int(self._seconds * 1000)
        while now_ms < end_ms and not self._closing.is_set():
            self._produce(self._shop.events(now_ms, now_ms + _STEP_MS))
            now_ms += _STEP_MS
        self._is_closing = True
        if not self._closing.is_set():
            self._produce(self._shop.rest())
        self._producer.flush()

    def _produce(self, emissions: Iterable[Emission]) -> None:
        for emission in emissions:
            wait_s = emission.at_ms / 1000 - time.time()
            if wait_s > 0:
                self._producer.poll(0)
                if self._closing.wait(wait_s):
                    return
            self._producer.produce(self._topics[emission.topic], key=emission.key, value=self._encoded(emission.event))
            if emission.topic == "session":
                self.sessions += 1
            else:
                self.orders += 1

    def _encoded(self, event: SessionLanded | OrderCompleted | bytes | None) -> bytes | None:
        if isinstance(event, SessionLanded):
            return self._session(event)
        if isinstance(event, OrderCompleted):
            return self._order(event)
        return event
