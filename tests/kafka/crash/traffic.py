"""The synthetic shop at work while things break: produces as events happen, on a thread of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from threading import Event, Thread
from typing import Protocol

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from consumer.demo.shop import Emission
from consumer.events import OrderCompleted, SessionLanded
from consumer.stream.avro import OrderEncoder, SessionEncoder
from consumer.stream.schemas import Schemas

_STEP_MS = 50


class Journeys(Protocol):
    """What happens in a shop; see `consumer.demo.shop.Shop`."""

    def events(self, start_ms: int, end_ms: int) -> Iterator[Emission]: ...

    def rest(self) -> Iterator[Emission]: ...


class Changed:
    """Journeys of which each event is made another."""

    def __init__(self, journeys: Journeys, change: Callable[[Emission], Emission]) -> None:
        self._journeys = journeys
        self._change = change

    def events(self, start_ms: int, end_ms: int) -> Iterator[Emission]:
        return map(self._change, self._journeys.events(start_ms, end_ms))

    def rest(self) -> Iterator[Emission]:
        return map(self._change, self._journeys.rest())


class Traffic:
    """Open from `start` to `stop`, which produces at once whatever is still to come of journeys that have begun.

    Args:
        shop: what happens.
        bootstrap_servers: where it is told; outages are waited out.
        topics: of sessions and of orders.
        schemas: how.
    """

    def __init__(self, shop: Journeys, bootstrap_servers: str, topics: tuple[str, str], schemas: Schemas) -> None:
        self.sessions = 0
        """Session records produced."""
        self.orders = 0
        """Order records produced."""
        self._shop = shop
        self._session_topic, self._order_topic = topics
        self._encode_session = SessionEncoder(schemas)
        self._encode_order = OrderEncoder(schemas)
        self._closing = Event()
        self._failure: BaseException | None = None
        self._thread = Thread(target=self._run, name="traffic", daemon=True)
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap_servers,
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
                # A new partition may refuse the first batch and take the second, after which the broker takes the first
                # one, sent again, for a duplicate: it is acknowledged and lost. One at a time keeps them in order.
                "max.in.flight": 1,
                "linger.ms": 5,
                "log_level": 0,
                "on_delivery": self._on_delivery,
            }
        )

    def start(self) -> None:
        """Open the shop."""
        self._thread.start()

    def stop(self) -> None:
        """Close the shop and wait until everything is in Kafka. May be repeated."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as failure:  # noqa: BLE001  # raised by `stop`, on the test's thread
            self._failure = failure

    def _work(self) -> None:
        now_ms = time.time_ns() // 1_000_000
        while not self._closing.wait(max(0.0, (now_ms + _STEP_MS) / 1000 - time.time())):
            self._produce(self._shop.events(now_ms, now_ms + _STEP_MS))
            now_ms += _STEP_MS
        self._produce(self._shop.rest())
        assert self._producer.flush(60) == 0, "the broker does not take the last records"

    def _produce(self, emissions: Iterable[Emission]) -> None:
        for emission in emissions:
            if emission.topic == "session":
                self.sessions += 1
                topic = self._session_topic
            else:
                self.orders += 1
                topic = self._order_topic
            self._producer.produce(topic, key=emission.key, value=self._encoded(emission.event))
        self._producer.poll(0)

    def _encoded(self, event: SessionLanded | OrderCompleted | bytes | None) -> bytes | None:
        if isinstance(event, SessionLanded):
            return self._encode_session(event)
        if isinstance(event, OrderCompleted):
            return self._encode_order(event)
        return event

    def _on_delivery(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self._failure = KafkaException(error)
