"""Finds what the attribute stage's state says of an order: in its changelog, whose partition is not known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from consumer.events import Position
from consumer.inspect.reading import Reading
from consumer.inspect.traces import Remembered, Traces, Waiting
from consumer.state import orders
from consumer.stream.log import Record


def in_state(keys: Mapping[bytes, str], reading: Reading) -> dict[str, Traces]:
    """Return by programme the pending order and what is remembered of a decided one.

    Args:
        keys: the outbox keys of the order with their programmes.
        reading: where to read.

    Raises:
        KafkaError: the topic cannot be read.
        StateError: a newer release wrote the state.
    """
    topics = reading.topics
    wanted = {kind(key) for key in keys for kind in (orders.pending_key, orders.link_key)}
    newest: dict[tuple[int, bytes], Record] = {}
    for record in reading.read_newest(topics.orders, reading.newest.state_records, wanted):
        if record.key is not None:
            newest[record.partition, record.key] = record
    known = [record for record in newest.values() if record.value is not None]
    return {
        programme: Traces(
            waiting=_waiting(known, orders.pending_key(key), topics.order_completed),
            remembered=_remembered(known, orders.link_key(key), topics.order_completed),
            in_state=sorted({each.partition for each in known if each.key is not None and each.key[1:] == key}),
        )
        for key, programme in keys.items()
    }


def _waiting(records: Iterable[Record], key: bytes, order_topic: str) -> Waiting | None:
    for record in records:
        if record.key == key and record.value is not None:
            pending = orders.decode_pending(record.value)
            return Waiting(
                since_ms=record.timestamp_ms,
                completed_at_ms=pending.order.completed_at_ms,
                source=Position(order_topic, record.partition, pending.offset),
            )
    return None


def _remembered(records: Iterable[Record], key: bytes, order_topic: str) -> Remembered | None:
    for record in records:
        if record.key == key and record.value is not None:
            link = orders.decode_link(record.value)
            return Remembered(
                reported=link.reported,
                completed_at_ms=link.completed_at_ms,
                channel=link.channel,
                click_checksums=link.click_checksums,
                source=Position(order_topic, record.partition, link.offset),
                session_cut=link.session_cut,
            )
    return None
