"""Section 6 of ``docs/attribution.md``: the amount, and its division among commission groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from math import floor

from consumer.attribution.rules import Groups, Rules
from consumer.events import OrderCompleted, OrderLine, Part

# ISO 4217, the active codes; all others have two minor digits.
NO_MINOR_DIGITS = {
    *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"),
    *("RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"),
}
THREE_MINOR_DIGITS = {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"}


@dataclass(frozen=True, slots=True)
class Division:
    """How an order's amount is divided, and what had to be done for it."""

    parts: tuple[Part, ...]
    notes: tuple[str, ...]


def minor_digits(currency: str) -> int:
    """How many decimals the currency has."""
    if currency in NO_MINOR_DIGITS:
        return 0
    return 3 if currency in THREE_MINOR_DIGITS else 2


def in_minor_digits(number: Decimal, currency: str) -> Decimal:
    """The number in the currency's minor digits, rounded half up."""
    return number.quantize(Decimal(1).scaleb(-minor_digits(currency)), ROUND_HALF_UP)


def amount_of(order: OrderCompleted) -> Decimal:
    """The subtotal in minor digits."""
    return in_minor_digits(order.subtotal, order.currency)


def value_of(line: OrderLine, groups: Groups) -> str:
    """What the line says of its group; empty when nothing."""
    texts: Mapping[str, str | None] = {
        "commission_group": line.commission_group,
        "category": line.category,
        "sku": line.sku,
        "product_id": line.product_id,
        "name": line.name,
    }
    return texts[groups.field] or ""


def group_of(line: OrderLine, groups: Groups) -> str:
    """The commission group that a line belongs to."""
    value = value_of(line, groups)
    if value == "":
        return groups.default
    if groups.codes:
        return groups.codes.get(value, groups.default)
    return value


def is_unknown(line: OrderLine, groups: Groups) -> bool:
    """Does the line say something that the codes do not name?"""
    value = value_of(line, groups)
    return value != "" and bool(groups.codes) and value not in groups.codes


def group_sums(order: OrderCompleted, groups: Groups) -> dict[str, Fraction]:
    """The exact sum of each commission group, in the order of their first lines."""
    sums: dict[str, Fraction] = {}
    for line in order.lines:
        code = group_of(line, groups)
        sums[code] = sums.get(code, Fraction(0)) + Fraction(line.amount)
    return sums


def add_up(order: OrderCompleted, sums: Mapping[str, Fraction]) -> bool:
    """Do the lines add up to the subtotal exactly?"""
    return sum(sums.values()) == Fraction(order.subtotal)


def division_of(order: OrderCompleted, rules: Rules) -> Division:
    """The parts, adding up to `amount_of`, of an order that is not to be rejected."""
    groups = rules.groups
    whole = (Part(groups.default, amount_of(order)),)
    if not order.lines:
        return Division(whole, ())
    unknown = ("unknown_group",) if any(is_unknown(line, groups) for line in order.lines) else ()
    sums = group_sums(order, groups)
    if add_up(order, sums) and all(group_sum >= 0 for group_sum in sums.values()):
        return Division(divided(order, sums), unknown)
    positive = {code: group_sum for code, group_sum in sums.items() if group_sum > 0}
    if rules.parts_mismatch == "default_group" or not positive:
        return Division(whole, (*unknown, "default_group"))
    total, amount = sum(positive.values()), Fraction(amount_of(order))
    shares = {code: amount * group_sum / total for code, group_sum in positive.items()}
    return Division(divided(order, shares), (*unknown, "pro_rata"))


def divided(order: OrderCompleted, shares: Mapping[str, Fraction]) -> tuple[Part, ...]:
    """Cut every share down to minor digits, and give the missing units to the largest cut-off rests."""
    digits = minor_digits(order.currency)
    in_units = {code: share * 10**digits for code, share in shares.items()}
    units = {code: floor(share) for code, share in in_units.items()}
    missing = amount_of(order).scaleb(digits) - sum(units.values())
    # sorted() keeps the order of equals, so a tie goes to the group that comes first.
    in_need = sorted(shares, key=lambda code: units[code] - in_units[code])
    for code in in_need:
        if missing > 0:
            units[code] += 1
            missing -= 1
    return tuple(Part(code, Decimal(count).scaleb(-digits)) for code, count in units.items())
