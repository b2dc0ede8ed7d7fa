"""Keeps asking for the ends of the session partitions on which orders wait (see `consumer.attribution.join`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from consumer.attribution.join import EndTarget, PendingOrders
from consumer.errors import Unavailable
from consumer.stream.log import Source, TopicPartition


class _Question(NamedTuple):
    """A request under way, and for whom: their waiting orders and how many of them had been read."""

    sent_at_s: float
    waiting: list[tuple[TopicPartition, PendingOrders, int]]
    answer: Callable[[], Mapping[TopicPartition, int] | None]


class EndAsker:
    """At most one request is under way; the next is sent ``interval_s`` after it at the earliest."""

    def __init__(self, source: Source, interval_s: float, monotonic_s: Callable[[], float]) -> None:
        self._source = source
        self._interval_s = interval_s
        self._monotonic_s = monotonic_s
        self._question: _Question | None = None
        self._not_before_s = 0.0

    def advance(self, partitions: Iterable[tuple[TopicPartition, PendingOrders]]) -> None:
        """Hand out an answer that has come, and ask again when it is time. Never blocks.

        ``partitions`` are those worked on now: an answer for one that has gone since is dropped.
        """
        current = dict(partitions)
        if self._question is not None:
            self._take(self._question, current)
        now_s = self._monotonic_s()
        if self._question is None and now_s >= self._not_before_s:
            waiting = [(tp, pending, pending.orders_read()) for tp, pending in current.items() if len(pending)]
            if waiting:
                self._not_before_s = now_s + self._interval_s
                answer = self._source.ask_ends([tp for tp, _, _ in waiting])
                self._question = _Question(now_s, waiting, answer)

    def _take(self, question: _Question, current: Mapping[TopicPartition, PendingOrders]) -> None:
        try:
            ends = question.answer()
        except Unavailable:
            ends = {}
        if ends is None:
            return
        self._question = None
        for topic_partition, pending, orders_read in question.waiting:
            end = ends.get(topic_partition)
            if current.get(topic_partition) is not pending:
                continue
            if end is None:
                pending.unanswered()
            else:
                pending.answered(
                    question.sent_at_s, EndTarget(orders_read, end), self._source.next_offset(topic_partition)
                )
