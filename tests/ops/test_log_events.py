"""What the code logs is what the catalogue says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from consumer.cli.log_reference import markdown
from consumer.ops.log_events import EVENTS

ROOT = Path(__file__).resolve().parents[2]
KNOWN = {event.name: event for event in EVENTS}
FROM_THE_THREAD = {"stage"}
"""Fields that a stage's thread adds, which a call may give as well."""


def calls() -> Iterator[tuple[str, str, set[str], str]]:
    """Yield name, level and fields of each log call of the product, and where it is."""
    for path in sorted((ROOT / "consumer").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "_log"
            ):
                name = node.args[0]
                assert isinstance(name, ast.Constant), f"{path}:{node.lineno}"
                fields = {str(keyword.arg) for keyword in node.keywords}
                yield str(name.value), node.func.attr, fields, f"{path.relative_to(ROOT)}:{node.lineno}"


def test_every_line_is_in_the_catalogue() -> None:
    """With its level and its fields."""
    for name, level, fields, where in calls():
        assert name in KNOWN, (name, where)
        assert KNOWN[name].level == level, (name, where)
        assert fields ^ set(KNOWN[name].fields) <= FROM_THE_THREAD, (name, where)


def test_nothing_in_the_catalogue_is_never_logged() -> None:
    """A line that nobody writes is not documented."""
    assert set(KNOWN) == {name for name, _, _, _ in calls()}


def test_names_say_the_part_and_what_happened() -> None:
    """All in one scheme."""
    assert [name for name in KNOWN if not re.fullmatch(r"[a-z_]+\.[a-z_]+", name)] == []
    assert len(KNOWN) == len(EVENTS)


def test_the_page_is_up_to_date() -> None:
    """docs/logs.md is what `awin-consumer log-events` prints; if not, make it anew with that."""
    assert (ROOT / "docs/logs.md").read_text("utf-8") == markdown()
