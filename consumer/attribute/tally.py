"""What happened since the last commit, for the metrics: work that is taken back was not done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from consumer.attribute.conversion_counts import ConversionCounts
from consumer.attribute.ports import AttributeMetrics


class Tally:
    """Counts until the commit tells whether they hold.

    Args:
        metrics: told then.
        default_groups: the default commission group of each programme.
    """

    def __init__(self, metrics: AttributeMetrics, default_groups: Mapping[str, str]) -> None:
        self._metrics = metrics
        self.records: Counter[str] = Counter()
        """Records taken, by topic."""
        self.written: Counter[str] = Counter()
        """Records sent, by topic."""
        self.orders: Counter[str] = Counter()
        """Orders, by what became of them; those that went on waiting are left out."""
        self.conversions = ConversionCounts(default_groups)
        """Conversions written."""
        self.dead_letters: Counter[str] = Counter()
        """Records rejected, by reason."""

    def report(self) -> None:
        """The work was committed: tell the metrics and begin anew."""
        for topic, count in self.records.items():
            self._metrics.records(topic, count)
        for topic, count in self.written.items():
            self._metrics.written(topic, count)
        for ending, count in self.orders.items():
            self._metrics.orders(ending, count)
        if self.conversions.written:
            self._metrics.conversions(self.conversions)
        for reason, count in self.dead_letters.items():
            self._metrics.dead_letters(reason, count)
        self.forget()

    def forget(self) -> None:
        """The work was taken back, or told already."""
        for counter in (self.records, self.written, self.orders, self.dead_letters):
            counter.clear()
        self.conversions.clear()
