"""The file of changed orders."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import pytest

from consumer.errors import SettingsError, Unavailable
from consumer.events import Part, Position
from consumer.simulation.change_file import COLUMNS, ChangeFile
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


def test_the_file_has_a_row_for_each_change(tmp_path: Path) -> None:
    """Both sides, amounts in the currency's digits; and no text that a spreadsheet takes for a formula."""
    path = tmp_path / "changes.csv"
    with ChangeFile(path) as file:
        file.write(CHANGE)
        assert not path.exists()
    with path.open(encoding="utf-8", newline="") as written:
        (row,) = csv.DictReader(written)
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
        "order_partition": "3",
        "order_offset": "17",
    }
    assert tuple(row) == COLUMNS


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    """It holds click checksums."""
    path = tmp_path / "changes.csv"
    with ChangeFile(path):
        pass
    assert path.stat().st_mode & 0o777 == 0o600


def fail(file: ChangeFile) -> None:
    """Write a row, and then the broker goes away."""
    file.write(CHANGE)
    raise Unavailable("no answer")


def test_an_unfinished_file_replaces_nothing(tmp_path: Path) -> None:
    """What was there stays when the simulation fails, and nothing is left behind."""
    path = tmp_path / "changes.csv"
    path.write_text("before")
    file = ChangeFile(path)
    with pytest.raises(Unavailable), file:
        fail(file)
    assert [each.name for each in tmp_path.iterdir()] == ["changes.csv"]
    assert path.read_text() == "before"


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """Before anything is read."""
    with pytest.raises(SettingsError, match=r"nowhere.*cannot be written: No such file"):
        ChangeFile(tmp_path / "nowhere" / "x.csv").__enter__()
