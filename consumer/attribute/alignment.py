"""Keeps orders from running ahead of the sessions that they wait for (what Flink calls watermark alignment).

In a backlog both topics come as fast as they can be read, and the smaller one is through first: all its orders would
lie in state, be written to the changelog as pending and be read back. When an order is decided does not change by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from consumer.stream.log import Source, TopicPartition

Inputs = Callable[[int], tuple[TopicPartition, TopicPartition]]


class Alignment:
    """Pauses the order partitions in which many orders wait for sessions that are there to be read.

    Args:
        source: what is paused.
        inputs: the session and the order partition of a number.
        most_waiting: how many orders may wait in a partition; reading goes on when half of them do.
    """

    def __init__(self, source: Source, inputs: Inputs, most_waiting: int) -> None:
        self._source = source
        self._inputs = inputs
        self._most_waiting = most_waiting
        self._held: set[int] = set()

    def align(self, waiting: Iterable[tuple[int, int]]) -> None:
        """Pause or resume the orders of started partitions, in each of which so many wait."""
        ends: Mapping[TopicPartition, int] | None = None
        for partition, orders in waiting:
            held = partition in self._held
            if not held and orders < self._most_waiting:
                continue
            ends = self._source.high_watermarks() if ends is None else ends
            behind = self._sessions_are_behind(partition, ends)
            if held and (orders <= self._most_waiting // 2 or not behind):
                self._held.discard(partition)
                self._source.resume([self._inputs(partition)[1]])
            elif not held and behind:
                self._held.add(partition)
                self._source.pause([self._inputs(partition)[1]])

    def forget(self, partition: int) -> None:
        """Note that a partition was started anew, or is gone: it is paused no longer."""
        self._held.discard(partition)

    def _sessions_are_behind(self, partition: int, ends: Mapping[TopicPartition, int]) -> bool:
        """Whether sessions are there that were not read: without them, waiting orders are up to the clock."""
        sessions = self._inputs(partition)[0]
        return sessions in ends and self._source.next_offset(sessions) < ends[sessions]
