"""How long a reader waits for a conversion at a modest rate: from when it can be decided to when it can be read."""

from __future__ import annotations

import time
from pathlib import Path
from random import Random
from statistics import quantiles
from threading import Event, Thread

from confluent_kafka import Consumer, TopicPartition
from msgspec import Struct

from benchmarks.inputs import QUIET, Inputs, create_inputs, create_owned, producer, run_settings
from benchmarks.outputs import Reference
from benchmarks.process import BenchmarkError, Measured
from benchmarks.workload import Log, Shop, Size, Workload
from consumer.settings import Settings
from consumer.stream.avro import ConversionDecoder, OrderEncoder, SessionEncoder
from consumer.stream.schemas import Schemas
from consumer.wiring.rulebook import rulebook

GRACE_MS = 1
"""The shortest that the settings take: what is measured is the pipeline, not the waiting for late sessions."""
SETTLE_TIMEOUT_S = 60.0

_SESSIONS_PER_ORDER = 10
_WARM_UP_MS = 2_000


class Latency(Struct, frozen=True):
    """Of the orders after the first two seconds, in milliseconds."""

    orders: int
    p50_ms: float
    p99_ms: float
    max_ms: float


def measure(servers: str, name: str, folder: Path, *, rate: int, seconds: float, partitions: int) -> Latency:
    """Produce ``rate`` messages a second, ten sessions to an order, for so long, and time the conversions.

    An order can be decided once a session of its partition is a grace younger: that wait, of some milliseconds, is
    part of the figure, as are producing and reading.

    Raises:
        BenchmarkError: the stage failed, or an answer is wrong.
    """
    inputs = Inputs(f"{name}.session.landed", f"{name}.order.completed")
    create_inputs(servers, inputs, partitions)
    settings, file = run_settings(servers, name, folder, inputs, _now_ms(), GRACE_MS)
    create_owned(settings, partitions)
    with Measured("benchmarks.stage", [str(file)], folder / f"{name}.log") as stage:
        while not stage.usage().ready:
            time.sleep(0.1)
        reader = _Reader(settings)
        try:
            live = _produce(settings, rate, seconds, partitions)
            reader.wait_for(len(live.orders))
        finally:
            reader.close()
    Reference(live, rulebook(settings)).check(settings)
    begin_ms = live.orders[0].event.completed_at_ms + _WARM_UP_MS
    waits = [at_ms - decidable_ms for at_ms, decidable_ms in reader.arrivals() if decidable_ms >= begin_ms]
    cuts = quantiles(waits, n=100, method="inclusive")
    return Latency(len(waits), p50_ms=cuts[49], p99_ms=cuts[98], max_ms=max(waits))


class _Reader:
    """Follows the conversions as any reader of the topic would, on a thread of its own."""

    def __init__(self, settings: Settings) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": settings.kafka.bootstrap_servers,
                "group.id": f"{settings.kafka.group}-reader",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                **QUIET,
            }
        )
        topic = settings.topics.conversion
        partitions = self._consumer.list_topics(topic, timeout=10).topics[topic].partitions
        self._consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        self._found: list[tuple[float, bytes | None]] = []
        self._stop = Event()
        self._thread = Thread(target=self._follow, name="reader", daemon=True)
        self._thread.start()

    def wait_for(self, conversions: int) -> None:
        """Return when so many have come.

        Raises:
            BenchmarkError: they have not in a minute.
        """
        deadline_s = time.monotonic() + SETTLE_TIMEOUT_S
        while len(self._found) < conversions:
            if time.monotonic() > deadline_s:
                raise BenchmarkError(f"{len(self._found)} of {conversions} conversions came")
            time.sleep(0.1)

    def close(self) -> None:
        """Stop following."""
        self._stop.set()
        self._thread.join()
        self._consumer.close()

    def arrivals(self) -> list[tuple[float, int]]:
        """Return when each conversion came and when it could be decided, in milliseconds UTC."""
        decode = ConversionDecoder(Schemas.load())
        return [(at_ms, decode(value).decidable_at_ms) for at_ms, value in self._found]

    def _follow(self) -> None:
        while not self._stop.is_set():
            message = self._consumer.poll(0.1)
            if message is not None and message.error() is None:
                self._found.append((time.time() * 1000, message.value()))


def _produce(settings: Settings, rate: int, seconds: float, partitions: int) -> Workload:
    """Produce when it is time, and return what was produced; the last sessions are without an order."""
    schemas = Schemas.load()
    encode_session, encode_order = SessionEncoder(schemas), OrderEncoder(schemas)
    shop, log, random = Shop(visitors=1_000), Log(partitions), Random(1)
    live = Workload(Size(0, 0, 1_000, partitions), _now_ms(), [], [])
    writer = producer(settings.kafka.bootstrap_servers, linger_ms=1)
    began_s = time.monotonic()
    total = int(rate * seconds)
    for number in range(total):
        wait_s = began_s + number / rate - time.monotonic()
        if wait_s > 0:
            writer.poll(0)
            time.sleep(wait_s)
        now_ms = _now_ms()
        if number % (_SESSIONS_PER_ORDER + 1) == _SESSIONS_PER_ORDER and number < total - rate:
            visitor = random.choice(live.sessions[-100:]).event.visitor_id
            order = log.order(shop.order(visitor, now_ms), now_ms)
            live.orders.append(order)
            value = encode_order(order.event)
            writer.produce(settings.topics.order_completed, value, visitor, order.partition, timestamp=now_ms)
        else:
            session = log.session(shop.landing(now_ms), now_ms)
            live.sessions.append(session)
            value = encode_session(session.event)
            writer.produce(
                settings.topics.session_landed, value, session.event.visitor_id, session.partition, timestamp=now_ms
            )
    if writer.flush(60):
        raise BenchmarkError("the broker did not take all records")
    return live


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
