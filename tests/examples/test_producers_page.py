"""docs/producers.md says what the schemas say, and names nothing that there is not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from consumer.letters.reasons import ATTRIBUTE
from consumer.ops import catalogue

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "producers.md").read_text("utf-8")
RULES = ROOT / "helm" / "awin-s2s-consumer" / "rules" / "rules.yaml"


class FieldRow(NamedTuple):
    """What a schema says of a field."""

    name: str
    type: str
    doc: str


def rows(topic: str) -> Iterator[FieldRow]:
    """Yield the fields of a topic's schema, those of its lines after them."""
    yield from _rows(json.loads((ROOT / "schemas" / f"{topic}.avsc").read_text("utf-8")), "")


def _rows(record: dict[str, Any], prefix: str) -> Iterator[FieldRow]:
    for field in record["fields"]:
        yield FieldRow(prefix + field["name"], _type(field["type"]), field["doc"])
        items = field["type"].get("items") if isinstance(field["type"], dict) else None
        if isinstance(items, dict):
            yield from _rows(items, f"{field['name']}.")


def _type(schema: dict[str, Any] | list[Any] | str) -> str:
    if isinstance(schema, list):
        null, other = schema
        assert null == "null"
        return f"{_type(other)} or null"
    if isinstance(schema, str):
        return schema
    match schema["type"]:
        case "enum":
            return ", ".join(f"`{symbol}`" for symbol in schema["symbols"])
        case "array":
            return f"array of {_type(schema['items']) if isinstance(schema['items'], str) else 'records'}"
        case "map":
            return f"map of {schema['values']}"
        case kind:
            logical = schema.get("logicalType", kind)
            return f"decimal({schema['precision']}, {schema['scale']})" if logical == "decimal" else str(logical)


def cells(headline: str, after: str) -> list[list[str]]:
    """Return the cells of the table that begins so, the first one behind a text."""
    lines = PAGE[PAGE.index(after) :].splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(headline))
    table = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        table.append([cell.strip() for cell in line[1:-1].split(" | ")])
    return table


@pytest.mark.parametrize("topic", ["session.landed", "order.completed"])
def test_the_fields_are_those_of_the_schema(topic: str) -> None:
    """In its order, with its types and its words."""
    found = [tuple(row[:3]) for row in cells("| field | type |", f"### `{topic}`")]
    assert found == [(f"`{row.name}`", row.type, row.doc) for row in rows(topic)]


def mistakes() -> list[list[str]]:
    """Return the table of common mistakes."""
    return cells("| mistake |", "## Common mistakes")


def test_what_tells_of_a_mistake_is_there() -> None:
    """Every metric, alert and reason in the table exists."""
    alerts = {
        rule["alert"]
        for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    metrics = {each.name for each in catalogue.all_metrics()}
    for _, _, tells, _ in mistakes():
        for word in re.findall(r"`([^`]+)`", tells):
            if word.startswith("awin_"):
                name = re.sub(r"\{.*", "", word)
                assert {name, name.removesuffix("_total")} & metrics, word
            elif word.startswith("Awin"):
                assert word in alerts, word
            elif not word.startswith("awin-consumer"):
                assert word in ATTRIBUTE, word


def test_every_reason_that_a_producer_causes_is_told() -> None:
    """Those of the attribute stage that a record of the shop can have, but for what settings cause."""
    by_settings = {"no_programme", "currency_not_enabled", "bad_visitor_key", "parts_mismatch"}
    told = {word for row in mistakes() for word in re.findall(r"`([^`]+)`", row[2])}
    assert ATTRIBUTE.keys() - by_settings <= told
