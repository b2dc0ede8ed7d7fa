"""Sessions and orders as fast as the attribute stage takes them, with the times of now."""

from __future__ import annotations

import time
from collections import deque
from random import Random
from threading import Event, Thread
from typing import Self

from msgspec import structs

from benchmarks.inputs import producer
from benchmarks.process import BenchmarkError
from benchmarks.workload import Shop, partition_of
from consumer.settings import Settings
from consumer.stream.avro import OrderEncoder, SessionEncoder
from consumer.stream.schemas import Schemas

SESSIONS_AN_ORDER = 10
AHEAD = 100_000
"""Records that may be there and not taken: so much that the stage never waits for them."""
_RECENT = 50_000
_BURST = 500
_PAUSE_S = 0.02


class Load:
    """Produces on a thread of its own from entering to leaving the context.

    Every session is of a new visitor or, as often, of one of the last 50,000; every tenth is followed by its order.
    """

    def __init__(self, settings: Settings, partitions: int) -> None:
        self._topics = settings.topics
        self._partitions = partitions
        self._producer = producer(settings.kafka.bootstrap_servers, linger_ms=20)
        schemas = Schemas.load()
        self._session, self._order = SessionEncoder(schemas), OrderEncoder(schemas)
        self._shop, self._random = Shop(1), Random(1)
        self._recent: deque[str] = deque(maxlen=_RECENT)
        self._allowed = AHEAD
        self._stop = Event()
        self._thread = Thread(target=self._run, name="load", daemon=True)
        self.produced = 0
        """Records so far."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._producer.flush(60):
            raise BenchmarkError("the broker did not take all of the load")

    def taken(self, records: int) -> None:
        """Say how many records the stage has taken."""
        self._allowed = records + AHEAD

    def _run(self) -> None:
        while not self._stop.is_set():
            if self.produced >= self._allowed:
                self._producer.poll(0)
                self._stop.wait(_PAUSE_S)
                continue
            for _ in range(_BURST):
                self._land()
            self._producer.poll(0)

    def _land(self) -> None:
        now_ms = time.time_ns() // 1_000_000
        visitor = self._visitor()
        event = structs.replace(self._shop.landing(now_ms), visitor_id=visitor)
        partition = partition_of(visitor, self._partitions)
        self._send(self._topics.session_landed, self._session(event), visitor, partition)
        if self.produced % (SESSIONS_AN_ORDER + 1) == 0:
            order = self._shop.order(visitor, now_ms)
            self._send(self._topics.order_completed, self._order(order), visitor, partition)

    def _visitor(self) -> str:
        if self._recent and self._random.random() < 0.5:
            return self._random.choice(self._recent)
        visitor = f"visitor-{self._random.getrandbits(48):012x}"
        self._recent.append(visitor)
        return visitor

    def _send(self, topic: str, value: bytes, key: str, partition: int) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key, partition)
            except BufferError:
                self._producer.poll(0.1)
            else:
                self.produced += 1
                return
