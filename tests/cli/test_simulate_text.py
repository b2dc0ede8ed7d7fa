"""What people read of a simulation, on a terminal of a hundred columns."""

from __future__ import annotations

from decimal import Decimal
from io import StringIO
from pathlib import Path

from msgspec.structs import replace
from rich.console import Console

from consumer.cli import simulate_text
from consumer.events import OrderCompleted, Part, Position
from consumer.simulation.decision import Decision
from consumer.simulation.report import CHANGES, NOT_COMPARED, Kept, NotCompared, Report, Tally

NOON_MS = 1_700_000_000_000
AWC = "1001_1699990000_abc"
AT = Position("order.completed", 0, 1)


def decision(channel: str, amount: str = "1234.5", checksums: tuple[str, ...] = ()) -> Decision:
    """Return a decision."""
    return Decision("1001", channel, checksums, (Part("DEFAULT", Decimal(amount)),), Decimal(amount), "last_click")


def order(ref: str, at_ms: int = NOON_MS) -> OrderCompleted:
    """Return an order."""
    return OrderCompleted(
        order_id="1", order_ref=ref, completed_at_ms=at_ms, currency="EUR", subtotal=Decimal("1234.5")
    )


def report(listed: int = 10) -> Report:
    """Return the report of four orders: one as before, one of another channel, one of no checksum, one new."""
    tally = Tally(listed, lambda _: None)
    tally.compare(AT, order("same"), decision("email"), decision("email"), "")
    tally.compare(AT, order("R[1]"), decision("email"), decision("crm"), "")
    tally.compare(AT, order("R2", NOON_MS + 1_000), decision("aw", "1000", (AWC,)), decision("aw", "1000"), "")
    tally.compare(AT, order("R3", NOON_MS + 2_000), decision("aw", "7"), None, "no_programme")
    tally.compare(AT, order("none"), None, None, "conflict")
    tally.leave_out("pending")
    tally.leave_out("pending")
    kept = (Kept("order.completed", None), Kept("session.landed", NOON_MS))
    return tally.report(NOON_MS, None, kept, ("a note [x]",))


def told(found: Report, csv: Path | None = None) -> list[str]:
    """Return the lines that are printed, spaces between words as one."""
    out = StringIO()
    simulate_text.write(found, csv, Console(file=out, width=100, highlight=False))
    assert max(map(len, out.getvalue().splitlines())) <= 100
    return [" ".join(each.split()) for each in out.getvalue().splitlines()]


def test_the_answer_comes_first() -> None:
    """How many of how many, in which range, and since when topics are there."""
    lines = told(report())
    assert lines[0] == "3 of 4 orders would change, 75.00% (completed from 2023-11-14 22:13:20 to now)"
    assert lines[1] == "session.landed is there since 2023-11-14 22:13:20"
    nothing = replace(report(), changed=0, changes=(), movements=(), to_ms=NOON_MS + 1_000)
    assert told(nothing)[0] == (
        "Nothing would change in 4 orders (completed from 2023-11-14 22:13:20 to 2023-11-14 22:13:21)"
    )
    assert told(replace(nothing, compared=0))[0].startswith("There are no orders to compare.")


def test_what_moves_is_told_with_its_value() -> None:
    """By currency, from channel to channel, or what else changes."""
    lines = told(report())
    assert "EUR 4 3,476.00 3 2,241.50" in lines
    assert "EUR email crm 1 1,234.50" in lines
    assert "EUR aw aw, other checksum 1 1,000.00" in lines
    assert "EUR aw not reported 1 7.00" in lines


def test_changed_orders_are_listed() -> None:
    """With both sides, the newest first, and how many there are beside."""
    lines = told(report())
    begin = lines.index("Orders that would change") + 3
    assert lines[begin : begin + 4] == [
        "2023-11-14 22:13:22 R3 7.00 EUR aw not reported (no_programme)",
        "2023-11-14 22:13:21 R2 1,000.00 EUR aw aw",
        lines[begin + 2],
        "2023-11-14 22:13:20 R[1] 1,234.50 EUR email crm",
    ]
    assert "no checksum" in lines[begin + 2]
    assert "Orders that would change, the newest 1" in told(report(listed=1))


def test_what_was_not_compared_is_told_with_the_reason() -> None:
    """And notes, and where the file is."""
    lines = told(report(), Path("out[1].csv"))
    assert "2 not decided yet when the simulation began" in lines
    assert "1 neither reported nor to be reported: refused, excluded, repeated" in lines
    assert "note: a note [x]" in lines
    assert lines[-1] == "3 orders are in out[1].csv"


def test_every_word_has_a_meaning() -> None:
    """No fixed word is shown bare."""
    assert set(NOT_COMPARED) == set(NotCompared.__args__)  # type: ignore[attr-defined]
    assert {"reported", "not_reported", "programme", "channel", "checksums", "parts"} == set(CHANGES)
