"""The stand-in's side of ``POST /s2s/advertiser/<id>/orders``: one call holds many orders."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import count

from consumer.demo.awin.behaviour import Answer
from consumer.demo.awin.connection import Request
from consumer.demo.awin.judgement import Judgement, Repeats, protocol_violations
from consumer.demo.awin.keys import Keys
from consumer.demo.awin.order_rules import judged, orders_in
from consumer.demo.awin.record import AwinCall, AwinRequest
from consumer.demo.awin.rules import Rules

BASE = "/s2s/advertiser"
Reject = Callable[[AwinRequest], str | None]

_PATH = re.compile(BASE + r"/([0-9]+)/orders")
_CONTENT_TYPE = re.compile(r"application/json(; ?charset=utf-8)?", re.IGNORECASE)


class ConversionApi:
    """Judges calls, as `StandInAwin` says."""

    def __init__(self, rules: Rules, repeats: Repeats, keys: Keys, *, strict: bool) -> None:
        self._rules = rules
        self._repeats = repeats
        self._keys = keys
        self._strict = strict
        self._numbers = count(1)
        self._rejecting: tuple[Reject, bool] = (lambda _: None, False)

    def reject(self, choose: Reject, *, spoils_call: bool) -> None:
        """See `StandInAwin.reject`. May be called from any thread."""
        self._rejecting = (choose, spoils_call)

    def judge(self, request: Request, number: int) -> Judgement:
        """Return what came; its orders are the requests from this number on."""
        whole = _whole(request, number)
        programme = whole.parameters["merchant"]
        orders, wrong = orders_in(request.body)
        call = AwinCall(
            number=next(self._numbers),
            connection=request.connection,
            programme=programme,
            orders=len(orders),
            key=request.headers.get("x-api-key", ""),
            violations=(*_violations(request, programme), *wrong),
            received_at_s=whole.received_at_s,
            received_at_ms=whole.received_at_ms,
        )
        choose, spoils_call = self._rejecting
        judged_orders = [
            self._order(order, replace(whole, number=number + index), choose) for index, order in enumerate(orders)
        ]
        failures = [(arrived, reasons) for arrived, reasons in judged_orders if reasons]
        spoilt = bool(failures) and (spoils_call or len(failures) == len(orders))
        return Judgement(
            asking=whole,
            requests=tuple(replace(arrived, failed=bool(reasons)) for arrived, reasons in judged_orders),
            call=call,
            refusal=self._refusal(call),
            success=_refused(failures) if spoilt else _success(call, judged_orders),
        )

    def _order(self, order: object, arrived: AwinRequest, choose: Reject) -> tuple[AwinRequest, list[str]]:
        """Return an order as a request, and why it fails if it does."""
        found = judged(order, arrived.parameters["merchant"], self._rules)
        violations = [f"{field}: {what}" for field, what in found.faults]
        violations += self._repeats.contradiction(found.parameters)
        arrived = replace(arrived, parameters=found.parameters, violations=tuple(violations))
        message = choose(arrived)
        return arrived, [*(violations if self._strict else ()), *(() if message is None else (f"order: {message}",))]

    def _refusal(self, call: AwinCall) -> Answer | None:
        if not self._keys.opens(call.programme, call.key):
            return _answer(401, {"message": "the API key is missing or wrong"})
        if self._strict and call.violations:
            return _answer(400, {"errors": _errors(call.violations)})
        return None


def _whole(request: Request, number: int) -> AwinRequest:
    """Return a call without its orders."""
    path, _, query = request.target.partition("?")
    found = _PATH.fullmatch(path)
    return AwinRequest(
        number=number,
        connection=request.connection,
        method=request.method,
        path=path,
        raw_query=query,
        parameters={"merchant": found[1] if found else ""},
        violations=(),
        received_at_s=time.monotonic(),
        received_at_ms=time.time_ns() // 1_000_000,
    )


def _violations(request: Request, programme: str) -> Iterator[str]:
    yield from protocol_violations(request)
    if request.method != "POST":
        yield "method: is not POST"
    if not programme:
        yield f"path: is not {BASE}/<id>/orders"
    if "?" in request.target:
        yield "query: is not empty"
    if not _CONTENT_TYPE.fullmatch(request.headers.get("content-type", "")):
        yield "content-type: is not application/json"
    if "transfer-encoding" in request.headers:
        yield "transfer-encoding: is not understood"


def _refused(failures: Sequence[tuple[AwinRequest, list[str]]]) -> Answer:
    return _answer(400, {"failedOrders": [_failed(arrived, reasons) for arrived, reasons in failures]})


def _success(call: AwinCall, orders: Sequence[tuple[AwinRequest, list[str]]]) -> Answer:
    failed = [_failed(arrived, reasons) for arrived, reasons in orders if reasons]
    successful = [
        {"orderReference": arrived.ref, "correlationId": f"c{arrived.number}"}
        for arrived, reasons in orders
        if not reasons
    ]
    content = {"batchId": f"b{call.number}", "successfulOrders": successful, "failedOrders": failed}
    return _answer(206 if failed else 200, content)


def _failed(arrived: AwinRequest, reasons: Sequence[str]) -> dict[str, object]:
    return {"order": {"orderReference": arrived.ref}, "errors": _errors(reasons)}


def _errors(reasons: Sequence[str]) -> list[dict[str, str]]:
    return [{"field": field, "message": message} for field, _, message in (each.partition(": ") for each in reasons)]


def _answer(status: int, content: object) -> Answer:
    return Answer(status, {"Content-Type": "application/json"}, json.dumps(content).encode())
