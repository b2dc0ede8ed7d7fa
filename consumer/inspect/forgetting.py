"""What to write so that a visitor, and an order of his, are forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from confluent_kafka import murmur2
from msgspec import Struct

from consumer.errors import Unfound
from consumer.events import FORGET_ORDER_HEADER, outbox_key
from consumer.inspect.topic_reader import TopicReader
from consumer.inspect.traces import Traces
from consumer.settings import Topics

Visitor = Literal["forgotten", "none", "not_known"]


class Tombstone(Struct, frozen=True):
    """A record without a value, to be appended to ``session.landed``."""

    topic: str
    partition: int
    key: bytes
    """The visitor's, or empty: the order in the headers alone is to be forgotten."""
    headers: tuple[tuple[str, bytes], ...] = ()


class Forgetting(Struct, frozen=True, kw_only=True):
    """The records to append, and what comes of them."""

    tombstones: tuple[Tombstone, ...]
    visitor: Visitor
    """``none``: the order has no visitor. ``not_known``: its record is gone, so nobody knows whose it is."""
    order_checksums: bool
    """Whether the checksums that are remembered with an order are erased."""


def of_visitor(visitor: str, topics: Topics, reader: TopicReader) -> Forgetting:
    """Return what makes the attribute stage forget a visitor.

    Raises:
        KafkaError: the topic cannot be seen.
    """
    key = visitor.encode()
    partition = murmur2(key, len(reader.spans(topics.session_landed)))
    tombstone = Tombstone(topics.session_landed, partition, key)
    return Forgetting(tombstones=(tombstone,), visitor="forgotten", order_checksums=False)


def of_order(programme: str, order_ref: str, traces: Traces, topics: Topics, reader: TopicReader) -> Forgetting:
    """Return what makes it forget the visitor of an order, and the order's checksums wherever they are remembered.

    Args:
        programme: of the order.
        order_ref: its reference.
        traces: everything that was found of it, dead letters and state read from their beginning.
        topics: their names.
        reader: asked for partitions.

    Raises:
        Unfound: nothing at all is known of the order, or it was never accepted and has no visitor.
        KafkaError: the topics cannot be seen.
    """
    if traces.order is None and not _is_known(traces):
        raise Unfound(
            f"order {order_ref} of programme {programme}: there is no conversion, receipt or record of it, and state "
            "does not know it"
        )
    headers = ((FORGET_ORDER_HEADER, outbox_key(programme, order_ref)),) if _is_known(traces) else ()
    visitor = _visitor_of(traces)
    tombstones = []
    holders = set(_holders(traces))
    if traces.order is not None and visitor:
        at = traces.order.at
        tombstones.append(Tombstone(topics.session_landed, at.partition, visitor.encode(), headers))
        holders.discard(at.partition)
    elif headers and not holders:
        holders = set(reader.spans(topics.session_landed))
    if not headers and not visitor:
        raise Unfound(f"order {order_ref} has no visitor and was not accepted: nothing is kept of it")
    tombstones += [Tombstone(topics.session_landed, number, b"", headers) for number in sorted(holders)]
    return Forgetting(
        tombstones=tuple(tombstones),
        visitor="not_known" if traces.order is None else "forgotten" if visitor else "none",
        order_checksums=bool(headers),
    )


def _is_known(traces: Traces) -> bool:
    """Whether the order was accepted, so that something is remembered of it."""
    return bool(traces.conversions or traces.receipt or traces.waiting or traces.remembered)


def _visitor_of(traces: Traces) -> str | None:
    return None if traces.order is None else traces.order.order.visitor_id


def _holders(traces: Traces) -> Iterator[int]:
    """Yield the partitions whose state knows the order: of one that came under two visitors, both."""
    yield from traces.in_state
    for each in traces.conversions:
        yield each.conversion.source.partition
