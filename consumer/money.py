"""Money in a currency's minor digits, and its division among commission groups. Source: docs/attribution.md, section 6.

Sums are exact: a context that would lose a digit raises instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal, Inexact, InvalidOperation

from consumer.events import Part

MAX_WHOLE_DIGITS = 14
MAX_DECIMALS = 30

# fmt: off
_MINOR_DIGITS = {
    "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0, "RWF": 0, "UGX": 0,
    "UYI": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
    "BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
}
# fmt: on
_ZERO = Decimal(0)
_ENOUGH = MAX_WHOLE_DIGITS + MAX_DECIMALS + 20
_FINEST = Decimal((0, (1,), -MAX_DECIMALS))
_EXACT = Context(prec=_ENOUGH, traps=[Inexact, InvalidOperation])
_ROUNDING = Context(prec=_ENOUGH, traps=[InvalidOperation])


def minor_digits(currency: str) -> int:
    """Return how many decimals a currency has: 0 or 3 where ISO 4217 says so, else 2."""
    return _MINOR_DIGITS.get(currency, 2)


def is_amount(number: Decimal) -> bool:
    """Say whether a number is finite, below 10^14 in size and of at most 30 decimals.

    The functions below are exact for such numbers, and for sums of up to 10^19 of them.
    """
    if not number.is_finite() or number.adjusted() >= MAX_WHOLE_DIGITS:
        return False
    try:
        number.quantize(_FINEST, None, _EXACT)
    except Inexact:
        return False
    return True


def plus(augend: Decimal, addend: Decimal) -> Decimal:
    """Return the exact sum of two amounts.

    Raises:
        decimal.DecimalException: as `total`.
    """
    return _EXACT.add(augend, addend)


def by_value(amount: Decimal) -> Decimal:
    """Return the one form of all numbers of the same value: 10.0 and 10.00 become 1E+1, -0 becomes 0.

    Raises:
        decimal.DecimalException: the amount is not one (`is_amount`).
    """
    return amount.normalize(_EXACT) or _ZERO


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Return the exact sum.

    Raises:
        decimal.DecimalException: an amount is not one (`is_amount`) and the sum would lose digits.
    """
    result = _ZERO
    for amount in amounts:
        result = _EXACT.add(result, amount)
    return result


def to_minor_units(amount: Decimal, currency: str) -> Decimal:
    """Return an amount with exactly the currency's minor digits, rounded half up (away from zero); zero has no sign.

    Raises:
        decimal.DecimalException: the amount is not one (`is_amount`).
    """
    return _unsigned_zero(amount.quantize(_unit(currency), ROUND_HALF_UP, _ROUNDING))


def written(amount: Decimal, currency: str) -> str:
    """Write an amount with exactly the currency's minor digits: no exponent, no sign of a zero, nothing rounded.

    Raises:
        decimal.DecimalException: these digits cannot express the amount.
    """
    return format(_unsigned_zero(amount.quantize(_unit(currency), context=_EXACT)), "f")


def split(amount: Decimal, groups: Mapping[str, Decimal]) -> tuple[Part, ...]:
    """Divide an amount among commission groups by largest remainder, so that the parts add up to it exactly.

    Args:
        amount: as `to_minor_units` gives it; its digits are those of the parts.
        groups: each group's exact sum, none negative, in the order that breaks ties; rounded, their sum is ``amount``.
    """
    if len(groups) == 1:
        return tuple(Part(code, amount) for code in groups)
    exponent = int(amount.as_tuple().exponent)
    whole = {code: part.quantize(amount, ROUND_DOWN, _ROUNDING).copy_abs() for code, part in groups.items()}
    rests = {code: _EXACT.subtract(part, whole[code]) for code, part in groups.items()}
    missing = int(_EXACT.subtract(amount, total(whole.values())).scaleb(-exponent, _EXACT))
    unit = Decimal((0, (1,), exponent))
    for code in sorted(rests, key=rests.__getitem__, reverse=True)[:missing]:
        whole[code] = _EXACT.add(whole[code], unit)
    return tuple(Part(code, part) for code, part in whole.items())


def pro_rata(amount: Decimal, weights: Mapping[str, Decimal]) -> tuple[Part, ...]:
    """Divide an amount in proportion to weights by largest remainder, so that the parts add up to it exactly.

    Args:
        amount: as `to_minor_units` gives it; its digits are those of the parts.
        weights: at least one, all positive, in the order that breaks ties.
    """
    exponent = int(amount.as_tuple().exponent)
    units = int(amount.scaleb(-exponent, _EXACT))
    finest = min(int(weight.as_tuple().exponent) for weight in weights.values())
    whole_weights = {code: int(weight.scaleb(-finest, _EXACT)) for code, weight in weights.items()}
    all_weights = sum(whole_weights.values())
    shares = {code: divmod(units * weight, all_weights) for code, weight in whole_weights.items()}
    missing = units - sum(whole for whole, _ in shares.values())
    favoured = set(sorted(shares, key=lambda code: shares[code][1], reverse=True)[:missing])
    return tuple(
        Part(code, Decimal(whole + (code in favoured)).scaleb(exponent, _EXACT)) for code, (whole, _) in shares.items()
    )


def _unit(currency: str) -> Decimal:
    return Decimal((0, (1,), -minor_digits(currency)))


def _unsigned_zero(amount: Decimal) -> Decimal:
    return amount or amount.copy_abs()
