"""The stand-in itself: judges every request, remembers it, and plays the behaviour that was planned for it."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from typing import Self

from consumer.demo.awin.behaviour import OK, Answer, AwinRequest, Behaviour, CloseBeforeReading
from consumer.demo.awin.connection import Request
from consumer.demo.awin.port import Port
from consumer.demo.awin.rules import MINOR_DIGITS, PATH, Known, Rules


class StandInAwin:
    """An Awin on this machine, for tests and the demo. Its methods may be called from any thread.

    ::

        with StandInAwin(strict=True) as awin:
            awin.plan(Answer(503, {"Retry-After": "1"}), Hang())  # then 200 for ever
            send(awin.endpoint)
            [request] = awin.wait_for(1, timeout_s=5)
            assert request.violations == ()

    Args:
        host: the address to listen on.
        port: the port to listen on; 0 takes a free one.
        strict: answer 400 to a request with violations, naming them; otherwise they are only recorded.
        currency_digits: digits after the point by currency; two for those that are missing.
        known: what the shop and Awin know, to tell wrong values from well-formed ones.
        latency: seconds to add before each answer, asked once per answer; see `log_normal`.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        strict: bool = False,
        currency_digits: Mapping[str, int] = MINOR_DIGITS,
        known: Known | None = None,
        latency: Callable[[], float] | None = None,
    ) -> None:
        self._host = host
        self._number = port
        self._strict = strict
        self._rules = Rules(currency_digits, known)
        self._latency = latency
        self._port: Port | None = None
        self._changed = threading.Condition()
        self._requests: list[AwinRequest] = []
        self._unread = 0
        self._said: dict[tuple[str, str], str] = {}
        self._plan: deque[Behaviour | CloseBeforeReading] = deque()
        self._choose: Callable[[AwinRequest], Behaviour] = lambda _: OK

    def start(self) -> None:
        """Listen on its own daemon thread. No-op when running.

        Raises:
            OSError: the address cannot be had.
        """
        if self._port is None:
            port = Port(self._host, self._number, self)
            self._number = port.open()
            self._port = port

    def stop(self) -> None:
        """Close every connection and the port; what was recorded stays. No-op when not running."""
        if self._port is not None:
            self._port.close()
            self._port = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def endpoint(self) -> str:
        """Where to send requests; known once started, and the same ever after."""
        return f"http://{self._host}:{self._number}{PATH}"

    def plan(self, *steps: Behaviour | CloseBeforeReading) -> None:
        """Let the next requests meet these, one each in order of arrival, after what was planned before."""
        with self._changed:
            self._plan.extend(steps)

    def behave(self, choose: Callable[[AwinRequest], Behaviour]) -> None:
        """Let requests without a planned step meet what ``choose`` returns.

        It runs on the server's thread and must not block.
        """
        with self._changed:
            self._choose = choose

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Refuse connections inside the block and end idle ones; requests under way still get their answer."""
        port = self._running()
        port.refuse()
        try:
            yield
        finally:
            port.listen()

    def refuse(self) -> None:
        """Refuse connections until `accept`; see `refusing`."""
        self._running().refuse()

    def accept(self) -> None:
        """Listen again, on the same port."""
        self._running().listen()

    @property
    def requests(self) -> list[AwinRequest]:
        """Every request so far, in order of arrival."""
        with self._changed:
            return list(self._requests)

    @property
    def violations(self) -> list[str]:
        """Every violation so far, in order of arrival."""
        return [violation for request in self.requests for violation in request.violations]

    @property
    def unread(self) -> int:
        """Requests that met `CloseBeforeReading`."""
        with self._changed:
            return self._unread

    def wait_for(self, count: int, timeout_s: float) -> list[AwinRequest]:
        """Return all requests as soon as there are ``count``.

        Raises:
            TimeoutError: fewer came within ``timeout_s``.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._requests) >= count, timeout_s):
                raise TimeoutError(f"{len(self._requests)} of {count} requests came within {timeout_s} s")
            return list(self._requests)

    def counts_by_ref(self, *, accepted_only: bool = False) -> Counter[str]:
        """Say how often each order reference came; with ``accepted_only``, how often it met a 2xx."""
        return Counter(request.ref for request in self.requests if request.accepted or not accepted_only)

    def sent_twice(self, *, accepted_only: bool = False) -> list[str]:
        """Return the references that came more than once to one merchant, in order of first arrival."""
        counts = Counter(
            (request.parameters.get("merchant"), request.ref)
            for request in self.requests
            if request.accepted or not accepted_only
        )
        return [ref for (_, ref), count in counts.items() if count > 1]

    def drops_unread(self) -> bool:
        """Take a `CloseBeforeReading` if it is next (for `Port`)."""
        with self._changed:
            drops = bool(self._plan) and isinstance(self._plan[0], CloseBeforeReading)
            if drops:
                self._plan.popleft()
                self._unread += 1
            return drops

    def behaviour_for(self, request: Request) -> Behaviour:
        """Judge and record a request, and say what it meets (for `Port`)."""
        with self._changed:
            judged = self._judge(request)
            behaviour = self._next_behaviour(judged)
            if self._latency and isinstance(behaviour, Answer):
                behaviour = replace(behaviour, delay_s=behaviour.delay_s + self._latency())
            self._requests.append(replace(judged, behaviour=behaviour))
            self._changed.notify_all()
            return behaviour

    def _judge(self, request: Request) -> AwinRequest:
        path, _, query = request.target.partition("?")
        parameters, wrong = self._rules.violations(request.method, request.target)
        return AwinRequest(
            number=len(self._requests) + 1,
            connection=request.connection,
            method=request.method,
            path=path,
            raw_query=query,
            parameters=parameters,
            violations=(*_protocol_violations(request), *wrong, *self._contradiction(parameters)),
            received_at_s=time.monotonic(),
            received_at_ms=time.time_ns() // 1_000_000,
        )

    def _contradiction(self, parameters: Mapping[str, str]) -> Iterator[str]:
        """Hold a repeat against the first request with its reference: two tracking methods must not disagree."""
        said = f"{parameters.get('amount')} {parameters.get('cr')}"
        if said != self._said.setdefault((parameters.get("merchant", ""), parameters.get("ref", "")), said):
            yield "amount: was another when this ref came before"

    def _next_behaviour(self, request: AwinRequest) -> Behaviour:
        if self._strict and request.violations:
            return Answer(400, body="; ".join(request.violations).encode())
        step = self._plan[0] if self._plan else None
        if step is None or isinstance(step, CloseBeforeReading):
            return self._choose(request)
        self._plan.popleft()
        return step

    def _running(self) -> Port:
        if self._port is None:
            raise RuntimeError("the stand-in Awin is not running: call start() first")
        return self._port


def _protocol_violations(request: Request) -> Iterator[str]:
    if request.version != "HTTP/1.1":
        yield "version: is not HTTP/1.1"
    if "host" not in request.headers:
        yield "host: header is missing"
    if request.body_length or "transfer-encoding" in request.headers:
        yield "body: is not empty"


def log_normal(*, median_s: float, sigma: float, random: Random) -> Callable[[], float]:
    """Return a latency as real servers have it: half below ``median_s``, and a tail that grows with ``sigma``."""
    return lambda: random.lognormvariate(math.log(median_s), sigma)
