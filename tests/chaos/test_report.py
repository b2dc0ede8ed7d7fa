"""What a chaos run says at its end."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from typing import Any

import msgspec
from rich.console import Console

from consumer.demo.awin import Answer
from tests.chaos.recovery import Cost, Span
from tests.chaos.report import Report, costs_table, report, summary
from tests.chaos.test_verdict import AT_MS, DEAD, ending, evidence, letter, receipt, request

SPANS = [Span("deliver killed", AT_MS, AT_MS + 1_000), Span("leader killed", AT_MS + 20_000, AT_MS + 22_000)]
REFS = [f"R{number}" for number in range(100)]


def made(**changes: Any) -> Report:
    """Report on ten seconds with ten orders in each, sent at once, but for ``changes``."""
    expected = [replace(ending(ref, decidable_at_ms=AT_MS + 100 * n), offset=n) for n, ref in enumerate(REFS)]
    plain = evidence(
        expected=expected,
        receipts=[receipt(ref) for ref in REFS],
        requests=[request(ref, at_ms=AT_MS + 100 * number) for number, ref in enumerate(REFS)],
    )
    recorded_ms = {(0, number): AT_MS + 100 * number for number in range(len(REFS))}
    return report(7, replace(plain, **changes), SPANS, recorded_ms, forced=3, audit={"findings_total": 0})


def test_a_good_run_has_figures_and_costs() -> None:
    """Every figure that others ask for is in the JSON, and the table has a row for each kind of fault."""
    found = made()
    told = msgspec.json.decode(msgspec.json.encode(found))
    assert told.keys() >= {"orders", "delivered", "lost", "wrong", "sent_twice", "sent_twice_bound", "faults"}
    assert (found.orders, found.delivered, found.lost, found.wrong, found.sent_twice) == (100, 100, 0, 0, 0)
    assert found.broken == ()
    assert found.faults == (
        Cost(fault="deliver killed", times=1, lost=0, repeated=0, recovery_s=(0.0,)),
        Cost(fault="leader killed", times=1, lost=0, repeated=0, recovery_s=()),
    )
    text = StringIO()
    Console(file=text, width=100).print(costs_table(found))
    assert "deliver killed" in text.getvalue()
    assert summary(found).endswith("Every promise is kept.")


def test_a_bad_run_says_what_is_broken_and_by_what() -> None:
    """Lost and repeated orders are laid to the fault that struck last before."""
    twice = [request(ref, at_ms=AT_MS + 100 * number) for number, ref in enumerate(REFS)]
    twice.append(request("R1", at_ms=AT_MS + 21_000))
    found = made(receipts=[receipt(ref) for ref in REFS[:-1]], requests=twice)
    assert (found.lost, found.wrong, found.sent_twice, found.sent_twice_bound) == (1, 1, 1, 0)
    assert [(cost.lost, cost.repeated) for cost in found.faults] == [(1, 0), (0, 1)]
    assert len(found.broken) == 3
    assert all(each in summary(found) for each in found.broken)


def test_an_order_that_awin_refuses_slows_nothing_down() -> None:
    """It never arrives, but that is no sign of a stage that has not recovered."""
    refused = set(REFS[20:40])
    found = made(
        receipts=[msgspec.structs.replace(DEAD, order_ref=ref) if ref in refused else receipt(ref) for ref in REFS],
        requests=[
            request(ref, at_ms=AT_MS + 100 * number, behaviour=Answer(400 if ref in refused else 200))
            for number, ref in enumerate(REFS)
        ],
        dead_letters=[letter(ref) for ref in refused],
    )
    assert (found.broken, found.rejected) == ((), 20)
    assert found.faults[0].recovery_s == (0.0,)
