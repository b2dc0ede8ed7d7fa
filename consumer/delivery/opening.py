"""Where an assigned partition begins, and what of it an earlier owner may have sent."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from consumer.delivery import mark
from consumer.delivery.lane import Lane
from consumer.delivery.mark import Mark
from consumer.delivery.pacing.delay import Delay
from consumer.delivery.partition import OutboxPartition
from consumer.delivery.put_off import PutOff
from consumer.delivery.settings import DeliverSettings
from consumer.errors import OffsetsLost, TopicError
from consumer.state.table import Table
from consumer.stream.log import Committed, Source, TopicPartition


class OutboxFacts(Struct, frozen=True):
    """What the broker says about the topics that delivery's memory belongs to, now."""

    receipts_id: str = ""
    """Id of the receipt topic."""
    partitions: int = 0
    """How many the outbox has."""


_END_OF_TIME_MS = 253_402_300_799_000
"""The last second of the year 9999: no record is younger, so the first offset after it is the end."""


def opening(
    partition: int,
    committed: Mapping[TopicPartition, Committed],
    settings: DeliverSettings,
    table: Table,
    source: Source,
    facts: OutboxFacts,
) -> OutboxPartition:
    """Begin the partitions of one number where the group left them, at their earliest record if it is the first time.

    What an earlier owner may have sent is suspect up to the present end. One that left no mark at all (the offset was
    set by hand) is taken to have sent as many as we may.

    Raises:
        OffsetsLost: there is no committed offset, but receipts exist, so it is not the first time.
        StateError: the metadata of a commit cannot be read.
        TopicError: the receipts are not those of the commit, or keys have moved to other partitions since.
        Unavailable: the broker did not tell an offset in time.
    """
    fresh, deferred = settings.inputs(partition)
    is_first = fresh not in committed
    if is_first and next(iter(table.scan(partition, b"")), None) is not None:
        raise OffsetsLost(
            f"the group has no committed offset for partition {partition} of {settings.conversion_topic}, but "
            f"{settings.receipt_topic} has receipts: the offsets expired or were deleted. Set them to where delivery "
            "should go on; conversions that have a receipt are not sent again"
        )
    first, second = (
        _lane(at, committed.get(at), settings, source, facts, is_first=is_first) for at in (fresh, deferred)
    )
    delay = Delay(settings.deferred_delay_ms, settings.deferred_delay_cap_ms)
    put_off = PutOff(2 * settings.deferred_delay_cap_ms / 1000)
    return OutboxPartition(partition, first, second, delay, put_off)


def _lane(
    at: TopicPartition,
    committed: Committed | None,
    settings: DeliverSettings,
    source: Source,
    facts: OutboxFacts,
    *,
    is_first: bool,
) -> Lane:
    if committed is None:
        # Without a position of its own, what was put off is read from the beginning: receipts tell what is over.
        suspects = 0 if is_first else settings.max_outstanding
        start = _offset_at(at, 0, settings, source)
        end = _offset_at(at, _END_OF_TIME_MS, settings, source) if suspects else start
        return Lane(at, start, suspects=suspects, suspects_end=end)
    left = mark.load(committed.metadata, f"{at.topic}[{at.partition}]")
    if left is not None:
        _check_topics(left, settings, facts)
    suspects, counts = (settings.max_outstanding, None) if left is None else (left.suspects, left.counts)
    end = _offset_at(at, _END_OF_TIME_MS, settings, source) if suspects else committed.offset
    return Lane(at, committed.offset, suspects=suspects, suspects_end=end, counts=counts)


def _check_topics(left: Mark, settings: DeliverSettings, facts: OutboxFacts) -> None:
    if left.receipts_id not in {"", facts.receipts_id}:
        raise TopicError(
            f"{settings.receipt_topic} was deleted and created again: what was sent before is not known any more, and "
            "might be sent twice. See docs/operations.md, 'A topic was created again'"
        )
    if left.partitions not in {0, facts.partitions}:
        raise TopicError(
            f"{settings.conversion_topic} has {facts.partitions} partitions, but {left.partitions} when it was last "
            "delivered from: an order may be in another partition than its receipt. See docs/operations.md, 'Changing "
            "the number of partitions'"
        )


def _offset_at(at: TopicPartition, time_ms: int, settings: DeliverSettings, source: Source) -> int:
    return source.offsets_at({at: time_ms}, settings.query_timeout_ms / 1000)[at]
