"""How an order's amount came to its parts, step by step. Pure. Source: docs/attribution.md, section 6.

The parts are those of the conversion. The steps to them are made from the order's record and the settings as they are;
where these lead elsewhere, the settings have changed since.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Literal

from msgspec import Struct

from consumer import money
from consumer.attribution.conversion import FORGOTTEN
from consumer.attribution.parts import DEFAULT_PART, PRO_RATA, divide, group_of
from consumer.attribution.rules import Groups, Rules
from consumer.events import Conversion, OrderCompleted, OrderLine

Way = Literal["no_lines", "sums", "pro_rata", "default_group"]

_SHARE_DECIMALS = 6


class LineShare(Struct, frozen=True, kw_only=True):
    """A line of the order and the commission group that it belongs to."""

    number: int
    product_id: str
    name: str
    value: str
    """What told its group; empty: nothing did."""
    group: str
    is_unknown: bool
    """Whether the settings have no group for the value, so that it is in the default group."""
    amount: Decimal


class GroupShare(Struct, frozen=True, kw_only=True):
    """A commission group's way from the sum of its lines to its part."""

    group: str
    lines_sum: Decimal
    share: Decimal
    """What is its due: the sum itself, or of the amount in proportion, cut down to six decimals."""
    cut: Decimal
    """That, cut down to minor digits."""
    rest: Decimal
    """What was added for a part of the cut-off rests: nothing or one minor unit."""
    part: Decimal | None
    """``None``: it takes no part, since its lines come to nothing or less."""


class Arithmetic(Struct, frozen=True, kw_only=True):
    """The way from lines to parts."""

    field: str
    """The field of a line that tells its group."""
    lines: tuple[LineShare, ...]
    lines_sum: Decimal
    subtotal: Decimal
    amount: Decimal
    """The subtotal in minor digits."""
    way: Way
    groups: tuple[GroupShare, ...]
    agrees: bool
    """Whether these steps lead to the conversion's parts; if not, ``groups`` is empty."""


def arithmetic(order: OrderCompleted, rules: Rules, conversion: Conversion) -> Arithmetic:
    """Return the steps from an order's lines to its conversion's parts.

    Args:
        order: as its record says it.
        rules: of the conversion's programme.
        conversion: what was decided.
    """
    amount = money.to_minor_units(order.subtotal, order.currency)  # that of the conversion travelled with more digits
    division = divide(order, amount, rules)
    notes = tuple(note for note in conversion.notes if note != FORGOTTEN)  # of the touches, not of the amount
    agrees = (division.parts, division.notes) == (conversion.parts, notes)
    way = _way(order, conversion)
    return Arithmetic(
        field=rules.groups.field,
        lines=tuple(_line(number, line, rules.groups) for number, line in enumerate(order.lines, start=1)),
        lines_sum=money.total(line.amount for line in order.lines),
        subtotal=order.subtotal,
        amount=amount,
        way=way,
        groups=_shares(order, rules.groups, conversion, way) if agrees else (),
        agrees=agrees,
    )


def _way(order: OrderCompleted, conversion: Conversion) -> Way:
    if PRO_RATA in conversion.notes:
        return "pro_rata"
    if DEFAULT_PART in conversion.notes:
        return "default_group"
    return "sums" if order.lines else "no_lines"


def _line(number: int, line: OrderLine, groups: Groups) -> LineShare:
    value: str = getattr(line, groups.field) or ""
    return LineShare(
        number=number,
        product_id=line.product_id,
        name=line.name or "",
        value=value,
        group=group_of(line, groups),
        is_unknown=bool(value and groups.codes and value not in groups.codes),
        amount=line.amount,
    )


def _shares(order: OrderCompleted, groups: Groups, conversion: Conversion, way: Way) -> tuple[GroupShare, ...]:
    if way in {"no_lines", "default_group"}:
        return ()
    sums: dict[str, Decimal] = {}
    for line in order.lines:
        group = group_of(line, groups)
        sums[group] = money.plus(sums.get(group, Decimal(0)), line.amount)
    parts = {part.code: part.amount for part in conversion.parts}
    whole = sum((Fraction(each) for each in sums.values() if each > 0), Fraction())
    ratio = Fraction(conversion.amount) / whole if way == "pro_rata" else Fraction(1)
    digits = money.minor_digits(conversion.currency)
    return tuple(_share(group, lines_sum, ratio, parts.get(group), digits) for group, lines_sum in sums.items())


def _share(group: str, lines_sum: Decimal, ratio: Fraction, part: Decimal | None, digits: int) -> GroupShare:
    """Return a group's way to its part; ``ratio``: of its due to the sum of its lines."""
    if part is None:
        zero = Decimal(0)
        return GroupShare(group=group, lines_sum=lines_sum, share=zero, cut=zero, rest=zero, part=None)
    share = Fraction(lines_sum) * ratio
    cut = Decimal(int(share * 10**digits)).scaleb(-digits)
    return GroupShare(
        group=group,
        lines_sum=lines_sum,
        share=lines_sum if ratio == 1 else Decimal(int(share * 10**_SHARE_DECIMALS)).scaleb(-_SHARE_DECIMALS),
        cut=cut,
        rest=part - cut,
        part=part,
    )
