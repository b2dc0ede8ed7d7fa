"""The stand-in itself: judges every request, remembers it, and plays the behaviour that was planned for it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from typing import Self

from consumer.demo.awin.behaviour import Answer, Behaviour, CloseBeforeReading
from consumer.demo.awin.connection import Request
from consumer.demo.awin.conversion_api import BASE, ConversionApi, Reject
from consumer.demo.awin.journal import Journal
from consumer.demo.awin.judgement import Repeats
from consumer.demo.awin.keys import Keys
from consumer.demo.awin.port import Port
from consumer.demo.awin.record import AwinCall, AwinRequest
from consumer.demo.awin.rules import MINOR_DIGITS, PATH, Known, Rules
from consumer.demo.awin.script import Script
from consumer.demo.awin.sread import Sread


class StandInAwin:
    """An Awin on this machine, for tests and the demo. Its methods may be called from any thread.

    It takes sread requests, and calls of the Conversion API. The orders of a call are requests like any other; what is
    planned is met by the call as a whole. Where that is plain success, the answer names each order as accepted or
    failed: 200 when none failed, 206 when some did, 400 when all.

    ::

        with StandInAwin(strict=True) as awin:
            awin.plan(Answer(503, {"Retry-After": "1"}), Hang())  # then 200 for ever
            send(awin.endpoint)
            [request] = awin.wait_for(1, timeout_s=5)
            assert request.violations == ()

    Args:
        host: the address to listen on.
        port: the port to listen on; 0 takes a free one.
        strict: answer 400 to a request or call with violations, naming them, whatever was planned, and fail an order of
            a call that has some; otherwise they are only recorded.
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
        rules, repeats = Rules(currency_digits, known), Repeats()
        self._keys = Keys()
        self._sread = Sread(rules, repeats, strict=strict)
        self._api = ConversionApi(rules, repeats, self._keys, strict=strict)
        self._latency = latency
        self._port: Port | None = None
        self._script = Script()
        self._journal = Journal()

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
        """Where to send sread requests; known once started, and the same ever after."""
        return f"http://{self._host}:{self._number}{PATH}"

    @property
    def api_endpoint(self) -> str:
        """Where to send calls of the Conversion API: what comes before the programme's id."""
        return f"http://{self._host}:{self._number}{BASE}"

    def require_keys(self, keys: Collection[str] | None) -> None:
        """Answer 401 to calls with none of these keys from now on; ``None`` asks for no key again."""
        self._keys.require(keys)

    def revoke_keys(self, programme: str) -> None:
        """Answer 401 to calls for this programme, whatever key they have, until `restore_keys`."""
        self._keys.revoke(programme)

    def restore_keys(self, programme: str) -> None:
        """Undo `revoke_keys`."""
        self._keys.restore(programme)

    def reject(self, choose: Reject, *, spoils_call: bool = False) -> None:
        """Let orders of calls fail for which ``choose`` returns a message, besides those that are bad.

        It runs on the server's thread and must not block. With ``spoils_call`` all orders of a call fail with one, by
        a 400 that names only the culprits.
        """
        self._api.reject(choose, spoils_call=spoils_call)

    def plan(self, *steps: Behaviour | CloseBeforeReading) -> None:
        """Let the next requests and calls meet these, one each in order of arrival, after what was planned before."""
        self._script.plan(*steps)

    def behave(self, choose: Callable[[AwinRequest], Behaviour]) -> None:
        """Let requests and calls without a planned step meet what ``choose`` returns.

        It runs on the server's thread and must not block. Of a call it is asked once, about a request that has no
        parameters but ``merchant``.
        """
        self._script.behave(choose)

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
        """Every request so far, in order of arrival; each order of a call is one."""
        return self._journal.requests()

    @property
    def calls(self) -> list[AwinCall]:
        """Every call so far, in order of arrival."""
        return self._journal.calls()

    @property
    def violations(self) -> list[str]:
        """Every violation so far, in order of arrival."""
        return self._journal.violations()

    @property
    def unread(self) -> int:
        """Requests and calls that met `CloseBeforeReading`."""
        return self._script.unread()

    def wait_for(self, count: int, timeout_s: float) -> list[AwinRequest]:
        """Return all requests as soon as there are ``count``.

        Raises:
            TimeoutError: fewer came within ``timeout_s``.
        """
        return self._journal.wait_for_requests(count, timeout_s)

    def wait_for_calls(self, count: int, timeout_s: float) -> list[AwinCall]:
        """Return all calls as soon as there are ``count``.

        Raises:
            TimeoutError: fewer came within ``timeout_s``.
        """
        return self._journal.wait_for_calls(count, timeout_s)

    def counts_by_ref(self, *, accepted_only: bool = False) -> Counter[str]:
        """Say how often each order reference came; with ``accepted_only``, how often it was accepted."""
        return self._journal.counts_by_ref(accepted_only=accepted_only)

    def sent_twice(self, *, accepted_only: bool = False) -> list[str]:
        """Return the references that came more than once to one merchant, in order of first arrival."""
        return self._journal.sent_twice(accepted_only=accepted_only)

    def drops_unread(self) -> bool:
        """Take a `CloseBeforeReading` if it is next (for `Port`)."""
        return self._script.drops_unread()

    def behaviour_for(self, request: Request) -> Behaviour:
        """Judge and record a request, and say what it meets (for `Port`)."""
        judge = self._api.judge if request.target.startswith(BASE) else self._sread.judge
        judgement = judge(request, self._journal.next_number())
        behaviour = judgement.refusal or judgement.answered(self._script.next_for(judgement.asking))
        if self._latency and isinstance(behaviour, Answer):
            behaviour = replace(behaviour, delay_s=behaviour.delay_s + self._latency())
        self._journal.add(
            [replace(each, behaviour=behaviour) for each in judgement.requests],
            None if judgement.call is None else replace(judgement.call, behaviour=behaviour),
        )
        return behaviour

    def _running(self) -> Port:
        if self._port is None:
            raise RuntimeError("the stand-in Awin is not running: call start() first")
        return self._port


def log_normal(*, median_s: float, sigma: float, random: Random) -> Callable[[], float]:
    """Return a latency as real servers have it: half below ``median_s``, and a tail that grows with ``sigma``."""
    return lambda: random.lognormvariate(math.log(median_s), sigma)
