"""The stand-in Awin takes calls of the Conversion API: many orders in one, each of them judged and counted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from msgspec.structs import replace

from consumer.awin import conversion_api
from consumer.awin.conversion_api import OrderAnswer
from consumer.demo.awin import (
    OK,
    Answer,
    AwinRequest,
    Behaviour,
    CloseAfterReading,
    CloseBeforeReading,
    Garbage,
    HalfBody,
    Hang,
    Redirect,
    StandInAwin,
)
from consumer.events import Outcome
from tests.awin.sales import SALE
from tests.demo.awin_order import PRODUCT, call, number, order
from tests.demo.awin_request import query

JSON = {"Content-Type": "application/json"}
BAD = order(orderReference="bad", channel="google ads", awc=None)


@pytest.fixture
def awin() -> Iterator[StandInAwin]:
    """A running stand-in that refuses what has violations."""
    with StandInAwin(strict=True) as stand_in:
        yield stand_in


def post(awin: StandInAwin, *orders: bytes, key: str = "", programme: str = "1001") -> httpx.Response:
    """Make a call."""
    headers = {**JSON, **({"x-api-key": key} if key else {})}
    url = f"{awin.api_endpoint}/{programme}/orders"
    return httpx.post(url, content=call(*orders), headers=headers, trust_env=False, timeout=10)


def ref(name: str, **changes: object) -> bytes:
    """Write a good order of this reference, which any programme may report."""
    return order(orderReference=name, awc=None, **changes)


def outcomes(response: httpx.Response, *refs: str) -> list[Outcome]:
    """Read an answer as the product does."""
    answer = conversion_api.read(response.status_code, response.content, refs)
    return [each.outcome for each in answer.orders]


def test_a_good_call_is_accepted(awin: StandInAwin) -> None:
    """All orders are named as successful, and each of them is a request."""
    response = post(awin, ref("A-1"), ref("A-2"))
    assert response.status_code == 200
    assert response.json() == {
        "batchId": "b1",
        "successfulOrders": [
            {"orderReference": "A-1", "correlationId": "c1"},
            {"orderReference": "A-2", "correlationId": "c2"},
        ],
        "failedOrders": [],
    }
    assert [(each.number, each.ref, each.accepted) for each in awin.requests] == [(1, "A-1", True), (2, "A-2", True)]
    assert awin.requests[0].parameters["parts"] == "SHOES:40.50|DEFAULT:9.49"
    assert awin.violations == []


def test_a_partly_good_call_names_what_failed(awin: StandInAwin) -> None:
    """With the fields and reasons; the others are accepted, and a step of the plan is used up."""
    awin.plan(Answer(headers={"X": "y"}), Answer(202))
    response = post(awin, ref("A-1"), BAD, b"1")
    assert (response.status_code, response.headers["X"]) == (206, "y")
    assert response.json()["failedOrders"] == [
        {
            "order": {"orderReference": "bad"},
            "errors": [{"field": "channel", "message": "does not match [A-Za-z0-9]{1,20}"}],
        },
        {"order": {"orderReference": ""}, "errors": [{"field": "order", "message": "is not an object"}]},
    ]
    assert outcomes(response, "A-1", "bad") == ["delivered", "rejected"]
    assert [each.accepted for each in awin.requests] == [True, False, False]
    assert awin.violations == ["channel: does not match [A-Za-z0-9]{1,20}", "order: is not an object"]
    assert post(awin, ref("A-1")).status_code == 202


def test_a_call_without_a_good_order_is_refused(awin: StandInAwin) -> None:
    """Unless something worse was planned for it."""
    awin.plan(Answer(503))
    assert [post(awin, BAD).status_code, post(awin, BAD).status_code] == [503, 400]
    response = post(awin, BAD, b"{}")
    assert (response.status_code, len(response.json()["failedOrders"])) == (400, 2)
    assert outcomes(post(awin, BAD), "bad") == ["rejected"]
    assert (awin.counts_by_ref()["bad"], awin.counts_by_ref(accepted_only=True)) == (4, {})


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "violation"),
    [
        ("PUT", "/1001/orders", JSON, call(ref("A-1")), "method: is not POST"),
        ("POST", "/shop/orders", JSON, call(ref("A-1")), "path: is not /s2s/advertiser/<id>/orders"),
        ("POST", "/1001/orders?a=b", JSON, call(ref("A-1")), "query: is not empty"),
        (
            "POST",
            "/1001/orders",
            {"Content-Type": "text/json"},
            call(ref("A-1")),
            "content-type: is not application/json",
        ),
        ("POST", "/1001/orders", JSON, b"{", "body: is not JSON that says each thing once"),
        ("POST", "/1001/orders", JSON, call(), "orders: are not 1 to 1000"),
        ("POST", "/1001/orders", {**JSON, "Transfer-Encoding": "chunked"}, b"", "transfer-encoding: is not understood"),
    ],
)
def test_a_wrong_kind_of_call_is_refused(
    awin: StandInAwin, method: str, path: str, headers: dict[str, str], body: bytes, violation: str
) -> None:
    """A strict stand-in answers 400 and says why, and keeps its plan for good calls."""
    awin.plan(Hang())
    response = httpx.request(method, awin.api_endpoint + path, content=body, headers=headers, trust_env=False)
    field, _, message = violation.partition(": ")
    assert (response.status_code, {"field": field, "message": message} in response.json()["errors"]) == (400, True)
    assert violation in awin.violations
    assert [each.accepted for each in awin.calls] == [False]
    assert awin.counts_by_ref(accepted_only=True) == {}


def test_a_lenient_stand_in_only_records() -> None:
    """Without ``strict`` all are accepted, and the violations stand in the records."""
    with StandInAwin() as awin:
        assert post(awin, BAD, ref("A-1")).status_code == 200
        assert [each.accepted for each in awin.requests] == [True, True]
        assert post(awin).json()["successfulOrders"] == []
        assert awin.violations == ["channel: does not match [A-Za-z0-9]{1,20}", "orders: are not 1 to 1000"]


def test_two_methods_that_disagree_are_seen(awin: StandInAwin) -> None:
    """The same reference by sread and by a call must have the same amount."""
    httpx.get(f"{awin.endpoint}?{query(ref='A-1')}", trust_env=False)
    groups = [{"code": "A", "amount": number("59.49")}]
    assert post(awin, ref("A-1")).status_code == 200
    assert post(awin, ref("A-1", amount=number("59.49"), commissionGroups=groups)).status_code == 400
    assert awin.violations == ["amount: was another when this ref came before"]
    assert awin.sent_twice() == ["A-1"]
    assert awin.counts_by_ref(accepted_only=True) == {"A-1": 2}


def test_calls_are_recorded(awin: StandInAwin) -> None:
    """When, for whom, with which key, how many orders, and what they met; the key is not shown."""
    before_s, before_ms = time.monotonic(), time.time_ns() // 1_000_000
    post(awin, ref("A-1"), ref("A-2"), key="secret")
    post(awin, ref("A-3"), BAD, programme="1002")
    first, second = awin.wait_for_calls(2, timeout_s=0)
    assert [(each.number, each.programme, each.orders, each.key) for each in (first, second)] == [
        (1, "1001", 2, "secret"),
        (2, "1002", 2, ""),
    ]
    assert before_s <= first.received_at_s <= second.received_at_s <= time.monotonic()
    assert before_ms <= first.received_at_ms <= second.received_at_ms <= time.time_ns() // 1_000_000
    assert (first.accepted, second.accepted) == (True, True)
    assert isinstance(second.behaviour, Answer)
    assert second.behaviour.status == 206
    assert "secret" not in repr(first)
    with pytest.raises(TimeoutError, match="2 of 3 calls"):
        awin.wait_for_calls(3, timeout_s=0)


def test_keys_can_be_required_and_changed(awin: StandInAwin) -> None:
    """401 without or with a wrong one; the orders arrived, but were not accepted, and that is no violation."""
    awin.require_keys({"old", "new"})
    assert [post(awin, ref("A-1"), key=key).status_code for key in ("", "wrong", "old", "new")] == [401, 401, 200, 200]
    awin.require_keys({"new"})
    assert [post(awin, ref("A-1"), key=key).status_code for key in ("old", "new")] == [401, 200]
    awin.require_keys(None)
    assert post(awin, ref("A-1")).status_code == 200
    assert (awin.counts_by_ref(), awin.counts_by_ref(accepted_only=True)) == ({"A-1": 7}, {"A-1": 4})
    assert awin.violations == []


def test_keys_can_be_revoked_for_a_programme(awin: StandInAwin) -> None:
    """The others go on."""
    awin.require_keys({"key"})
    awin.revoke_keys("1001")
    codes = [post(awin, ref("A-1"), key="key", programme=each).status_code for each in ("1001", "1002")]
    awin.restore_keys("1001")
    assert [*codes, post(awin, ref("A-1"), key="key").status_code] == [401, 200, 200]


@pytest.mark.parametrize(
    ("behaviour", "ending"),
    [
        (Answer(202, body=b'{"batchId":"9"}'), 202),
        (Answer(200, body=b"thanks"), 200),
        (Answer(429, {"Retry-After": "7"}), 429),
        (Answer(500), 500),
        (Redirect(), 302),
        (CloseAfterReading(), httpx.ReadError),
        (HalfBody(), httpx.RemoteProtocolError),
        (Garbage(), httpx.RemoteProtocolError),
        (Hang(), httpx.ReadTimeout),
    ],
)
def test_a_call_meets_what_is_planned(
    awin: StandInAwin, behaviour: Behaviour, ending: int | type[httpx.HTTPError]
) -> None:
    """One step for all of its orders, each of which arrived; afterwards the default holds again."""
    awin.plan(behaviour)
    content = call(ref("A-1"), ref("A-2"))
    with httpx.Client(headers=JSON, trust_env=False, timeout=0.2 if behaviour == Hang() else 10) as client:
        if isinstance(ending, int):
            response = client.post(f"{awin.api_endpoint}/1001/orders", content=content)
            assert response.status_code == ending
            assert not isinstance(behaviour, Answer) or response.content == behaviour.body
        else:
            with pytest.raises(ending):
                client.post(f"{awin.api_endpoint}/1001/orders", content=content)
    assert [each.behaviour for each in awin.requests] == [behaviour, behaviour]
    assert [each.behaviour for each in awin.calls] == [behaviour]
    assert awin.counts_by_ref(accepted_only=True) == ({"A-1": 1, "A-2": 1} if ending in {200, 202} else {})
    assert post(awin, ref("A-1")).status_code == 200


def test_a_call_can_be_reset_before_reading(awin: StandInAwin) -> None:
    """Nothing was read, so nothing is recorded, but the reset is counted."""
    awin.plan(CloseBeforeReading())
    with pytest.raises(httpx.TransportError):
        post(awin, ref("A-1"))
    assert (awin.requests, awin.calls, awin.unread) == ([], [], 1)


def test_a_function_is_asked_once_about_a_call(awin: StandInAwin) -> None:
    """It knows the programme, and nothing of the orders."""
    asked: list[AwinRequest] = []

    def choose(request: AwinRequest) -> Behaviour:
        asked.append(request)
        return Answer(503) if request.parameters["merchant"] == "1001" else OK

    awin.behave(choose)
    statuses = [post(awin, ref("A-1"), ref("A-2"), programme=each).status_code for each in ("1001", "1002")]
    assert (statuses, [each.ref for each in asked]) == ([503, 200], ["", ""])


def test_orders_can_be_rejected_at_will(awin: StandInAwin) -> None:
    """One by one, or with all others of their call; without a violation."""

    def old(request: AwinRequest) -> str | None:
        return "is too old" if request.ref.startswith("old") else None

    awin.reject(old)
    response = post(awin, ref("old-1"), ref("A-1"), ref("old-2"))
    assert outcomes(response, "A-1", "old-1") == ["delivered", "rejected"]
    assert response.json()["failedOrders"][0]["errors"] == [{"field": "order", "message": "is too old"}]
    assert post(awin, ref("old-1")).status_code == 400
    awin.reject(old, spoils_call=True)
    assert [post(awin, *map(ref, refs)).status_code for refs in (["old-1", "A-1"], ["A-1"])] == [400, 200]
    assert awin.counts_by_ref(accepted_only=True) == {"A-1": 2}
    assert awin.violations == []


def test_the_products_own_calls_are_understood(awin: StandInAwin) -> None:
    """From conversions to their outcomes, with only the wire between."""
    awin.require_keys({"key"})
    awin.reject(lambda request: "is too old" if request.ref == "old" else None)
    sales = [replace(SALE, order_ref=each) for each in ("A-1", "old", "A-2 🛍️")]
    refs = [sale.order_ref for sale in sales]
    asked = conversion_api.request("1001", [conversion_api.order(sale) for sale in sales], "key", awin.api_endpoint)
    response = httpx.request(asked.verb, asked.url, headers=asked.headers, content=asked.body, trust_env=False)
    answer = conversion_api.read(response.status_code, response.content, refs)
    assert answer.orders == (
        OrderAnswer("delivered", "batch b1, correlation c1"),
        OrderAnswer("rejected", "order: is too old"),
        OrderAnswer("delivered", "batch b1, correlation c3"),
    )
    assert awin.violations == []
    awin.revoke_keys("1001")
    response = httpx.request(asked.verb, asked.url, headers=asked.headers, content=asked.body, trust_env=False)
    assert conversion_api.read(response.status_code, response.content, refs).kind == "key_refused"


def test_latency_is_added_to_a_call_once() -> None:
    """However many orders it holds."""
    with StandInAwin(latency=lambda: 0.1) as awin:
        post(awin, ref("A-1"), ref("A-2"))
        [made] = awin.calls
        assert isinstance(made.behaviour, Answer)
        assert made.behaviour.delay_s == 0.1
        assert time.monotonic() - made.received_at_s >= 0.1


def test_a_full_call_of_large_orders_is_taken(awin: StandInAwin) -> None:
    """A thousand orders, some megabytes; the next call comes by the same connection."""
    basket = [{**PRODUCT, "name": "x" * 255}] * 10
    content = call(*(ref(f"A-{each}", basket=basket) for each in range(1_000)))
    assert len(content) > 3_000_000
    with httpx.Client(base_url=awin.api_endpoint, headers=JSON, trust_env=False, timeout=60) as client:
        first = client.post("/1001/orders", content=content)
        assert (first.status_code, len(first.json()["successfulOrders"])) == (200, 1_000)
        assert client.post("/1001/orders", content=call(ref("last"))).status_code == 200
    assert [(each.connection, each.orders) for each in awin.calls] == [(1, 1_000), (1, 1)]
    assert [each.number for each in awin.requests] == list(range(1, 1_002))


def test_waiting_ends_when_the_calls_are_there(awin: StandInAwin) -> None:
    """And their orders with them."""
    with ThreadPoolExecutor() as pool:
        calls, orders = pool.submit(awin.wait_for_calls, 1, timeout_s=60), pool.submit(awin.wait_for, 2, timeout_s=60)
        post(awin, ref("A-1"), ref("A-2"))
        assert ([each.orders for each in calls.result()], len(orders.result())) == ([2], 2)
