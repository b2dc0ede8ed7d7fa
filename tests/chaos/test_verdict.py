"""The verdict of a chaos run notices every broken promise, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from consumer.demo.awin import (
    OK,
    Answer,
    AwinRequest,
    Behaviour,
    CloseAfterReading,
    Garbage,
    HalfBody,
    Hang,
    Redirect,
)
from consumer.demo.reference import Expected
from consumer.events import DeadLetter, Part, Position, Receipt
from tests.chaos.verdict import Evidence, Silence, Verdict, judge

AT_MS = 1_700_000_000_000


def ending(ref: str = "A", programme: str = "1001", **changes: Any) -> Expected:
    """Return an order to be reported."""
    told = Expected(
        partition=0,
        offset=0,
        programme=programme,
        order_ref=ref,
        ending="conversion",
        channel="aw",
        click_checksums=("1001_1_a",),
        amount=Decimal("5.00"),
        currency="EUR",
        parts=(Part("DEFAULT", Decimal("5.00")),),
        custom={"1": "x"},
    )
    return replace(told, **changes)


def request(
    ref: str = "A",
    programme: str = "1001",
    behaviour: Behaviour = OK,
    *,
    failed: bool = False,
    at_ms: int = AT_MS,
    **changes: str,
) -> AwinRequest:
    """Return the request that tells of it."""
    said: Mapping[str, str] = {
        "merchant": programme,
        "ref": ref,
        "amount": "5.00",
        "cr": "EUR",
        "ch": "aw",
        "parts": "DEFAULT:5.00",
        "cks": "1001_1_a",
        "vc": "",
        "testmode": "0",
        "p1": "x",
    }
    return AwinRequest(
        number=1,
        connection=1,
        method="GET",
        path="/sread.php",
        raw_query="",
        parameters={**said, **changes},
        violations=(),
        received_at_s=0.0,
        received_at_ms=at_ms,
        behaviour=behaviour,
        failed=failed,
    )


def receipt(ref: str = "A", programme: str = "1001", **changes: Any) -> Receipt:
    """Return the receipt of it, delivered at once."""
    told = Receipt(
        programme=programme,
        order_ref=ref,
        ending="delivered",
        mode="live",
        attempts=1,
        unknown_attempts=0,
        possible_repeat=False,
        repeats=0,
        http_status=200,
        outcome="delivered",
        excerpt="",
        reason="",
        first_attempt_at_ms=AT_MS,
        finished_at_ms=AT_MS,
        completed_at_ms=AT_MS,
        decidable_at_ms=AT_MS,
        fingerprint=b"",
        source=Position("awin.conversion", 0, 0),
    )
    return structs.replace(told, **changes)


def letter(ref: str = "A", programme: str = "1001", reason: str = "rejected") -> DeadLetter:
    """Return a dead letter of deliver."""
    return DeadLetter(
        stage="deliver",
        reason=reason,
        field="",
        message="",
        source=Position("awin.conversion", 0, 0),
        timestamp_ms=AT_MS,
        failed_at_ms=AT_MS,
        programme=programme,
        order_ref=ref,
        key=None,
        value=None,
        value_sha256=b"",
        truncated=False,
    )


DEAD = receipt(ending="dead_letter", reason="rejected", outcome="rejected")
LEFT = receipt(programme="3003", ending="deferred", reason="offline", attempts=0)


def evidence(**changes: Any) -> Evidence:
    """Return what is left by one order that was delivered at once, but for ``changes``."""
    plain = Evidence(
        expected=[ending()],
        receipts=[receipt()],
        dead_letters=[],
        requests=[request()],
        violations=[],
        offline={"3003"},
        silences=[],
        calls_ms=[],
        calls_per_minute=20,
        max_outstanding=4,
        interruptions=0,
    )
    return replace(plain, **changes)


def verdict(**changes: Any) -> Verdict:
    """Judge that."""
    return judge(evidence(**changes))


def test_a_run_without_fault_breaks_nothing() -> None:
    """Orders for Awin, for the export and for nobody, each with what is due to it."""
    found = verdict(
        expected=[
            ending(),
            ending("B"),
            ending("A", "3003"),
            ending("C", ending="duplicate"),
            ending("D", ending="dead_letter"),
        ],
        receipts=[receipt(ending="deferred", reason="backlog"), receipt(), structs.replace(DEAD, order_ref="B"), LEFT],
        requests=[request(), request("B", behaviour=Answer(400))],
        dead_letters=[letter("B")],
        calls_ms=[AT_MS + 3_000 * number for number in reversed(range(100))],
        silences=[Silence("1001", AT_MS + 1, AT_MS + 9), Silence("3003", AT_MS - 9, AT_MS + 9)],
    )
    assert found.broken() == []
    assert (found.orders, found.delivered, found.rejected, found.left_for_export, found.sent_twice) == (2, 1, 1, 1, 0)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"receipts": []}, "no receipt"),
        ({"receipts": [receipt(ending="deferred", reason="breaker")]}, "deferred (breaker), and nothing more comes"),
        ({"receipts": [receipt(ending="exported")]}, "exported (), and nothing more comes"),
        ({"requests": []}, "delivered, but Awin never accepted it"),
        ({"requests": [request(behaviour=HalfBody())]}, "delivered, but Awin never accepted it"),
        ({"requests": [request(failed=True)]}, "delivered, but Awin never accepted it"),
        ({"receipts": [DEAD], "dead_letters": [letter()]}, "a dead letter (rejected), but Awin never rejected it"),
        (
            {
                "receipts": [structs.replace(DEAD, reason="exhausted")],
                "requests": [request(behaviour=Answer(400))],
                "dead_letters": [letter(reason="exhausted")],
            },
            "a dead letter (exhausted), but Awin never rejected it",
        ),
        ({"receipts": [DEAD], "requests": [request(behaviour=Redirect())]}, "rejected, with 0 dead letters"),
        (
            {"receipts": [DEAD], "requests": [request(failed=True)], "dead_letters": [letter(), letter()]},
            "rejected, with 2 dead letters",
        ),
    ],
)
def test_a_lost_order_is_noticed(changes: dict[str, Any], why: str) -> None:
    """Whatever became of it instead of an ending that is true."""
    found = verdict(**changes)
    assert found.lost == {("1001", "A"): why}
    assert found.broken() == [f"lost: A of 1001: {why}"]


@pytest.mark.parametrize("status", [401, 429, 500, 503])
def test_a_dead_letter_for_what_is_no_rejection_is_a_loss(status: int) -> None:
    """A pace, a key or a moment is no order's fault."""
    found = verdict(receipts=[DEAD], requests=[request(behaviour=Answer(status))], dead_letters=[letter()])
    assert list(found.lost.values()) == ["a dead letter (rejected), but Awin never rejected it"]


