"""One programme's conversions by one method: waiting for others, for their turn, or for another attempt. Pure."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count

from consumer.delivery.attempt.method import Method
from consumer.delivery.metrics import Limit
from consumer.delivery.outstanding import Outstanding
from consumer.delivery.pacing.gate import Gate
from consumer.delivery.pacing.limiter import RateLimiter


@dataclass(slots=True, eq=False)
class Call:
    """Conversions that share a request."""

    queue: Queue
    items: list[Outstanding]
    probe: int = 0
    """Its number if it is one; see `consumer.delivery.pacing.breaker.Breaker.probing`."""
    began_s: float = field(default=0.0)
    """When its attempt was handed over."""


class Queue:
    """Conversions of one programme that are to be sent by one method.

    Args:
        programme: theirs.
        method: how they are sent.
        gate: stands before their attempts.
        pace: tokens for calls of the key that they share with other programmes.
    """

    def __init__(self, programme: str, method: Method, gate: Gate, pace: RateLimiter) -> None:
        self.programme = programme
        self.method = method
        self.gate = gate
        self.pace = pace
        self.under_way = 0
        """Calls in flight."""
        self._fresh: deque[tuple[float, Outstanding]] = deque()
        self._deferred: deque[tuple[float, Outstanding]] = deque()
        self._again: deque[Call] = deque()
        self._waiting: list[tuple[float, int, Call]] = []
        self._numbers = count()

    def add(self, item: Outstanding, now_s: float, *, fresh: bool) -> None:
        """Take in a conversion; a fresh one goes before those that were put off already."""
        (self._fresh if fresh else self._deferred).append((now_s, item))

    def again(self, items: Iterable[Outstanding], due_s: float) -> None:
        """Have these sent again by one call, the same ones, at this time of the monotonic clock."""
        if call := list(items):
            heapq.heappush(self._waiting, (due_s, next(self._numbers), Call(self, call)))

    @property
    def blocked(self) -> bool:
        """Whether nothing can begin now, whatever is in the queue."""
        busy = self.method.one_call_at_a_time and self.under_way > 0
        return busy or not self.gate.cap.free or self.gate.rate.wait_s() > 0 or self.pace.wait_s() > 0

    def limits(self) -> frozenset[Limit]:
        """Return the limits for which what is here has to wait now."""
        if not len(self):
            return frozenset()
        waits: dict[Limit, bool] = {
            "rate": self.gate.rate.wait_s() > 0,
            "concurrency": not self.gate.cap.free,
            "calls": self.pace.wait_s() > 0,
        }
        return frozenset(limit for limit, is_waited_for in waits.items() if is_waited_for)

    @property
    def is_probed(self) -> bool:
        """Whether everything waits for the end of a probe."""
        return self.gate.breaker.state == "probing"

    @property
    def holds_up(self) -> bool:
        """Whether what is here takes up room for longer than until the next call."""
        return self.is_probed or (self.blocked and len(self) > self.method.most)

    def take(self, now_s: float, *, hurry: bool = False) -> Call | None:
        """Return the next call that is due; its limits must have been asked for.

        In a ``hurry`` no conversion waits for others to share a call with.
        """
        while self._waiting and self._waiting[0][0] <= now_s:
            self._again.append(heapq.heappop(self._waiting)[2])
        if self._again:
            return self._again.popleft()
        if hurry or self._gathered(now_s):
            items = list(self._next(self.method.most))
            return Call(self, items) if items else None
        return None

    def due_in_s(self, now_s: float) -> float | None:
        """Return the seconds until something may begin, calls under way aside; ``None`` when nothing is here.

        Infinity where only another share of the limits can help.
        """
        ready_s = self._ready_in_s(now_s)
        return None if ready_s is None else max(ready_s, self.gate.rate.wait_s(), self.pace.wait_s())

    def _ready_in_s(self, now_s: float) -> float | None:
        if self._again:
            return 0.0
        times = [self._waiting[0][0]] if self._waiting else []
        if len(self) - self._resent() >= self.method.most:
            return 0.0
        times += [queue[0][0] + self.method.gather_s for queue in (self._fresh, self._deferred) if queue]
        return max(0.0, min(times) - now_s) if times else None

    def __len__(self) -> int:
        """Return how many conversions are here, those in flight aside."""
        return len(self._fresh) + len(self._deferred) + self._resent()

    def items(self) -> Iterator[Outstanding]:
        """Yield what is here."""
        yield from (item for queue in (self._fresh, self._deferred) for _, item in queue)
        yield from (item for call in self._calls() for item in call.items)

    def withdraw(self, most: int | None = None, *, fresh: bool = True) -> list[Outstanding]:
        """Take out everything, or so many of those that have waited least and were not sent yet.

        Those that were put off before go first; ``fresh``: whether others go at all.
        """
        if most is not None:
            return list(self._newest(most, (self._deferred, self._fresh) if fresh else (self._deferred,)))
        items = list(self.items())
        self._keep(lambda _: False)
        return items

    def forget(self, partition: int) -> None:
        """Drop a partition's conversions."""
        self._keep(lambda item: item.at.partition != partition)

    @staticmethod
    def _newest(most: int, queues: Iterable[deque[tuple[float, Outstanding]]]) -> Iterator[Outstanding]:
        for queue in queues:
            while queue and most > 0:
                most -= 1
                yield queue.pop()[1]

    def _gathered(self, now_s: float) -> bool:
        waiting = len(self._fresh) + len(self._deferred)
        if waiting >= self.method.most:
            return True
        oldest_s = min((queue[0][0] for queue in (self._fresh, self._deferred) if queue), default=None)
        return oldest_s is not None and now_s - oldest_s >= self.method.gather_s

    def _next(self, most: int) -> Iterator[Outstanding]:
        for queue in (self._fresh, self._deferred):
            while queue and most > 0:
                most -= 1
                yield queue.popleft()[1]

    def _calls(self) -> Iterator[Call]:
        yield from self._again
        yield from (call for _, _, call in self._waiting)

    def _resent(self) -> int:
        return sum(len(call.items) for call in self._calls())

    def _keep(self, wanted: Callable[[Outstanding], bool]) -> None:
        self._fresh = deque(entry for entry in self._fresh if wanted(entry[1]))
        self._deferred = deque(entry for entry in self._deferred if wanted(entry[1]))
        for call in self._calls():
            call.items = [item for item in call.items if wanted(item)]
        self._again = deque(call for call in self._again if call.items)
        self._waiting = [entry for entry in self._waiting if entry[2].items]
        heapq.heapify(self._waiting)
