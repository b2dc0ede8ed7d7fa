"""A dispatch on a clock that a test moves, with a method and a server of which the test says what they answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from random import Random
from typing import Any, Literal

from consumer.awin.http import HttpRequest
from consumer.delivery.attempt.method import CallEnd, Prepared, Told
from consumer.delivery.attempt.sender import Answer
from consumer.delivery.attempt.worker import Worker
from consumer.delivery.dispatch import Dispatch
from consumer.delivery.outstanding import Decided, Outstanding
from consumer.delivery.pacing.gate import Gates
from consumer.delivery.pacing.limiter import RateLimiter
from consumer.delivery.pacing.retry import Retries, RetryPolicy
from consumer.delivery.settings import DeliverSettings
from consumer.events import Conversion, Outcome
from consumer.events import Method as MethodName
from consumer.stream.log import Record
from tests.delivery.conversions import T0_MS, in_hand, key_of
from tests.delivery.recording import RecordingMetrics


def answer(outcome: Outcome, status: int | None = None, retry_after_s: float | None = None) -> Answer:
    """Return what became of an attempt."""
    return Answer(outcome=outcome, http_status=status, retry_after_s=retry_after_s, excerpt="")


class Calls:
    """A method of which a test says how many conversions a call carries and, if it matters, what answers mean."""

    def __init__(self, *, most: int = 1, gather_s: float = 0.0, one_call_at_a_time: bool = False) -> None:
        self.name: MethodName = "sread"
        self.most = most
        self.gather_s = gather_s
        self.one_call_at_a_time = one_call_at_a_time
        self.made: list[tuple[str, ...]] = []
        """The references in each call."""
        self.means: dict[str, Outcome] = {}
        """Of references that fare otherwise than the call's outcome says."""
        self.kind: Literal["told", "split", "key_refused"] = "told"
        self.has_new_key = False

    def prepare(self, conversion: Conversion) -> Prepared:
        """See `consumer.delivery.attempt.method.Method.prepare`."""
        return Prepared(conversion.order_ref.encode(), "")

    def request(self, programme: str, prepared: Sequence[Prepared]) -> HttpRequest:  # noqa: ARG002  # one will do
        """See `consumer.delivery.attempt.method.Method.request`."""
        self.made.append(tuple(each.content.decode() for each in prepared))
        return HttpRequest(url="/".join(self.made[-1]))

    def read(self, programme: str, answer: Answer, order_refs: Sequence[str]) -> CallEnd:  # noqa: ARG002  # as above
        """See `consumer.delivery.attempt.method.Method.read`."""
        return CallEnd(self.kind, tuple(Told(self.means.get(ref, answer.outcome), "") for ref in order_refs))

    def renew_key(self, programme: str) -> bool:  # noqa: ARG002  # as above
        """See `consumer.delivery.attempt.method.Method.renew_key`."""
        return self.has_new_key


class Server:
    """Answers a request when the test has said how."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}

    async def attempt(self, asked: HttpRequest) -> Answer:
        """See `consumer.delivery.attempt.worker.Attempter.attempt`."""
        while asked.url not in self.answers:  # noqa: ASYNC110  # the test is on another thread
            await asyncio.sleep(0.001)
        return self.answers.pop(asked.url)

    async def aclose(self) -> None:
        """See `consumer.delivery.attempt.worker.Attempter.aclose`."""


class Desk:
    """A dispatch with everything that it needs. Both methods are ``calls``; ``settings`` are `DeliverSettings`."""

    def __init__(self, calls: Calls, *, pace: RateLimiter | None = None, **settings: Any) -> None:
        self.now_s = 1_000.0
        self.calls = calls
        self.server = Server()
        self.halted: list[str] = []
        self.may_start = True
        made = DeliverSettings(**settings)
        self.gates = Gates(made.gates(), made.limits, self.monotonic_s)
        self.gates.share(1.0)
        policy = RetryPolicy(base_ms=0, cap_ms=made.retry_cap_ms, max_attempts=made.max_attempts)
        self.worker = Worker(self.server, lambda _: self.may_start, now_ms=lambda: T0_MS, monotonic_s=self.monotonic_s)
        self.dispatch = Dispatch(
            self.worker,
            {"sread": calls, "conversion_api": calls},
            self.gates,
            {} if pace is None else dict.fromkeys(("1001", "2002"), pace),
            Retries(policy, Random(1)),
            made,
            RecordingMetrics(),
            halt=lambda programme, _: self.halted.append(programme),
            now_ms=lambda: T0_MS,
            monotonic_s=self.monotonic_s,
        )
        self._offset = 0

    def monotonic_s(self) -> float:
        """Return the time."""
        return self.now_s

    def take(self, conversion: Conversion, partition: int = 0, *, deferrals: int = 0) -> Decided | None:
        """Take in a conversion as the next record of a partition."""
        self._offset += 1
        record = Record("awin.conversion", partition, self._offset, T0_MS, key_of(conversion), b"")
        item = in_hand(record, conversion)
        item.deferrals = deferrals
        return self.dispatch.add(item)

    def start(self) -> dict[str, str | None]:
        """Begin what may begin; return why conversions were put off, by reference."""
        return decided(self.dispatch.start(1))

    def end(self, call: Iterable[str], said: Answer) -> list[Decided]:
        """Have a call answered, and take that in."""
        self.server.answers["/".join(call)] = said
        return self.dispatch.collect(5.0)


def decided(found: Iterable[Decided]) -> dict[str, str | None]:
    """Return what became of conversions by reference: the reason of a dead letter or of putting off, or nothing."""
    return {each.item.conversion.order_ref: _reason(each) for each in found}


def _reason(found: Decided) -> str | None:
    return found.put_off if found.rejection is None else found.rejection.reason


def items(found: Iterable[Decided]) -> list[Outstanding]:
    """Return the conversions."""
    return [each.item for each in found]
