"""The stand-in's side of ``GET /sread.php``: one request is one order."""

from __future__ import annotations

import time
from collections.abc import Iterator

from consumer.demo.awin.behaviour import Answer
from consumer.demo.awin.connection import Request
from consumer.demo.awin.judgement import Judgement, Repeats, protocol_violations
from consumer.demo.awin.record import AwinRequest
from consumer.demo.awin.rules import Rules


class Sread:
    """Judges requests; with ``strict`` those with violations are refused."""

    def __init__(self, rules: Rules, repeats: Repeats, *, strict: bool) -> None:
        self._rules = rules
        self._repeats = repeats
        self._strict = strict

    def judge(self, request: Request, number: int) -> Judgement:
        """Return what came, as the request of this number."""
        path, _, query = request.target.partition("?")
        parameters, wrong = self._rules.violations(request.method, request.target)
        violations = (*_protocol_violations(request), *wrong, *self._repeats.contradiction(parameters))
        judged = AwinRequest(
            number=number,
            connection=request.connection,
            method=request.method,
            path=path,
            raw_query=query,
            parameters=parameters,
            violations=violations,
            received_at_s=time.monotonic(),
            received_at_ms=time.time_ns() // 1_000_000,
        )
        refused = self._strict and violations
        refusal = Answer(400, body="; ".join(violations).encode()) if refused else None
        return Judgement(asking=judged, requests=(judged,), refusal=refusal)


def _protocol_violations(request: Request) -> Iterator[str]:
    yield from protocol_violations(request)
    if request.body_length or "transfer-encoding" in request.headers:
        yield "body: is not empty"
