"""Where an assigned partition begins, and what of it an earlier owner may have sent."""

from __future__ import annotations

from msgspec import Struct

from consumer.delivery import mark
from consumer.delivery.mark import Mark
from consumer.delivery.partition import OutboxPartition
from consumer.delivery.settings import DeliverSettings
from consumer.errors import OffsetsLost, TopicError
from consumer.state.table import Table
from consumer.stream.log import Committed, Source


class OutboxFacts(Struct, frozen=True):
    """What the broker says about the topics that delivery's memory belongs to, now."""

    receipts_id: str = ""
    """Id of the receipt topic."""
    partitions: int = 0
    """How many the outbox has."""


_END_OF_TIME_MS = 253_402_300_799_000
"""The last second of the year 9999: no record is younger, so the first offset after it is the end."""


def first_opening(partition: int, settings: DeliverSettings, table: Table, source: Source) -> OutboxPartition:
    """Begin a partition without a committed offset: at its earliest record, with nothing suspected.

    Raises:
        OffsetsLost: receipts exist, so it is not the first time.
        Unavailable: the broker did not tell the earliest offset in time.
    """
    if next(iter(table.scan(partition, b"")), None) is not None:
        raise OffsetsLost(
            f"the group has no committed offset for partition {partition} of {settings.conversion_topic}, but "
            f"{settings.receipt_topic} has receipts: the offsets expired or were deleted. Set them to where delivery "
            "should go on; conversions that have a receipt are not sent again"
        )
    at = settings.input(partition)
    return OutboxPartition(partition, source.offsets_at({at: 0}, settings.query_timeout_ms / 1000)[at])


def next_opening(
    partition: int, committed: Committed, settings: DeliverSettings, source: Source, facts: OutboxFacts
) -> OutboxPartition:
    """Begin a partition at the group's offset.

    What an earlier owner may have sent is suspect up to the present end. One that left no mark at all (the offset was
    set by hand) is taken to have sent as many as we may.

    Raises:
        StateError: the metadata of the commit cannot be read.
        TopicError: the receipts are not those of the commit, or keys have moved to other partitions since.
        Unavailable: the broker did not tell the end in time.
    """
    left = mark.load(committed.metadata, f"{settings.conversion_topic}[{partition}]")
    if left is not None:
        _check_topics(left, settings, facts)
    suspects, counts = (settings.max_outstanding, None) if left is None else (left.suspects, left.counts)
    end = _end(partition, settings, source) if suspects else committed.offset
    return OutboxPartition(partition, committed.offset, suspects=suspects, suspects_end=end, counts=counts)


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


def _end(partition: int, settings: DeliverSettings, source: Source) -> int:
    at = settings.input(partition)
    return source.offsets_at({at: _END_OF_TIME_MS}, settings.query_timeout_ms / 1000)[at]
