"""Conversions on their way to Awin: ready, in flight, or waiting for another attempt."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from itertools import count

from consumer.awin import sread
from consumer.awin.http import HttpRequest
from consumer.delivery.metrics import DeliverMetrics
from consumer.delivery.outstanding import Decided, Outstanding
from consumer.delivery.retry import Retries
from consumer.delivery.sender import Answer
from consumer.delivery.sent import TOO_OLD
from consumer.delivery.settings import DeliverSettings
from consumer.delivery.worker import Reply, Ticket, Worker
from consumer.errors import Reject, Unreportable


class Dispatch:
    """Makes attempts until each conversion is delivered or rejected. Belongs to the polling thread.

    A conversion that waits for its next attempt holds no connection.
    """

    def __init__(
        self,
        worker: Worker,
        retries: Retries,
        settings: DeliverSettings,
        metrics: DeliverMetrics,
        *,
        now_ms: Callable[[], int],
        monotonic_s: Callable[[], float],
    ) -> None:
        self._worker = worker
        self._retries = retries
        self._settings = settings
        self._metrics = metrics
        self._now_ms = now_ms
        self._monotonic_s = monotonic_s
        self._numbers = count()
        self._ready: deque[Outstanding] = deque()
        self._in_flight: dict[int, Outstanding] = {}
        self._waiting: list[tuple[float, int, Outstanding]] = []

    def add(self, item: Outstanding) -> None:
        """Take in a conversion to be sent."""
        self._ready.append(item)

    def in_flight(self, partition: int | None = None) -> int:
        """Return how many attempts are under way, of one partition or in all."""
        if partition is None:
            return len(self._in_flight)
        return sum(item.at.partition == partition for item in self._in_flight.values())

    def due_in_s(self) -> float | None:
        """Return the seconds until the next attempt is due; ``None`` when none is waited for."""
        if self._ready:
            return 0.0
        return max(0.0, self._waiting[0][0] - self._monotonic_s()) if self._waiting else None

    def start(self, generation: int) -> list[Decided]:
        """Begin every attempt that is due; return what turned out to need none any more."""
        now_s = self._monotonic_s()
        while self._waiting and self._waiting[0][0] <= now_s:
            self._ready.append(heapq.heappop(self._waiting)[2])
        decided = []
        while self._ready:
            item = self._ready.popleft()
            rejection = self._send(item, generation)
            if rejection is not None:
                decided.append(Decided(item, rejection))
        return decided

    def collect(self, timeout_s: float) -> list[Decided]:
        """Take in answers, waiting up to the timeout for the first; return what they decide."""
        decided = []
        for reply in self._worker.replies(timeout_s):
            item = self._in_flight.pop(reply.number, None)
            if item is None:
                continue
            if reply.answer is None:
                self._ready.append(item)
            elif (verdict := self._answered(item, reply.answer, reply)) is not None:
                decided.append(verdict)
        return decided

    def forget(self, partition: int) -> None:
        """Drop a partition's conversions; attempts under way are broken off."""
        numbers = [number for number, item in self._in_flight.items() if item.at.partition == partition]
        for number in numbers:
            del self._in_flight[number]
        self._worker.cancel(numbers)
        self._ready = deque(item for item in self._ready if item.at.partition != partition)
        self._waiting = [entry for entry in self._waiting if entry[2].at.partition != partition]
        heapq.heapify(self._waiting)

    def _send(self, item: Outstanding, generation: int) -> Reject | None:
        age_ms = self._now_ms() - item.conversion.completed_at_ms
        sent_anyway = item.replay is not None and item.replay.send_too_old
        if age_ms > self._settings.max_age_ms and not sent_anyway:
            return Reject(
                TOO_OLD, "completed_at", f"the order was completed {age_ms // 1000} s ago: Awin dates it today"
            )
        try:
            request = sread.request(item.conversion, self._settings.endpoint)
        except Unreportable as error:
            return error
        if request.left_out and not item.attempts:
            self._metrics.left_out(request.left_out)
        number = next(self._numbers)
        self._in_flight[number] = item
        self._worker.submit(Ticket(number, HttpRequest(url=request.url), generation))
        return None

    def _answered(self, item: Outstanding, answer: Answer, reply: Reply) -> Decided | None:
        self._metrics.attempt(answer.outcome, reply.seconds)
        item.answer = answer
        item.attempts += 1
        if item.first_attempt_at_ms is None:
            item.first_attempt_at_ms = reply.started_at_ms
        if answer.outcome == "delivered":
            self._retries.succeeded(item.conversion.programme)
            return Decided(item, None)
        if answer.outcome == "rejected":
            return Decided(item, Reject("rejected", "", _refused(answer)))
        if answer.outcome == "unknown":
            item.unknown_attempts += 1
            if self._settings.unknown_outcome == "park":
                return Decided(item, Reject("unknown_outcome", "", _told(item, answer, "unknown outcomes are parked")))
        delay_ms = self._retries.failed(item.trial, answer.outcome, answer.retry_after_s)
        if delay_ms is None:
            return Decided(item, Reject("exhausted", "", _told(item, answer, "others got through meanwhile")))
        due_s = self._monotonic_s() + delay_ms / 1000
        heapq.heappush(self._waiting, (due_s, next(self._numbers), item))
        return None


def _refused(answer: Answer) -> str:
    if answer.http_status is None:
        return f"the request cannot be made ({answer.excerpt})"
    return f"Awin answered {answer.http_status}: {answer.excerpt}"


def _told(item: Outstanding, answer: Answer, why: str) -> str:
    return f"{item.attempts} attempts, the last ended {answer.outcome} ({answer.http_status or answer.excerpt}); {why}"
