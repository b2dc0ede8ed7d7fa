"""No text of a CSV file begins a formula, wherever a spreadsheet splits it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.spreadsheet import neutral

PIECES = st.sampled_from(
    (
        *("=", "+", "-", "@", "\uff1d", "=1+1", "A", "1", "'", '"', ";", ",", "|", "\t", "\n", "\r\n", "\u2028", " "),
        *("\x00", "\u200b", "\u200d", "\ufeff", "\u00a0", "\u2060", "\u00ad", "\u202e", "\ufe0f", "\u3164", "é"),
    )
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("=1+1", "'=1+1"),
        ("-5", "'-5"),
        ("+49 30 1", "'+49 30 1"),
        ("@me", "'@me"),
        ("\uff1d1", "'\uff1d1"),
        ("X;=1+1;Y", "X;'=1+1;Y"),
        ("X, -1|+2\t@3\n=4\r\n=5", "X, '-1|'+2\t'@3\n'=4\r\n'=5"),
        ("\x00=1", "\x00'=1"),
        ("\u200b=1", "\u200b'=1"),
        ("\ufeff=1", "\ufeff'=1"),
        ("\t =1", "\t '=1"),
        ('"=1"', '"\'=1"'),
        ("A;\u200b\x01 =1", "A;\u200b\x01 '=1"),
        ("=;=", "'=;'="),
    ],
)
def test_a_sign_that_begins_a_formula_gets_an_apostrophe(text: str, expected: str) -> None:
    """At the beginning or after what a spreadsheet may split at, with nothing to be seen in between."""
    assert neutral(text) == expected


@pytest.mark.parametrize(
    "text", ["", "A-1", "1=1", "a@b.example", "'=1", "x =1", "100%", "#42", "SHOES:1.00|A:2.00", ";;"]
)
def test_what_begins_none_stays_as_it_is(text: str) -> None:
    """Signs within a text are no formulas."""
    assert neutral(text) == text


@given(st.lists(PIECES, max_size=8).map("".join))
def test_no_piece_begins_with_a_sign(text: str) -> None:
    """Whoever splits the text, and drops what cannot be seen, finds none; but for apostrophes it is what it was."""
    found = neutral(text)
    for piece in re.split("[,;|\t\n\r\u2028]", found):
        seen = re.sub('[\\s"\x00\u200b\u200d\ufeff\u2060\u00ad\u202e\ufe0f\u3164]', "", piece)
        assert not seen.startswith(("=", "+", "-", "@", "\uff1d"))
    assert found.replace("'", "") == text.replace("'", "")
    assert neutral(found) == found
