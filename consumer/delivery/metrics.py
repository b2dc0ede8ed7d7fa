"""What the deliver stage tells about itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from consumer.events import Outcome
from consumer.stream.log import TopicPartition


class DeliverMetrics(Protocol):
    """Where the numbers go. Every call comes on the polling thread and must return quickly."""

    def records(self, topic: str, count: int) -> None:
        """So many records of the outbox were taken."""

    def written(self, topic: str, count: int) -> None:
        """So many records were committed to a topic."""

    def lag(self, records: Mapping[TopicPartition, int]) -> None:
        """How many records of each assigned partition are not taken yet."""

    def restored(self, seconds: float, changes: int) -> None:
        """A partition's memory was brought up to the receipts."""

    def attempt(self, outcome: Outcome, seconds: float) -> None:
        """One request ended with ``outcome`` after ``seconds``."""

    def left_out(self, what: str) -> None:
        """One request leaves something out for being too long; see `consumer.awin.sread.SreadRequest`."""

    def ending(self, ending: str, reason: str) -> None:
        """One conversion's ending was committed; ``reason`` is empty unless it is a dead letter."""

    def latency(self, since_completed_s: float, since_decidable_s: float) -> None:
        """A delivered sale was committed this long after its order, and after it could be decided (wall clock)."""

    def outstanding(self, conversions: int) -> None:
        """So many conversions are unfinished now."""

    def programmes(self, stops: Mapping[str, str]) -> None:
        """Why nothing of each programme is sent now (`consumer.delivery.pacing.gate.Stop`); empty if something is."""

    def committed(self, seconds: float) -> None:
        """One transaction took ``seconds``."""

    def commit_failed(self, error: str) -> None:
        """A transaction was refused (``Rebalanced``) or not answered (``Unavailable``); what it held is kept."""


class NoMetrics:
    """Forgets everything."""

    def records(self, topic: str, count: int) -> None:
        """See `DeliverMetrics`."""

    def written(self, topic: str, count: int) -> None:
        """See `DeliverMetrics`."""

    def lag(self, records: Mapping[TopicPartition, int]) -> None:
        """See `DeliverMetrics`."""

    def restored(self, seconds: float, changes: int) -> None:
        """See `DeliverMetrics`."""

    def attempt(self, outcome: Outcome, seconds: float) -> None:
        """See `DeliverMetrics`."""

    def left_out(self, what: str) -> None:
        """See `DeliverMetrics`."""

    def ending(self, ending: str, reason: str) -> None:
        """See `DeliverMetrics`."""

    def latency(self, since_completed_s: float, since_decidable_s: float) -> None:
        """See `DeliverMetrics`."""

    def outstanding(self, conversions: int) -> None:
        """See `DeliverMetrics`."""

    def programmes(self, stops: Mapping[str, str]) -> None:
        """See `DeliverMetrics`."""

    def committed(self, seconds: float) -> None:
        """See `DeliverMetrics`."""

    def commit_failed(self, error: str) -> None:
        """See `DeliverMetrics`."""
