"""When to look through a partition's touches for refused checksums (docs/attribution.md, section 10)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

from consumer.attribute.partition import AttributePartition
from consumer.stream.log import Source, TopicPartition


class Sweeps:
    """One pass over each partition when it becomes ours and one every ``interval_s``, a few touches at a time.

    Only where everything read is committed, so that no grant is overlooked, and no order waits to be read.
    """

    def __init__(
        self,
        source: Source,
        orders: Callable[[int], TopicPartition],
        *,
        interval_s: float,
        touches: int,
        monotonic_s: Callable[[], float],
    ) -> None:
        self._source = source
        self._orders = orders
        self._interval_s = interval_s
        self._touches = touches
        self._monotonic_s = monotonic_s
        self._due_s = 0.0
        self._queue: deque[int] = deque()

    def begin(self, partition: int) -> None:
        """Sweep a partition that has just become ours."""
        self._queue.append(partition)

    def advance(self, partitions: Mapping[int, AttributePartition]) -> bool:
        """Go on with the next partition; return whether there is something to commit now."""
        now_s = self._monotonic_s()
        if now_s >= self._due_s:
            self._due_s = now_s + self._interval_s
            self._queue.extend(number for number in partitions if number not in self._queue)
        if not self._queue:
            return False
        number = self._queue.popleft()
        worker = partitions.get(number)
        if worker is None:
            return False
        if worker.dirty or not self._has_read_all_orders(number) or not worker.sweep(self._touches):
            self._queue.append(number)
        return worker.dirty

    def _has_read_all_orders(self, partition: int) -> bool:
        """Whether no order is there to be read that might have been placed before a refusal."""
        orders = self._orders(partition)
        end = self._source.high_watermarks().get(orders)
        return end is not None and self._source.next_offset(orders) >= end
