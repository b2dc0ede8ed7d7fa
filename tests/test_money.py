"""Minor digits, rounding and division among commission groups."""

from __future__ import annotations

from decimal import Context, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.events import Part
from consumer.money import is_amount, minor_digits, split, to_minor_units, total, written

CURRENCIES = ("JPY", "EUR", "KWD", "XXX")
AMOUNTS = st.decimals(min_value=0, max_value=10**13, allow_nan=False, allow_infinity=False).filter(is_amount)


@pytest.mark.parametrize(
    ("currency", "digits"),
    [("EUR", 2), ("JPY", 0), ("ISK", 0), ("KWD", 3), ("TND", 3), ("CLF", 2), ("UYW", 2), ("XXX", 2), ("", 2)],
)
def test_minor_digits(currency: str, digits: int) -> None:
    """Currencies have no decimals or three where ISO 4217 says so; all others have two."""
    assert minor_digits(currency) == digits


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        ("12", "EUR", "12.00"),
        ("12.344", "EUR", "12.34"),
        ("12.345", "EUR", "12.35"),
        ("12.335", "EUR", "12.34"),
        ("0.005", "EUR", "0.01"),
        ("0.00499999999999999999999999", "EUR", "0.00"),
        ("-0.001", "EUR", "0.00"),
        ("-0.005", "EUR", "-0.01"),
        ("0E+3", "EUR", "0.00"),
        ("12.5", "JPY", "13"),
        ("1E+3", "JPY", "1000"),
        ("12.3445", "KWD", "12.345"),
        ("12.34445", "CLF", "12.34"),
        ("99999999999999.995", "EUR", "100000000000000.00"),
    ],
)
def test_rounding(amount: str, currency: str, expected: str) -> None:
    """Amounts get the currency's digits, rounded half up, and a zero has no sign."""
    assert str(to_minor_units(Decimal(amount), currency)) == expected


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        ("189.0000", "EUR", "189.00"),
        ("319.0000", "JPY", "319"),
        ("319.0000", "KWD", "319.000"),
        ("1E+3", "JPY", "1000"),
        ("-0.0000", "EUR", "0.00"),
        ("12345678901234567890123456789012.34", "EUR", "12345678901234567890123456789012.34"),
    ],
)
def test_written(amount: str, currency: str, expected: str) -> None:
    """An amount is written with its currency's digits, whatever scale it has."""
    assert written(Decimal(amount), currency) == expected


@pytest.mark.parametrize(
    ("amount", "currency"), [("0.001", "EUR"), ("0.5", "JPY"), ("0.0001", "KWD"), ("Infinity", "EUR"), ("1E+99", "EUR")]
)
def test_what_the_digits_cannot_express_is_not_written(amount: str, currency: str) -> None:
    """Nothing is rounded in silence."""
    with pytest.raises(ArithmeticError):
        written(Decimal(amount), currency)


@pytest.mark.parametrize(
    "number", ["NaN", "sNaN", "Infinity", "-Infinity", "1E+14", "-1E+14", "1E-31", "1E+999999", "1E-999999"]
)
def test_not_an_amount(number: str) -> None:
    """What is not finite, too large or too fine is no amount."""
    assert not is_amount(Decimal(number))


@pytest.mark.parametrize("number", ["0", "-0.00", "99999999999999.99", "-5", "1E-30", "1E+13"])
def test_amounts(number: str) -> None:
    """Numbers below 10^14 with at most 30 decimals are amounts, negative ones too."""
    assert is_amount(Decimal(number))


def test_sums_keep_every_digit() -> None:
    """The greatest and the finest amounts add up exactly, whatever the caller's decimal context."""
    with localcontext(Context(prec=3)):
        assert str(total([Decimal("9" * 14), Decimal("1E-30")])) == "9" * 14 + "." + "0" * 29 + "1"


@pytest.mark.parametrize(
    ("amount", "groups", "parts"),
    [
        ("10.00", {"A": "10"}, {"A": "10.00"}),
        ("10.00", {"A": "2.5", "B": "7.5"}, {"A": "2.50", "B": "7.50"}),
        ("10.00", {"A": "3.333", "B": "6.667"}, {"A": "3.33", "B": "6.67"}),
        ("0.01", {"A": "0.005", "B": "0.005"}, {"A": "0.01", "B": "0.00"}),
        ("0.02", {"A": "0.004", "B": "0.009", "C": "0.007"}, {"A": "0.00", "B": "0.01", "C": "0.01"}),
        ("0.01", {"A": "0.004", "B": "0.004", "C": "0.001"}, {"A": "0.01", "B": "0.00", "C": "0.00"}),
        ("5.00", {"A": "0", "B": "5"}, {"A": "0.00", "B": "5.00"}),
        ("0.00", {"A": "-0", "B": "0"}, {"A": "0.00", "B": "0.00"}),
        ("12.35", {"DEFAULT": "12.345"}, {"DEFAULT": "12.35"}),
        ("3", {"A": "1.5", "B": "1.5"}, {"A": "2", "B": "1"}),
        ("0.001", {"A": "0.0005"}, {"A": "0.001"}),
    ],
)
def test_division(amount: str, groups: dict[str, str], parts: dict[str, str]) -> None:
    """Groups are cut down; what is missing goes to the largest rests, ties to the group that comes first."""
    given_groups = {code: Decimal(part) for code, part in groups.items()}
    divided = split(Decimal(amount), given_groups)
    assert [(part.code, str(part.amount)) for part in divided] == list(parts.items())


@given(st.lists(AMOUNTS, min_size=1, max_size=12), st.sampled_from(CURRENCIES))
def test_parts_add_up_exactly(amounts: list[Decimal], currency: str) -> None:
    """Whatever the groups and the currency, the parts add up to the rounded total and are off by less than a unit."""
    groups = {f"G{number}": amount for number, amount in enumerate(amounts)}
    amount = to_minor_units(total(amounts), currency)
    parts = split(amount, groups)
    unit = Decimal(1).scaleb(-minor_digits(currency))
    assert total(part.amount for part in parts) == amount
    assert [part.code for part in parts] == list(groups)
    assert all(abs(total([part.amount, -groups[part.code]])) < unit for part in parts)
    assert all(part.amount.as_tuple().exponent == -minor_digits(currency) for part in parts)


@given(AMOUNTS, st.sampled_from(CURRENCIES))
def test_one_group_gets_the_whole_amount(subtotal: Decimal, currency: str) -> None:
    """A single group's part is the amount itself."""
    amount = to_minor_units(subtotal, currency)
    assert split(amount, {"DEFAULT": subtotal}) == (Part("DEFAULT", amount),)
