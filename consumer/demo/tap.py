"""Reads topics beside the consumer, to show and to check what it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event, Lock, Thread

from confluent_kafka import Consumer, KafkaError, TopicPartition

from consumer.errors import ConsumerError
from consumer.events import Conversion

_EOF = KafkaError._PARTITION_EOF  # noqa: SLF001  # public, in spite of the name


def everything(bootstrap_servers: str, topic: str) -> Iterator[tuple[int, int, int, bytes | None]]:
    """Yield partition, offset, record time and value of all committed records that are in a topic now."""
    consumer = _consumer(bootstrap_servers)
    try:
        partitions = list(consumer.list_topics(topic, timeout=10).topics[topic].partitions)
        consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        left = set(partitions)
        while left:
            message = consumer.poll(10)
            if message is None:
                raise ConsumerError(f"{topic} could not be read to its end within 10 s: is the broker still there?")
            error = message.error()
            number, offset = message.partition(), message.offset()
            if error is None and number is not None and offset is not None:
                yield number, offset, message.timestamp()[1], message.value()
            elif error is not None and error.code() == _EOF:
                left.discard(number)
            else:
                raise ConsumerError(f"{topic} could not be read: {error}")
    finally:
        consumer.close()


class ConversionTap:
    """Follows the outbox on a thread of its own and remembers every conversion. Thread-safe."""

    def __init__(self, bootstrap_servers: str, topic: str, decode: Callable[[bytes | None], Conversion]) -> None:
        self._consumer = _consumer(bootstrap_servers)
        self._topic = topic
        self._decode = decode
        self._lock = Lock()
        self._conversions: dict[str, Conversion] = {}
        self._stop = Event()
        self._thread = Thread(target=self._follow, name="tap", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        partitions = self._consumer.list_topics(self._topic, timeout=10).topics[self._topic].partitions
        self._consumer.assign([TopicPartition(self._topic, number, 0) for number in partitions])
        self._thread.start()

    def get(self, order_ref: str) -> Conversion | None:
        """Return the conversion of this order, if it was seen."""
        with self._lock:
            return self._conversions.get(order_ref)

    def all(self) -> list[Conversion]:
        """Return what was seen so far."""
        with self._lock:
            return list(self._conversions.values())

    def close(self) -> None:
        """Stop following."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._consumer.close()

    def _follow(self) -> None:
        while not self._stop.is_set():
            message = self._consumer.poll(0.1)
            if message is not None and message.error() is None:
                conversion = self._decode(message.value())
                with self._lock:
                    self._conversions.setdefault(conversion.order_ref, conversion)


def _consumer(bootstrap_servers: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "awin-demo-observer",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "log_level": 0,
        }
    )
