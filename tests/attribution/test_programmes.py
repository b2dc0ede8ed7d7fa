"""Whose an order is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from consumer.attribution.conversion import accept
from consumer.attribution.order_fields import holds, is_field, values_of
from consumer.attribution.rules import Condition, Rulebook, Rules
from consumer.errors import Reject
from tests.attribution.test_conversion import line, order

SAID = order(
    market="de",
    currency="CHF",
    voucher_codes=("A", "", "B"),
    custom={"pos": "store", "empty": ""},
    lines=(line("10", category="shoes"), line("20", sku="S-1")),
)


def when(field: str, *values: str | None) -> tuple[Condition, ...]:
    """Make a set of one condition."""
    return (Condition(field, frozenset(values)),)


def programmes(*rules: Rules, exclude: tuple[tuple[Condition, ...], ...] = ()) -> Rulebook:
    """Make a rule book."""
    return Rulebook(rules, exclude)


GERMAN = Rules(advertiser_id="1", when=when("market", "de", "at"))
SWISS = Rules(advertiser_id="2", when=when("currency", "CHF"))
REST = Rules(advertiser_id="3")


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("market", ["de"]),
        ("channel", []),
        ("test", ["false"]),
        ("voucher_codes", ["A", "B"]),
        ("custom.pos", ["store"]),
        ("custom.empty", []),
        ("custom.nothing", []),
        ("lines.category", ["shoes"]),
        ("lines.sku", ["S-1"]),
    ],
)
def test_fields_are_found_by_name(field: str, values: list[str]) -> None:
    """Each kind of field gives its values as text; what is empty is not there."""
    assert is_field(field)
    assert list(values_of(SAID, field)) == values


@pytest.mark.parametrize("field", ["", "awc", "subtotal", "lines", "lines.amount", "custom", "custom.", "markets"])
def test_other_names_are_no_fields(field: str) -> None:
    """They are told at start; the checksum is personal and no ground for a rule."""
    assert not is_field(field)


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ((), True),
        (when("market", "de"), True),
        (when("market", "DE"), False),
        (when("market", "at", None), False),
        (when("channel", None), True),
        (when("channel", "tv"), False),
        (when("voucher_codes", "B"), True),
        (when("market", "de") + when("custom.pos", "store"), True),
        (when("market", "de") + when("custom.pos", "web"), False),
        (when("test", "true"), False),
    ],
)
def test_conditions(conditions: tuple[Condition, ...], expected: bool) -> None:  # noqa: FBT001  # a parameter of cases
    """All must hold, each by one of its values; case counts, and absence can be asked for."""
    assert holds(SAID, conditions) is expected


@pytest.mark.parametrize(
    ("rulebook", "programme"),
    [
        (programmes(GERMAN, SWISS, REST), "1"),
        (programmes(SWISS, GERMAN, REST), "2"),
        (programmes(Rules(advertiser_id="4", when=when("market", "fr")), REST), "3"),
    ],
)
def test_the_first_programme_that_wants_an_order_gets_it(rulebook: Rulebook, programme: str) -> None:
    """In the order of the settings."""
    rules = accept(SAID, rulebook)
    assert rules is not None
    assert rules.advertiser_id == programme


@pytest.mark.parametrize(
    ("rulebook", "reason", "field"),
    [
        (programmes(Rules(advertiser_id="4", when=when("market", "fr"))), "no_programme", ""),
        (programmes(Rules(advertiser_id="4", currencies=frozenset({"EUR"})), REST), "currency_not_enabled", "currency"),
    ],
)
def test_an_order_that_nobody_can_take_is_refused(rulebook: Rulebook, reason: str, field: str) -> None:
    """A missing programme or currency is a mistake to be seen, not an order to be passed over."""
    with pytest.raises(Reject) as caught:
        accept(SAID, rulebook)
    assert (caught.value.reason, caught.value.field) == (reason, field)


@pytest.mark.parametrize(
    ("fields", "rules", "exclude"),
    [
        ({}, REST, (when("custom.pos", "store"),)),
        ({}, REST, (when("market", "fr"), when("custom.pos", "store") + when("market", "de"))),
        ({"order_ref": ""}, REST, (when("custom.pos", "store"),)),
        ({"subtotal": Decimal("0.004"), "lines": ()}, Rules(advertiser_id="3", zero_value="skip"), ()),
    ],
)
def test_what_is_not_reportable(
    fields: dict[str, Any], rules: Rules, exclude: tuple[tuple[Condition, ...], ...]
) -> None:
    """Excluded orders are not looked at any further; worthless ones are, first."""
    said = order(market="de", custom={"pos": "store"}, **fields)
    assert accept(said, programmes(rules, exclude=exclude)) is None


def test_a_worthless_order_is_reported_unless_told_otherwise() -> None:
    """Awin counts them, too; a bad one is refused even if it is worth nothing."""
    assert accept(order(subtotal=Decimal(0)), programmes(REST)) is REST
    with pytest.raises(Reject):
        accept(order(subtotal=Decimal(0), currency="eur"), programmes(Rules(advertiser_id="3", zero_value="skip")))


def test_no_exclusion_holds_by_accident() -> None:
    """Each set needs all of its conditions."""
    exclude = (when("market", "de") + when("custom.pos", "web"),)
    assert accept(SAID, programmes(REST, exclude=exclude)) is REST
