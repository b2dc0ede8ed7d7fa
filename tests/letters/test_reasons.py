"""What is said of reasons is said of all of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from consumer.letters.reasons import ATTRIBUTE, DELIVER, Advice, advice

DOCS = Path(__file__).parents[2] / "docs"


def documented(page: str, head: str) -> set[str]:
    """Return the reasons in the first column of a page's table."""
    lines = (DOCS / page).read_text("utf-8").splitlines()
    start = lines.index(head) + 2
    rows = lines[start : lines.index("", start)]
    return {reason for row in rows for reason in re.findall(r"`(\w+)`", row.split("|")[1])}


@pytest.mark.parametrize(
    ("known", "page", "head"),
    [
        (ATTRIBUTE, "attribution.md", "| reason | field | when | what to do |"),
        (DELIVER, "operations.md", "| reason | meaning | what to do |"),
    ],
    ids=["attribute", "deliver"],
)
def test_the_documents_know_the_same_reasons(known: Mapping[str, Advice], page: str, head: str) -> None:
    """Neither more nor fewer."""
    assert documented(page, head) == set(known)


def test_every_reason_has_its_advice() -> None:
    """Also one that a newer release writes."""
    assert advice("deliver", "conflict") is DELIVER["conflict"]
    assert advice("attribute", "no_programme").helps
    assert not advice("attribute", "null_value").helps
    assert "does not know" in advice("deliver", "no_programme").means