@pytest.mark.parametrize(
    ("receipts", "why"),
    [
        ([], "no receipt"),
        ([structs.replace(LEFT, reason="backlog")], "deferred (backlog) instead of left for the export"),
        ([receipt(programme="3003")], "delivered () instead of left for the export"),
    ],
)
def test_an_order_that_is_not_left_for_the_export_is_noticed(receipts: list[Receipt], why: str) -> None:
    """It is lost, whatever else became of it."""
    found = verdict(expected=[ending("A", "3003")], receipts=receipts, requests=[])
    assert found.lost == {("3003", "A"): why}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"requests": [request(), request("Z")]}, "1 requests for Z of 1001, which is not to be reported"),
        (
            {"requests": [request(), request("A", "2002")]},
            "1 requests for A of 2002, which is not to be reported",
        ),
        (
            {
                "expected": [ending(), ending(programme="3003")],
                "receipts": [receipt(), LEFT],
                "requests": [request(), request(programme="3003")],
            },
            "1 requests for A of 3003, which is left to files",
        ),
        ({"requests": [request(ch="na")]}, "request 1 for A of 1001 says another channel"),
        ({"requests": [request(cks="")]}, "request 1 for A of 1001 says another awc"),
        ({"requests": [request(amount="5.01")]}, "request 1 for A of 1001 says another amount"),
        ({"requests": [request(vc="X", ch="na")]}, "request 1 for A of 1001 says another channel, details"),
        (
            {"requests": [request(), request(behaviour=Answer(429), cr="GBP")]},
            "request 1 for A of 1001 says another amount",
        ),
        ({"receipts": [receipt(), receipt("Z")]}, "a receipt for Z of 1001, which is not to be reported"),
        (
            {"calls_ms": [AT_MS + 2_000 * number for number in range(21)]},
            "21 calls of one key in a minute, which allows 20",
        ),
        ({"violations": ["ref: is missing"]}, "ref: is missing"),
        ({"others": ["deliver-a told a visitor's id"]}, "deliver-a told a visitor's id"),
        (
            {"silences": [Silence("1001", AT_MS - 2_000, AT_MS + 1)]},
            "A of 1001 was sent 2.0 s after nothing should be sent",
        ),
    ],
)
def test_what_is_wrong_is_noticed(changes: dict[str, Any], said: str) -> None:
    """A request that should not be there, or says something else, however it was answered."""
    found = verdict(**changes)
    assert list(found.wrong) == [said]
    assert found.broken() == [f"wrong: {said}"]


