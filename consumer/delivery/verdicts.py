"""What an answer decides: of each conversion of its call what becomes of it, and whether the programme goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from consumer.delivery.attempt.method import CallEnd, Told
from consumer.delivery.attempt.sender import Answer
from consumer.delivery.outstanding import Decided, Outstanding
from consumer.delivery.pacing.retry import Retries
from consumer.delivery.queue import Call, Queue
from consumer.delivery.settings import DeliverSettings
from consumer.errors import Reject


class Verdicts:
    """Judges answers, and puts back into its queue what is to be sent again.

    Args:
        retries: when to try again.
        settings: limits.
        halt: told of a programme that had to be stopped, and why.
        monotonic_s: the clock for waits.
    """

    def __init__(
        self,
        retries: Retries,
        settings: DeliverSettings,
        halt: Callable[[str, str], None],
        monotonic_s: Callable[[], float],
    ) -> None:
        self._retries = retries
        self._settings = settings
        self._tell_halt = halt
        self._monotonic_s = monotonic_s

    def on(self, call: Call, answer: Answer, started_at_ms: int) -> Iterator[Decided]:
        """Take in the answer to a call whose attempt started then; yield of its conversions what becomes of them."""
        end = call.queue.method.read(call.queue.programme, answer, [item.conversion.order_ref for item in call.items])
        for item, told in zip(call.items, end.told, strict=True):
            item.answer = replace(answer, outcome=told.outcome, excerpt=told.message, body=b"")
            item.attempts += 1
            if item.first_attempt_at_ms is None:
                item.first_attempt_at_ms = started_at_ms
        if end.kind == "key_refused":
            yield from self._key_refused(call)
        elif end.kind == "split" and len(call.items) > 1:
            self._split(call)
        else:
            yield from self._told(call, end, answer)

    def _split(self, call: Call) -> None:
        """Send two halves, which is quicker than one by one where a single conversion is bad."""
        call.queue.gate.breaker.succeeded()
        half = len(call.items) // 2
        for items in (call.items[:half], call.items[half:]):
            call.queue.again([item for item in items if not item.dropped], self._monotonic_s())

    def _key_refused(self, call: Call) -> Iterator[Decided]:
        queue = call.queue
        live = [item for item in call.items if not item.dropped]
        queue.gate.breaker.succeeded()
        if queue.method.renew_key(queue.programme):
            queue.again(live, self._monotonic_s())
            return
        self._halt(queue, "its key is refused")
        yield from (Decided(item, put_off="key_refused") for item in live)

    def _told(self, call: Call, end: CallEnd, answer: Answer) -> Iterator[Decided]:
        """Take in what became of each conversion, and send those that failed again."""
        failed: list[tuple[Outstanding, Told]] = []
        through = False
        for item, told in zip(call.items, end.told, strict=True):
            through = through or told.outcome in {"delivered", "rejected"}
            if item.dropped:
                continue
            if told.outcome == "delivered":
                self._retries.succeeded(item.conversion.programme)
                call.queue.gate.delivered()
                yield Decided(item)
            elif told.outcome == "rejected":
                yield self._rejected(call.queue, item, told, answer)
            else:
                failed.append((item, told))
        if through:
            call.queue.gate.breaker.succeeded()
        else:
            self._failed(call, answer)
        yield from self._again(call.queue, failed, answer)

    def _rejected(self, queue: Queue, item: Outstanding, told: Told, answer: Answer) -> Decided:
        """Reject one conversion; of a programme that is halted for such answers it may not be the fault."""
        if queue.gate.ordered != "running":
            return Decided(item, put_off=queue.gate.ordered)
        if queue.gate.rejected():
            self._halt(queue, f"{self._settings.halt_after} orders in a row were rejected")
        return Decided(item, Reject("rejected", "", _refused(told, answer)))

    def _halt(self, queue: Queue, why: str) -> None:
        queue.gate.order("halted")
        self._tell_halt(queue.programme, why)

    def _failed(self, call: Call, answer: Answer) -> None:
        """Nothing of a call got through: tell the breaker."""
        breaker = call.queue.gate.breaker
        breaker.failed(call.began_s, call.probe)
        if answer.retry_after_s is not None and answer.retry_after_s * 1000 > self._settings.retry_cap_ms:
            breaker.hold(answer.retry_after_s)

    def _again(self, queue: Queue, failed: Iterable[tuple[Outstanding, Told]], answer: Answer) -> Iterator[Decided]:
        again, delay_ms = [], 0
        for item, told in failed:
            if told.outcome == "unknown":
                item.unknown_attempts += 1
                if self._settings.unknown_outcome == "park":
                    yield Decided(item, Reject("unknown_outcome", "", _said(item, told, "unknown outcomes are parked")))
                    continue
            wait_ms = self._retries.failed(item.trial, told.outcome, answer.retry_after_s)
            if wait_ms is None:
                yield Decided(item, Reject("exhausted", "", _said(item, told, "others got through meanwhile")))
            else:
                again.append(item)
                delay_ms = max(delay_ms, wait_ms)
        if again:
            queue.again(again, self._monotonic_s() + delay_ms / 1000)


def _refused(told: Told, answer: Answer) -> str:
    if answer.http_status is None:
        return f"the request cannot be made ({told.message})"
    return f"Awin answered {answer.http_status}: {told.message}"


def _said(item: Outstanding, told: Told, why: str) -> str:
    status = None if item.answer is None else item.answer.http_status
    return f"{item.attempts} attempts, the last ended {told.outcome} ({status or told.message}); {why}"
