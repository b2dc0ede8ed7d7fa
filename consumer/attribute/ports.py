"""What the attribute stage is given: settings, codecs, facts about its topics, and somewhere to report to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from msgspec import Struct

from consumer.attribute.conversion_counts import ConversionCounts
from consumer.attribute.noticed import Noticed
from consumer.events import Conversion, DeadLetter, OrderCompleted, SessionLanded
from consumer.stage_metrics import StageMetrics
from consumer.stream.log import TopicPartition

Headers = tuple[tuple[str, bytes | None], ...]


class AttributeSettings(Struct, frozen=True, kw_only=True):
    """What the stage needs beside the rules; times in seconds or, where named so, milliseconds."""

    session_topic: str
    order_topic: str
    conversion_topic: str
    dead_letter_topic: str
    touches_topic: str
    orders_topic: str
    cut_over_ms: int | None
    idle_wait_s: float
    max_hold_s: float
    flood_share: float
    check_keys: bool = True
    """Whether to stop when keys are not partitioned by murmur2."""
    max_message_bytes: int
    group_commit_s: float = 0.1
    max_poll_records: int = 5_000
    max_transaction_records: int = 50_000
    max_waiting_orders: int = 5_000
    """Orders of one partition that may wait for sessions that are there to be read."""
    ask_interval_s: float = 0.25
    query_timeout_s: float = 10.0
    lag_interval_s: float = 1.0
    sweep_interval_s: float = 3_600.0
    """From one search for refused checksums to the next."""
    sweep_touches: int = 1_000
    """Touches looked at in one turn of the loop: some milliseconds."""

    def inputs(self, partition: int) -> tuple[TopicPartition, TopicPartition]:
        """Return the session partition and the order partition of this number."""
        return TopicPartition(self.session_topic, partition), TopicPartition(self.order_topic, partition)


class InputFacts(Struct, frozen=True):
    """What the broker says about the topics that state belongs to, now."""

    session_topic_id: str
    order_topic_id: str
    partition_count: int
    touches_topic_id: str = ""


class Decoders(Struct, frozen=True):
    """How the values of the input topics are read; each raises `Reject` for bad input."""

    session: Callable[[bytes | None, Headers], SessionLanded]
    order: Callable[[bytes | None, Headers], OrderCompleted]


class Encoders(Struct, frozen=True):
    """How the values of the output topics are written."""

    conversion: Callable[[Conversion], bytes]
    dead_letter: Callable[[DeadLetter], bytes]


class PartitionStanding(Struct, frozen=True):
    """Where a partition stands."""

    watermark_ms: int
    """How far event time has come; 0: no session yet."""
    pending: int
    """Orders that wait for the sessions before them."""


class AttributeMetrics(StageMetrics, Protocol):
    """What the stage reports beside what every stage does; calls are per batch, never per record."""

    def orders(self, ending: str, count: int) -> None:
        """So many orders got this ending (or were decided)."""

    def conversions(self, counts: ConversionCounts) -> None:
        """These conversions were committed just now; ``counts`` is emptied afterwards."""

    def noticed(self, noticed: Noticed) -> None:
        """So much was noticed in a partition since it was told last, and committed."""

    def partitions(self, standings: Mapping[int, PartitionStanding]) -> None:
        """Where the partitions stand that are worked on; others are no longer told of."""
