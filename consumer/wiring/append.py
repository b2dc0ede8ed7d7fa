"""Appending single records, for commands."""

from __future__ import annotations

from confluent_kafka import KafkaError, Message, Producer

from consumer.errors import Unavailable
from consumer.events import Position
from consumer.settings import Settings
from consumer.stream.framing import Headers
from consumer.stream.properties import open_client
from consumer.wiring import clients

_TIMEOUT_S = 30.0


class Appender:
    """Writes records one at a time, each there before the next."""

    def __init__(self, settings: Settings) -> None:
        properties = {**clients.connection(settings), "acks": "all", "enable.idempotence": True}
        self._producer = open_client(Producer, properties)

    def __call__(self, topic: str, key: bytes, value: bytes | None, partition: int, headers: Headers = ()) -> Position:
        """Write a record, wait until it is there, and return where it stands.

        Raises:
            Unavailable: the broker did not take it.
        """
        answers: list[tuple[KafkaError | None, int | None]] = []

        def on_delivery(error: KafkaError | None, message: Message) -> None:
            answers.append((error, message.offset()))

        self._producer.produce(topic, value, key, partition, headers=list(headers), on_delivery=on_delivery)
        self._producer.flush(_TIMEOUT_S)
        error, offset = answers[0] if answers else (None, None)
        if error is not None or offset is None:
            raise Unavailable(f"{topic} did not take the record: {'no answer' if error is None else error.str()}")
        return Position(topic, partition, offset)