@pytest.mark.parametrize(
    "first", [OK, Answer(500), Hang(), CloseAfterReading(), HalfBody(), Garbage(), Answer(200, delay_s=9)]
)
def test_a_possible_repeat_that_no_receipt_flags_is_noticed(first: Behaviour) -> None:
    """Whatever may be booked twice says so, by either flag."""
    twice = [request(behaviour=first), request()]
    [said] = verdict(requests=twice, interruptions=1).wrong
    assert "may be booked 2 times" in said
    assert verdict(requests=twice, receipts=[receipt(possible_repeat=True)], interruptions=1).broken() == []
    assert verdict(requests=twice, receipts=[receipt(unknown_attempts=1)]).broken() == []


@pytest.mark.parametrize("first", [Answer(503), Answer(429), Answer(401), Redirect()])
def test_what_cannot_be_booked_needs_no_flag(first: Behaviour) -> None:
    """An answer that says no is followed by another attempt without a word."""
    assert verdict(requests=[request(behaviour=first), request()]).broken() == []
    assert verdict(requests=[request(failed=True), request()]).broken() == []


def test_more_repeats_than_can_be_explained_are_noticed() -> None:
    """Each interruption explains as many as may be outstanding, each attempt of unknown outcome one of its order."""
    refs = "ABCDEF"
    expected = [ending(ref) for ref in refs]
    flagged = [receipt(ref, possible_repeat=True) for ref in refs]
    twice = [request(ref) for ref in refs * 2]
    found = verdict(expected=expected, receipts=flagged, requests=twice, interruptions=1)
    assert (found.sent_twice, found.after_unknown, found.sent_twice_bound) == (6, 0, 4)
    assert found.broken() == ["6 repeats, but no more than 4 can be explained"]
    assert verdict(expected=expected, receipts=flagged, requests=twice, interruptions=2).broken() == []

    unknown = [receipt(ref, possible_repeat=True, unknown_attempts=7 if ref == "A" else 1) for ref in refs]
    found = verdict(expected=expected, receipts=unknown, requests=twice)
    assert (found.sent_twice, found.after_unknown, found.sent_twice_bound) == (6, 6, 6)
    assert found.broken() == []
    found = verdict(expected=expected, receipts=[*flagged[:1], *unknown[1:]], requests=twice)
    assert found.broken() == ["6 repeats, but no more than 5 can be explained"]
