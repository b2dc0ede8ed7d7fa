"""Files are there as a whole or not at all."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from consumer.errors import OutputError, Unavailable
from consumer.whole_file import csv_file, whole_file

COLUMNS = ("order_ref", "amount")


def test_the_file_is_there_at_the_end(tmp_path: Path) -> None:
    """With its columns and every row, cells with commas and quotes as an independent reader has them."""
    path = tmp_path / "orders.csv"
    with csv_file(path, COLUMNS) as add:
        add(['A,"1"', None])
        add(["A-2", 7])
        assert not path.exists()
    with path.open(encoding="utf-8", newline="") as written:
        assert list(csv.reader(written)) == [list(COLUMNS), ['A,"1"', ""], ["A-2", "7"]]


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    """It holds personal data."""
    path = tmp_path / "value.bin"
    with whole_file(path) as file:
        file.write(b"\x00\xff")
    assert path.read_bytes() == b"\x00\xff"
    assert path.stat().st_mode & 0o777 == 0o600


def fail(path: Path) -> None:
    """Write a row, and then the broker goes away."""
    with csv_file(path, COLUMNS) as add:
        add(["A-1", 1])
        raise Unavailable("no answer")


def test_an_unfinished_file_replaces_nothing(tmp_path: Path) -> None:
    """What was there stays when the command fails, and nothing is left behind."""
    path = tmp_path / "orders.csv"
    path.write_text("before")
    with pytest.raises(Unavailable):
        fail(path)
    assert [each.name for each in tmp_path.iterdir()] == ["orders.csv"]
    assert path.read_text() == "before"


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """Before anything is read."""
    with pytest.raises(OutputError, match=r"nowhere.*cannot be written: No such file"):
        csv_file(tmp_path / "nowhere" / "x.csv", COLUMNS).__enter__()
