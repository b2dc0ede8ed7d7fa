"""Appending a single record, for commands."""

from __future__ import annotations

from confluent_kafka import Producer

from consumer.errors import Unavailable
from consumer.settings import Settings
from consumer.stream.framing import Headers
from consumer.stream.properties import open_client
from consumer.wiring import clients

_TIMEOUT_S = 30.0


def append(
    settings: Settings, topic: str, key: bytes, value: bytes | None, partition: int, headers: Headers = ()
) -> None:
    """Write a record and wait until it is there.

    Raises:
        Unavailable: the broker did not take it.
    """
    producer = open_client(Producer, {**clients.connection(settings), "acks": "all", "enable.idempotence": True})
    failures: list[str] = []
    producer.produce(
        topic,
        value,
        key,
        partition,
        headers=list(headers),
        on_delivery=lambda error, _: failures.append(error.str()) if error is not None else None,
    )
    if producer.flush(_TIMEOUT_S) or failures:
        raise Unavailable(f"{topic} did not take the record: {failures[0] if failures else 'no answer'}")
