"""The rows of changed orders."""

from __future__ import annotations

from decimal import Decimal

from consumer.events import Part, Position
from consumer.simulation.change_rows import COLUMNS, cells
from consumer.simulation.decision import Decision
from consumer.simulation.report import Change

AMOUNT = Decimal("1234.5")
DECISION = Decision("1001", "email", ("1001_1_a", "1001_2_b"), (Part("DEFAULT", AMOUNT),), AMOUNT, "last_click")
CHANGE = Change(
    at=Position("order.completed", 3, 17),
    order_ref="=A;=1",
    order_id="+7",
    completed_at_ms=1_700_000_000_001,
    currency="EUR",
    amount=AMOUNT,
    what=("not_reported",),
    before=DECISION,
    after=None,
    why_not="no_programme",
)


def test_a_changed_order_is_a_row() -> None:
    """Both sides, amounts in the currency's digits; and no text that a spreadsheet takes for a formula."""
    row = dict(zip(COLUMNS, cells(CHANGE), strict=True))
    assert row == {
        "order_ref": "'=A;'=1",
        "order_id": "'+7",
        "completed_at": "2023-11-14T22:13:20.001+00:00",
        "currency": "EUR",
        "amount": "1234.50",
        "change": "not_reported",
        "programme_before": "1001",
        "programme_after": "",
        "channel_before": "email",
        "channel_after": "",
        "checksums_before": "1001_1_a,1001_2_b",
        "checksums_after": "",
        "parts_before": "DEFAULT:1234.50",
        "parts_after": "",
        "why_before": "last_click",
        "why_after": "no_programme",
        "order_partition": 3,
        "order_offset": 17,
    }
