"""An answer of the Conversion API says what became of each order, and never more than it says."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from consumer.awin.answer import EXCERPT_CHARACTERS
from consumer.awin.conversion_api import MAX_ANSWER_BYTES, MAX_ORDERS, BatchAnswer, OrderAnswer, read
from consumer.events import Outcome

AWC = "1001_1403695822_a430d81e22c9e8687f423efcf024fbaa"
KEY = "3f0c9b1e-4d5a-key"
REFS = ("A-1", "A-2", "A-3")
WAYS = ["not json", "null", "[]", '"OK"', "{}", '{"successfulOrders":1}', "[" * 100_000, '{"a":1e999}', '"\\ud800"']


def body(successful: Sequence[object] = (), failed: Sequence[object] = (), **others: object) -> bytes:
    """Write an answer as other code expects it; a text stands for an order of that reference."""
    listed = [
        {"orderReference": each, "correlationId": f"c-{each}"} if isinstance(each, str) else each for each in successful
    ]
    failures = [
        {"order": {"orderReference": each}, "errors": [{"field": "awc", "message": "is too old"}]}
        if isinstance(each, str)
        else each
        for each in failed
    ]
    return json.dumps({"successfulOrders": listed, "failedOrders": failures, **others}).encode()


def outcomes(answer: BatchAnswer) -> list[Outcome]:
    """Return what an answer says about each order."""
    assert (answer.kind, answer.message) == ("per_order", "")
    return [each.outcome for each in answer.orders]


@pytest.mark.parametrize("status", [200, 201, 202, 203, 204, 205, 208, 226, 299])
def test_an_accepted_call_delivers_all(status: int) -> None:
    """Also by a 2xx that nobody documents, and whatever its body is: to send them again could book them twice."""
    for content in [b"", body(REFS), *(each.encode() for each in WAYS)]:
        assert outcomes(read(status, content, REFS)) == ["delivered"] * 3


def test_an_accepted_batch_keeps_its_number() -> None:
    """What Awin's support will ask for stands in each order's message, and what else an unexpected body says."""
    answer = read(202, b'{"batchId":"9f2c-1"}', REFS)
    assert answer.orders == (OrderAnswer("delivered", "batch 9f2c-1"),) * 3
    assert read(200, body(["A-1"], batchId="b"), ["A-1"]).orders == (
        OrderAnswer("delivered", "batch b, correlation c-A-1"),
    )
    assert read(200, b"{}", ["A-1"]).orders == (OrderAnswer("delivered", ""),)
    assert read(200, b"thank you", ["A-1"]).orders == (OrderAnswer("delivered", "thank you"),)


def test_a_partial_answer_speaks_of_each_order() -> None:
    """Order by order, in the order in which they were sent, and with the reasons of those that failed."""
    answer = read(206, body(["A-3", "A-1"], ["A-2"]), REFS)
    assert answer.orders == (
        OrderAnswer("delivered", "correlation c-A-1"),
        OrderAnswer("rejected", "awc: is too old"),
        OrderAnswer("delivered", "correlation c-A-3"),
    )


@pytest.mark.parametrize("status", [206, 207])
def test_what_a_partial_answer_does_not_say_is_unknown(status: int) -> None:
    """Named in neither list or in both; other orders are not touched by that."""
    assert outcomes(read(status, body(["A-1", "A-2"], ["A-2"]), REFS)) == ["delivered", "unknown", "unknown"]
    for content in [b"", *(each.encode() for each in WAYS), body(REFS)[:-1], body(["a-1", "A-1 ", "A-10"])]:
        assert outcomes(read(status, content, REFS)) == ["unknown"] * 3


@pytest.mark.parametrize(
    "odd",
    [
        1,
        None,
        [],
        "A-9",
        {},
        {"orderReference": None},
        {"orderReference": ["A-2"]},
        {"orderReference": 2},
        {"order": {"orderReference": "A-2"}},
    ],
)
def test_a_strange_entry_speaks_for_nobody(odd: object) -> None:
    """It is passed over; the others count."""
    content = json.dumps({"successfulOrders": [{"orderReference": "A-1"}, odd], "failedOrders": None}).encode()
    assert outcomes(read(206, content, ["A-1", "A-2"])) == ["delivered", "unknown"]


def test_a_failed_order_is_rejected_wherever_it_is_named() -> None:
    """Under ``order`` or without it, and by an answer that calls itself a full success."""
    assert outcomes(read(206, body([], [{"orderReference": "A-1"}]), ["A-1"])) == ["rejected"]
    assert outcomes(read(200, body(["A-1"], ["A-2"]), REFS)) == ["delivered", "rejected", "delivered"]
    assert outcomes(read(200, body(["A-1"], ["A-1"]), ["A-1"])) == ["unknown"]


def test_an_order_that_was_sent_twice_must_be_named_twice() -> None:
    """One success does not say which of the two it was."""
    assert outcomes(read(206, body(["A-1"]), ["A-1", "A-1"])) == ["unknown", "unknown"]
    assert outcomes(read(206, body(["A-1", "A-1"]), ["A-1", "A-1"])) == ["delivered", "delivered"]
    assert outcomes(read(206, body(["A-1", "A-1"]), ["A-1"])) == ["delivered"]


@pytest.mark.parametrize(
    ("errors", "message"),
    [
        ([{"field": "awc", "message": "bad"}, {"field": "amount", "message": "low"}], "awc: bad; amount: low"),
        ([{"field": "awc"}, {"message": "bad"}, {}, 7], "awc; bad"),
        ([{"field": 1, "message": ["x"]}], "the answer gives no reason"),
        ("bad", "the answer gives no reason"),
        (None, "the answer gives no reason"),
        (
            [{"field": "awc", "message": f"{AWC} at https://x.y/?a=b\n is \x00 old"}],
            "awc: [redacted] at [redacted] is old",
        ),
        ([{"message": "word " * 1_000}] * 50, ("word " * 1_000)[:EXCERPT_CHARACTERS]),
        ([{"message": f"no such key {KEY}"}], "no such key [redacted]"),
    ],
)
def test_a_message_is_short_and_clean(errors: object, message: str) -> None:
    """It has the fields and reasons, as far as they are there; nothing personal, no secret, one line."""
    content = body([], [{"order": {"orderReference": "A-1"}, "errors": errors}])
    assert read(206, content, ["A-1"], key=KEY).orders == (OrderAnswer("rejected", message),)


@pytest.mark.parametrize("status", [400, 406, 413, 422])
def test_a_refusal_of_the_content_is_bisected_down_to_the_order(status: int) -> None:
    """Of several orders any may have spoilt the rest; a single one is rejected, by its own reason if there is one."""
    assert read(status, b"bad cks " + AWC.encode(), REFS) == BatchAnswer(kind="bisect", message="bad cks [redacted]")
    assert read(status, b"bad", ["A-1"]).orders == (OrderAnswer("rejected", "bad"),)
    assert read(status, body([], ["A-1"]), ["A-1"]).orders == (OrderAnswer("rejected", "awc: is too old"),)


@pytest.mark.parametrize(
    "status", [300, 301, 302, 304, 307, 308, 402, 404, 405, 409, 410, 411, 414, 415, 421, 431, 451, 499]
)
def test_a_refusal_of_programme_or_address_rejects_all(status: int) -> None:
    """No part of the call would fare better, so none is tried."""
    assert read(status, b"no advertiser 1001", REFS).orders == (OrderAnswer("rejected", "no advertiser 1001"),) * 3


@pytest.mark.parametrize(
    ("kind", "statuses"),
    [
        ("key_refused", [401, 403]),
        ("throttled", [429, 503]),
        ("unknown", [408, 425, 500, 501, 502, 504, 520, 599, 100, 101, 199, 600, 999, 0, -1]),
    ],
)
def test_what_is_not_about_the_orders_is_said_of_the_call(kind: str, statuses: Sequence[int]) -> None:
    """The key, the pace, or nothing that can be relied upon; even of a single order."""
    for refs in (REFS, REFS[:1]):
        for status in statuses:
            answer = read(status, b"why: " + KEY.encode(), refs, key=KEY)
            assert (answer.kind, answer.orders, answer.message) == (kind, (), "why: [redacted]")


def test_an_answer_of_the_full_size_is_read() -> None:
    """A thousand orders, all named; and as long a body that says nothing is no trouble either."""
    refs = [f"ref-{number}" for number in range(MAX_ORDERS)]
    assert set(outcomes(read(206, body(refs), refs))) == {"delivered"}
    assert set(outcomes(read(206, b"[" * MAX_ANSWER_BYTES, refs))) == {"unknown"}
    assert set(outcomes(read(206, b"[" + b"{}," * (MAX_ANSWER_BYTES // 3) + b"{}]", refs))) == {"unknown"}


references = st.sampled_from(["A-1", "A-2", "A-3", "A-4", "a-1", "🛍️"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | references | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["orderReference", "order"]), inner),
    max_leaves=5,
)
successes = st.fixed_dictionaries({"orderReference": references | values}) | values
errors = st.lists(st.dictionaries(st.sampled_from(["field", "message"]), values, max_size=2), max_size=2) | values
failures = st.fixed_dictionaries({"order": successes, "errors": errors}) | values
answers = st.fixed_dictionaries(
    {},
    optional={
        "successfulOrders": st.lists(successes, max_size=5) | values,
        "failedOrders": st.lists(failures, max_size=5) | values,
        "batchId": values,
    },
)
bodies = st.one_of(
    st.binary(), answers.map(json.dumps).map(str.encode), answers.map(lambda each: json.dumps(each)[:-1].encode())
)


@settings(max_examples=500)
@given(st.sampled_from([200, 206, 206, 207, 400]) | st.integers(0, 1_000), bodies, st.lists(references, max_size=4))
@example(206, b'{"successfulOrders":[{"orderReference":"A-1"}]}\xff', ["A-1"])
def test_no_body_is_an_error_and_none_says_too_much(status: int, content: bytes, refs: list[str]) -> None:
    """There is an answer for every order or for the call; by 206 only what is listed as successful is delivered."""
    answer = read(status, content, refs)
    assert len(answer.orders) == (len(refs) if answer.kind == "per_order" else 0)
    assert all(len(each.message) <= EXCERPT_CHARACTERS for each in answer.orders)
    assert len(answer.message) <= EXCERPT_CHARACTERS
    delivered = {ref for ref, each in zip(refs, answer.orders, strict=False) if each.outcome == "delivered"}
    if not 200 <= status < 300:
        assert delivered == set()
    elif status in {206, 207}:
        assert delivered <= set(listed_as_successful(content))


def listed_as_successful(content: bytes) -> list[str]:
    """Read the references of successful orders with the standard library."""
    try:
        entries = json.loads(content)["successfulOrders"]
        return [
            entry["orderReference"]
            for entry in entries
            if isinstance(entry, dict) and isinstance(entry.get("orderReference"), str)
        ]
    except (ValueError, TypeError, KeyError):
        return []
