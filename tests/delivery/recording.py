"""Metrics of the deliver stage that keep every number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from consumer.delivery.metrics import Attempted, ProgrammeStanding, Sale
from consumer.events import Outcome
from consumer.stage_metrics import AbortReason, Behind, RebalanceEvent
from consumer.stream.log import TopicPartition


class RecordingMetrics:
    """A `DeliverMetrics`."""

    def __init__(self) -> None:
        self.requests: list[Attempted] = []
        self.endings: Counter[str] = Counter()
        self.programmes_of_endings: set[str] = set()
        self.reasons: Counter[str] = Counter()
        """Of dead letters."""
        self.put_off: Counter[str] = Counter()
        """By why."""
        self.sales: list[Sale] = []
        self.possible_repeats = 0
        self.most_outstanding = 0
        self.standings: dict[str, ProgrammeStanding] = {}
        self.limits_met: set[str] = set()
        self.commits = 0
        self.aborts: Counter[str] = Counter()
        self.rebalances: Counter[str] = Counter()
        self.cut: Counter[str] = Counter()
        self.taken: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self.inputs: dict[TopicPartition, Behind] = {}
        self.oldest_ms: dict[int, int] = {}
        self.restores = 0
        self.given_up: list[int] = []
        self.loop_s: Counter[str] = Counter()

    @property
    def attempts(self) -> list[Outcome]:
        """How each request ended."""
        return [request.outcome for request in self.requests]

    def records(self, topic: str, count: int) -> None:
        """Count by topic."""
        self.taken[topic] += count

    def written(self, topic: str, count: int) -> None:
        """Count by topic."""
        self.sent[topic] += count

    def dead_letters(self, reason: str, count: int) -> None:
        """Count by reason."""
        self.reasons[reason] += count

    def behind(self, inputs: Mapping[TopicPartition, Behind]) -> None:
        """Keep the latest."""
        self.inputs = dict(inputs)

    def oldest(self, entered_at_ms: Mapping[int, int]) -> None:
        """Keep the latest."""
        self.oldest_ms = dict(entered_at_ms)

    def committed(self, seconds: float) -> None:
        """Count."""
        assert seconds >= 0
        self.commits += 1

    def aborted(self, reason: AbortReason) -> None:
        """Count by reason."""
        self.aborts[reason] += 1

    def rebalanced(self, event: RebalanceEvent) -> None:
        """Count by event."""
        self.rebalances[event] += 1

    def restored(self, seconds: float, changes: int) -> None:
        """Count."""
        assert seconds >= 0
        assert changes >= 0
        self.restores += 1

    def released(self, partitions: Sequence[int]) -> None:
        """Keep which."""
        self.given_up += partitions

    def loop(self, seconds: Mapping[str, float]) -> None:
        """Add up."""
        assert all(spent_s >= 0 for spent_s in seconds.values())
        self.loop_s.update(seconds)

    def attempted(self, attempt: Attempted) -> None:
        """Keep it."""
        assert attempt.seconds >= 0
        self.requests.append(attempt)

    def left_out(self, what: str) -> None:
        """Count by what."""
        self.cut[what] += 1

    def ending(self, programme: str, ending: str) -> None:
        """Count by ending."""
        self.programmes_of_endings.add(programme)
        self.endings[ending] += 1

    def delivered(self, sale: Sale) -> None:
        """Keep it."""
        self.sales.append(sale)

    def possible_repeat(self, programme: str) -> None:
        """Count."""
        del programme
        self.possible_repeats += 1

    def deferred(self, programme: str, why: str) -> None:
        """Count by why."""
        del programme
        self.put_off[why] += 1

    def programmes(self, standings: Mapping[str, ProgrammeStanding]) -> None:
        """Keep the latest, and every limit that was met."""
        self.standings = dict(standings)
        self.limits_met |= {limit for standing in standings.values() for limit in standing.limits}

    def outstanding(self, conversions: int, limit: int) -> None:
        """Keep the most."""
        assert conversions <= limit
        self.most_outstanding = max(self.most_outstanding, conversions)
