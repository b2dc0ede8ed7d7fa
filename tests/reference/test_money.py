"""Section 6 by hand: amounts, parts, and what cannot be told to Awin."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from consumer.attribution.rules import Groups
from consumer.demo.reference import expect
from tests.reference.baskets import BASKETS, Basket
from tests.reference.cases import NOON_MS, RULES, line, ordered


@pytest.mark.parametrize("basket", BASKETS.values(), ids=BASKETS)
def test_amount_and_parts(basket: Basket) -> None:
    """Amount, parts and notes are as worked out by hand, to the last digit."""
    order = ordered(currency=basket.currency, subtotal=Decimal(basket.subtotal), lines=basket.lines)
    found = expect([], [order], replace(RULES, **basket.rules))[0, 0]
    assert str(found.amount) == basket.amount
    assert "|".join(f"{part.code}:{part.amount}" for part in found.parts) == basket.parts
    assert " ".join(found.notes) == basket.notes


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        pytest.param({"order_ref": ""}, "order_ref_empty", "order_ref", id="no reference"),
        pytest.param({"order_ref": "x" * 51}, "order_ref_too_long", "order_ref", id="long reference"),
        pytest.param({"order_ref": "a\tb"}, "order_ref_bad", "order_ref", id="control character"),
        pytest.param({"order_ref": "a\x9fb"}, "order_ref_bad", "order_ref", id="control character beyond ASCII"),
        pytest.param({"currency": "eur"}, "bad_currency", "currency", id="currency in lower case"),
        pytest.param({"currency": "ÄÖÜ"}, "bad_currency", "currency", id="currency beyond ASCII"),
        pytest.param({"subtotal": Decimal("-0.001")}, "negative_amount", "subtotal", id="negative subtotal"),
        pytest.param({"lines": (line("99.99"),)}, "parts_mismatch", "lines", id="lines that do not add up"),
        pytest.param({"lines": (line("100", "Shoes"),)}, "bad_commission_group", "lines", id="group in lower case"),
        pytest.param({"order_ref": "a\ud800"}, "order_ref_bad", "order_ref", id="lone surrogate"),
        pytest.param({"visitor_id": "v" * 1001}, "visitor_id_too_long", "visitor_id", id="long visitor id"),
        pytest.param({"subtotal": Decimal(10**14)}, "bad_amount", "subtotal", id="subtotal too large"),
        pytest.param({"subtotal": Decimal("NaN")}, "bad_amount", "subtotal", id="subtotal is no number"),
        pytest.param({"lines": (line(f"{10**14}"),)}, "bad_amount", "lines", id="line too large"),
        pytest.param(
            {"lines": (line("101", "A"), line("-1", "B"))}, "negative_amount", "lines", id="negative group sum"
        ),
        pytest.param(
            {"lines": (line("102", "A"), line("-1", "B"))}, "parts_mismatch", "lines", id="mismatch and negative sum"
        ),
        pytest.param({"lines": (line("50", "a"), line("1"))}, "bad_commission_group", "lines", id="bad group first"),
        pytest.param({"channel": "paid search"}, "bad_channel", "channel", id="channel with a space"),
        pytest.param({"channel": "c" * 21}, "bad_channel", "channel", id="long channel"),
    ],
)
def test_faults(changes: dict[str, Any], reason: str, field: str) -> None:
    """What cannot be told to Awin is a dead letter that names the field."""
    found = expect([], [ordered(**changes)], replace(RULES, parts_mismatch="reject"))[0, 0]
    assert (found.ending, found.reason, found.field) == ("dead_letter", reason, field)


@pytest.mark.parametrize(
    "changes",
    [
        *({"order_ref": "é" * 50}, {"order_ref": "a b|ü"}, {"visitor_id": "v" * 1000}),
        *({"channel": "c" * 20}, {"currency": "XXX"}, {"subtotal": Decimal("99999999999999.99")}),
        *({"channel": ""}, {"awc": ""}, {"visitor_id": ""}, {"lines": (line("100", ""),)}),
    ],
)
def test_limits(changes: dict[str, Any]) -> None:
    """What just fits is reported."""
    assert expect([], [ordered(**changes)], RULES)[0, 0].ending == "conversion"


def test_codes_of_the_settings_need_no_form_in_the_order() -> None:
    """They translate what a line says; without them a bad code counts, even that of a group that gets no part."""
    rules = replace(RULES, groups=Groups(field="category", codes={"Größe m": "M"}))
    assert expect([], [ordered(lines=(line("100", category="Größe m"),))], rules)[0, 0].ending == "conversion"
    bad = ordered(lines=(line("100", "A"), line("0", "größe m")))
    assert expect([], [bad], RULES)[0, 0].reason == "bad_commission_group"


def test_test_mode() -> None:
    """In test mode every order is a test."""
    assert not expect([], [ordered()], RULES)[0, 0].test
    assert expect([], [ordered()], replace(RULES, mode="test"))[0, 0].test


def test_decidable_at() -> None:
    """An order of a visitor can be decided when the grace is over, another at once."""
    orders = [ordered(), ordered(offset=1, order_ref="R2", visitor_id=None)]
    found = expect([], orders, RULES)
    assert found[0, 0].decidable_at_ms == NOON_MS + 10_000
    assert found[0, 1].decidable_at_ms == NOON_MS
