"""The amount by commission group: it always adds up, and what had to be done for it is said."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.attribution.parts import Division, check_lines, divide
from consumer.attribution.rules import Groups, Mismatch, Rules
from consumer.errors import Reject
from consumer.events import OrderLine
from consumer.money import minor_digits, to_minor_units
from tests.attribution.test_conversion import line, order

BY_CATEGORY = Groups(field="category", codes={"shoes": "SHOES", "jackets": "OUTDOOR"}, default="REST")


def divided(lines: tuple[OrderLine, ...], subtotal: str, **rules: Any) -> tuple[str, tuple[str, ...]]:
    """Return the parts as the request would say them, and the notes."""
    said = order(lines=lines, subtotal=Decimal(subtotal))
    found = _divided(said.subtotal, lines, Rules(advertiser_id="1001", **rules), "EUR")
    return "|".join(f"{part.code}:{part.amount}" for part in found.parts), found.notes


def _divided(subtotal: Decimal, lines: tuple[OrderLine, ...], rules: Rules, currency: str) -> Division:
    said = order(lines=lines, subtotal=subtotal, currency=currency)
    return divide(said, to_minor_units(subtotal, currency), rules)


@pytest.mark.parametrize(
    ("lines", "subtotal", "parts"),
    [
        # A discount of 10 % on the whole cart, not on the lines.
        ((line("20", "A"), line("10", "B")), "27", "A:18.00|B:9.00"),
        # 3 : 3 : 3 of 10.00: one cent more for the first of equals.
        ((line("3", "A"), line("3", "B"), line("3", "C")), "10", "A:3.34|B:3.33|C:3.33"),
        # 1 : 2 of 0.02 is 0.00667 and 0.01333: the largest rest is the first's.
        ((line("1", "A"), line("2", "B")), "0.02", "A:0.01|B:0.01"),
        # The discount is a line of its own group: only what was bought counts.
        ((line("20", "A"), line("20", "B"), line("-4", "DISCOUNT")), "36", "A:18.00|B:18.00"),
        # The same with a group that comes to nothing.
        ((line("20", "A"), line("5", "B"), line("-5", "B"), line("-4", "C")), "16", "A:16.00"),
        ((line("20", "A"),), "0", "A:0.00"),
        ((line("0.001", "A"), line("1", "B")), "100", "A:0.10|B:99.90"),
    ],
)
def test_lines_that_do_not_add_up_are_a_proportion(lines: tuple[OrderLine, ...], subtotal: str, parts: str) -> None:
    """The amount is divided as the groups' sums are, exactly, by largest remainder."""
    assert divided(lines, subtotal) == (parts, ("pro_rata",))


@pytest.mark.parametrize("lines", [(line("0", "A"),), (line("0", "A"), line("-1", "B")), (line("-5"),)])
def test_lines_that_are_worth_nothing_give_no_proportion(lines: tuple[OrderLine, ...]) -> None:
    """Then the default group gets it all."""
    assert divided(lines, "7") == ("DEFAULT:7.00", ("default_group",))


def test_the_default_group_may_get_what_does_not_add_up() -> None:
    """By setting, and only then."""
    lines = (line("20", "A"), line("10", "B"))
    rules: dict[str, Any] = {"parts_mismatch": "default_group", "groups": Groups(default="ALL")}
    assert divided(lines, "27", **rules) == ("ALL:27.00", ("default_group",))
    assert divided(lines, "30", **rules) == ("A:20.00|B:10.00", ())


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ((line("29.99"),), "parts_mismatch"),
        ((line("30.001"),), "parts_mismatch"),
        ((line("31", "A"), line("-1", "B")), "negative_amount"),
        ((line("32", "A"), line("-1", "B")), "parts_mismatch"),
    ],
)
def test_what_does_not_add_up_may_be_refused(lines: tuple[OrderLine, ...], reason: str) -> None:
    """By setting; the default takes them all."""
    with pytest.raises(Reject) as caught:
        check_lines(order(lines=lines), Rules(advertiser_id="1001", parts_mismatch="reject"))
    assert (caught.value.reason, caught.value.field) == (reason, "lines")
    check_lines(order(lines=lines), Rules(advertiser_id="1001"))


def test_a_lines_field_tells_its_group() -> None:
    """What has no code, and what says nothing, belongs to the default group; only the former is noted."""
    known = (line("1", category="jackets"), line("2", category="shoes"), line("3", "IGNORED"))
    assert divided(known, "6", groups=BY_CATEGORY) == ("OUTDOOR:1.00|SHOES:2.00|REST:3.00", ())
    unknown = (line("1", category="Shoes"), line("2", category="shoes"))
    assert divided(unknown, "3", groups=BY_CATEGORY) == ("REST:1.00|SHOES:2.00", ("unknown_group",))
    assert divided(unknown, "4", groups=BY_CATEGORY) == ("REST:1.33|SHOES:2.67", ("unknown_group", "pro_rata"))


def test_codes_of_the_settings_need_no_form_in_the_order() -> None:
    """Lines may say anything when the settings translate it."""
    groups = Groups(codes={"Größe M": "SHOES"})
    said = order(lines=(line("30", "Größe M"),))
    check_lines(said, Rules(advertiser_id="1001", groups=groups))
    assert divided(said.lines, "30", groups=groups) == ("SHOES:30.00", ())


AMOUNTS = st.integers(-(10**6), 10**9).map(lambda units: Decimal(units).scaleb(-4)) | st.sampled_from(
    (Decimal(0), Decimal("99999999999999.99"), Decimal("0.0001"))
)
LINES = st.lists(st.tuples(AMOUNTS, st.sampled_from((None, "A", "B", "C"))), max_size=5).map(
    lambda pairs: tuple(line(str(amount), group) for amount, group in pairs)
)


@given(
    LINES,
    st.integers(0, 10**12).map(lambda units: Decimal(units).scaleb(-4)),
    st.sampled_from(("EUR", "JPY", "KWD")),
    st.sampled_from(("pro_rata", "default_group")),
)
def test_parts_always_add_up(
    lines: tuple[OrderLine, ...], subtotal: Decimal, currency: str, mismatch: Mismatch
) -> None:
    """Exactly, each with the currency's digits and none negative, whatever the lines say."""
    rules = Rules(advertiser_id="1001", parts_mismatch=mismatch)
    found = _divided(subtotal, lines, rules, currency)
    assert sum(part.amount for part in found.parts) == to_minor_units(subtotal, currency)
    assert all(part.amount >= 0 for part in found.parts)
    assert {part.amount.as_tuple().exponent for part in found.parts} == {-minor_digits(currency)}
    assert len({part.code for part in found.parts}) == len(found.parts)


@given(LINES, st.integers(0, 10**12).map(lambda units: Decimal(units).scaleb(-4)))
def test_a_share_is_less_than_a_unit_off(lines: tuple[OrderLine, ...], subtotal: Decimal) -> None:
    """No group gets a cent more or less than its proportion, rounded up or down."""
    found = _divided(subtotal, lines, Rules(advertiser_id="1001"), "EUR")
    if found.notes != ("pro_rata",):
        return
    sums: dict[str, Fraction] = {}
    for each in lines:
        code = each.commission_group or "DEFAULT"
        sums[code] = sums.get(code, Fraction(0)) + Fraction(each.amount)
    positive = {code: amount for code, amount in sums.items() if amount > 0}
    amount = Fraction(to_minor_units(subtotal, "EUR"))
    for part in found.parts:
        share = amount * positive[part.code] / sum(positive.values())
        assert abs(Fraction(part.amount) - share) < Fraction(1, 100)
