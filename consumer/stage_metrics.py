"""What both stages report of themselves: the port, and the values that go through it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from msgspec import Struct

from consumer.errors import ConsumerError, Rebalanced, SchemaUnavailable
from consumer.stream.log import TopicPartition

AbortReason = Literal["rebalanced", "unavailable", "registry"]
RebalanceEvent = Literal["assigned", "revoked", "lost"]


def abort_reason(error: ConsumerError) -> AbortReason:
    """Return why a transaction was aborted."""
    if isinstance(error, Rebalanced):
        return "rebalanced"
    return "registry" if isinstance(error, SchemaUnavailable) else "unavailable"


class Behind(Struct, frozen=True):
    """How far a stage is behind in one input partition."""

    records: int
    """Records that are there and not taken."""
    position_ms: int | None
    """Timestamp of the newest record taken; ``None`` before the first."""


class StageMetrics(Protocol):
    """Where a stage's numbers go. Calls come on its polling thread, per batch or rarer, and return quickly."""

    def records(self, topic: str, count: int) -> None:
        """So many records of an input topic were taken."""

    def written(self, topic: str, count: int) -> None:
        """So many records were committed to a topic."""

    def dead_letters(self, reason: str, count: int) -> None:
        """So many records were put aside for this reason."""

    def behind(self, inputs: Mapping[TopicPartition, Behind]) -> None:
        """Where each input partition that is worked on stands; others are no longer told of."""

    def oldest(self, entered_at_ms: Mapping[int, int]) -> None:
        """When the oldest order in hand of each partition entered Kafka; partitions with none are left out."""

    def committed(self, seconds: float) -> None:
        """A transaction committed."""

    def aborted(self, reason: AbortReason) -> None:
        """A transaction was aborted, and its work will be done again."""

    def rebalanced(self, event: RebalanceEvent) -> None:
        """The group gave partitions or took some."""

    def restored(self, seconds: float, changes: int) -> None:
        """A partition's state was brought up to its changelog."""

    def released(self, partitions: Sequence[int]) -> None:
        """These partitions are no longer ours: nothing that was told of them holds."""

    def loop(self, seconds: Mapping[str, float]) -> None:
        """So much time went into each state of the loop since the last call."""
