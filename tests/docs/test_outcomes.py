"""The table of outcomes in docs/operations.md says what the tests of delivery show."""

from __future__ import annotations

from pathlib import Path

from tests.delivery.attempt.outcomes import ROWS
from tests.delivery.endings import ENDINGS, FLOODS

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"


def test_the_table_is_what_is_tested() -> None:
    """Its rows are those that the tests hold the product to, in the same words and order."""
    lines = iter(PAGE.read_text("utf-8").splitlines())
    while not next(lines).startswith("| what happens |"):
        pass
    next(lines)
    for row in ROWS:
        assert next(lines) == f"| {row.ending} | `{row.outcome}` | {row.seen} |"
    assert not next(lines)


def test_a_server_sees_what_the_table_says() -> None:
    """The endings that are tested agree with the third column."""
    allowed = {"one": {1}, "none": {0}, "one or none": {0, 1}}
    assert all(ending.seen in allowed[ending.row.seen] for ending in (*ENDINGS, *FLOODS))
