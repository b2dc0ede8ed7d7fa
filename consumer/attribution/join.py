"""When a pending order can be decided (docs/attribution.md, section 7).

Either the watermark says that every session which came in time has been read. Or, on a quiet partition, it is *forced*:
everything in the session partition up to an end learnt after the order was read has been read too, and then
`idle_wait` has passed with nothing new, or `max_hold` altogether. Time here is a clock that runs only while fetching is
known to work, so that an outage forces nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from typing import NamedTuple


class Waiting(NamedTuple):
    """A pending order; ordered by when it can be decided."""

    decidable_at_ms: int
    offset: int
    key: bytes
    visitor: str | None = None
    entered_at_ms: int = 0
    """Timestamp of its record."""


class FetchClock:
    """Seconds during which fetching was known to work.

    It moves only from one confirmation (an answered request for end offsets) to the next, and not across a gap of
    more than ``max_gap_s``.
    """

    def __init__(self, monotonic_s: Callable[[], float], max_gap_s: float = 2.0) -> None:
        self._monotonic_s = monotonic_s
        self._max_gap_s = max_gap_s
        self._confirmed_at_s: float | None = None
        self.now_s = 0.0

    def confirm(self, sent_at_s: float) -> None:
        """Note that a request sent at this monotonic time was answered."""
        if self._confirmed_at_s is not None:
            gap = sent_at_s - self._confirmed_at_s
            if 0 < gap <= self._max_gap_s:
                self.now_s += gap
        self._confirmed_at_s = sent_at_s

    def stamp_s(self) -> float:
        """Return what the clock will show at most once this very moment has been confirmed.

        ``now_s`` lags behind by up to ``max_gap_s``, so a wait measured from it would end that much too early.
        """
        if self._confirmed_at_s is None:
            return self.now_s
        return self.now_s + min(self._monotonic_s() - self._confirmed_at_s, self._max_gap_s)

    def interrupt(self) -> None:
        """Note that fetching failed: what passes until the next confirmation does not count."""
        self._confirmed_at_s = None


class EndTarget(NamedTuple):
    """An end offset, and how many orders had been read when it was asked for."""

    orders_read: int
    end: int


class PendingOrders:
    """The orders of one partition that wait, and which of them can be decided.

    `ready`, `forced` and `of_visitor` hand each order out once; whoever takes one decides it.
    """

    def __init__(self, *, idle_wait_s: float, max_hold_s: float, monotonic_s: Callable[[], float]) -> None:
        self._idle_wait_s = idle_wait_s
        self._max_hold_s = max_hold_s
        self._clock = FetchClock(monotonic_s)
        self._heap: list[Waiting] = []
        self._waiting: dict[bytes, Waiting] = {}
        self._undrained: deque[tuple[int, Waiting]] = deque()
        self._drained: deque[tuple[float, Waiting]] = deque()
        self._orders_read = 0
        self._last_session_s = 0.0
        self._target: EndTarget | None = None
        self._latest_end = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, key: bytes) -> bool:
        return key in self._waiting

    def add(self, waiting: Waiting) -> None:
        """Let an order wait that was just read."""
        self._forget_decided()
        self._orders_read += 1
        heappush(self._heap, waiting)
        self._waiting[waiting.key] = waiting
        self._undrained.append((self._orders_read, waiting))

    def oldest(self) -> Waiting | None:
        """Return the order that was read first of those that wait."""
        return next(iter(self._waiting.values()), None)

    def visitors(self) -> set[str | None]:
        """Return the visitors whose orders wait."""
        return {waiting.visitor for waiting in self._waiting.values()}

    def of_visitor(self, visitor: str) -> list[Waiting]:
        """Hand out a visitor's orders, ready or not, in the order in which they were read."""
        found = sorted(
            (waiting for waiting in self._waiting.values() if waiting.visitor == visitor),
            key=lambda waiting: waiting.offset,
        )
        for waiting in found:
            del self._waiting[waiting.key]
        return found

    def session_read(self) -> None:
        """Note that sessions have just been read: the partition is not quiet."""
        self._last_session_s = self._clock.stamp_s()

    def ready(self, watermark_ms: int) -> Iterator[Waiting]:
        """Yield the orders that this watermark decides."""
        while self._heap and self._heap[0].decidable_at_ms <= watermark_ms:
            waiting = heappop(self._heap)
            if self._waiting.get(waiting.key) is waiting:
                del self._waiting[waiting.key]
                yield waiting

    def orders_read(self) -> int:
        """Return how many orders have been read; goes into the `EndTarget` of a request sent now."""
        return self._orders_read

    def answered(self, sent_at_s: float, target: EndTarget, next_session_offset: int) -> None:
        """Take the answer to a request for the session partition's end, sent at this monotonic time."""
        self._clock.confirm(sent_at_s)
        self._latest_end = target.end
        if self._target is None or self._target.end <= next_session_offset:
            self._reached(next_session_offset)
            self._target = target
        self._reached(next_session_offset)

    def unanswered(self) -> None:
        """Note that such a request failed."""
        self._clock.interrupt()

    def forced(self, next_session_offset: int) -> Iterator[Waiting]:
        """Yield the orders that have waited long enough on a quiet partition."""
        self._reached(next_session_offset)
        now = self._clock.now_s
        quiet = next_session_offset >= self._latest_end and now - self._last_session_s >= self._idle_wait_s
        while self._drained:
            reached_s, waiting = self._drained[0]
            if not (quiet and now - reached_s >= self._idle_wait_s) and now - reached_s < self._max_hold_s:
                return
            self._drained.popleft()
            if self._waiting.get(waiting.key) is waiting:
                del self._waiting[waiting.key]
                yield waiting

    def _reached(self, next_session_offset: int) -> None:
        if self._target is None or next_session_offset < self._target.end:
            return
        while self._undrained and self._undrained[0][0] <= self._target.orders_read:
            _, waiting = self._undrained.popleft()
            if waiting.key in self._waiting:
                self._drained.append((self._clock.stamp_s(), waiting))

    def _forget_decided(self) -> None:
        while self._undrained and self._undrained[0][1].key not in self._waiting:
            self._undrained.popleft()
        if len(self._heap) > 1024 + 2 * len(self._waiting):
            self._heap = [waiting for waiting in self._heap if waiting.key in self._waiting]
            heapify(self._heap)
