"""An order's amount by commission group. Source: docs/attribution.md, section 6."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from consumer.attribution.rules import Groups, Rules
from consumer.errors import Unreportable
from consumer.events import OrderCompleted, OrderLine, Part
from consumer.money import plus, pro_rata, split, total

GROUP = re.compile(r"[A-Z0-9_.-]+")

UNKNOWN_GROUP = "unknown_group"
PRO_RATA = "pro_rata"
DEFAULT_PART = "default_group"


class Division(NamedTuple):
    """The parts, which add up to the amount exactly, and what had to be done for it."""

    parts: tuple[Part, ...]
    notes: tuple[str, ...]
    """``unknown_group``: a line's value has no code, so it went to the default group. ``pro_rata``, ``default_group``:
    the lines do not add up to the subtotal, or a group to less than nothing."""


def check_lines(order: OrderCompleted, rules: Rules) -> None:
    """Make sure that `divide` can divide; amounts and subtotal are checked already.

    Raises:
        Unreportable: a group's code is none; or, where ``parts_mismatch`` is ``reject``, the lines do not add up.
    """
    sums = _group_sums(order, rules.groups)
    if not all(GROUP.fullmatch(code) for code in sums):
        message = "a commission_group is not made of upper-case letters, digits and _ . - only"
        raise Unreportable("bad_commission_group", "lines", message)
    if rules.parts_mismatch != "reject":
        return
    if not _adds_up(order, sums):
        raise Unreportable("parts_mismatch", "lines", "the amounts of the lines do not add up to the subtotal")
    if any(amount < 0 for amount in sums.values()):
        raise Unreportable("negative_amount", "lines", "the lines of a commission group add up to less than zero")


def divide(order: OrderCompleted, amount: Decimal, rules: Rules) -> Division:
    """Divide ``amount``, which is the order's subtotal in minor digits."""
    groups = rules.groups
    sums = _group_sums(order, groups)
    notes = (UNKNOWN_GROUP,) if groups.codes and _has_unknown(order, groups) else ()
    if not all(map(GROUP.fullmatch, sums)):  # the settings have changed since the order was accepted
        return Division((Part(groups.default, amount),), (UNKNOWN_GROUP, DEFAULT_PART))
    if _adds_up(order, sums) and all(part >= 0 for part in sums.values()):
        return Division(split(amount, sums), notes)
    positive = {code: part for code, part in sums.items() if part > 0}
    if rules.parts_mismatch == "default_group" or not positive:
        return Division((Part(groups.default, amount),), (*notes, DEFAULT_PART))
    return Division(pro_rata(amount, positive), (*notes, PRO_RATA))


def group_of(line: OrderLine, groups: Groups) -> str:
    """Return the commission group of a line."""
    value: str | None = getattr(line, groups.field)
    if not value:
        return groups.default
    return groups.codes.get(value, groups.default) if groups.codes else value


def _group_sums(order: OrderCompleted, groups: Groups) -> dict[str, Decimal]:
    """Return each commission group's exact sum, in the order of its first line."""
    if not order.lines:
        return {groups.default: order.subtotal}
    sums: dict[str, Decimal] = {}
    for line in order.lines:
        code = group_of(line, groups)
        sums[code] = plus(sums[code], line.amount) if code in sums else line.amount
    return sums


def _has_unknown(order: OrderCompleted, groups: Groups) -> bool:
    values = (getattr(line, groups.field) for line in order.lines)
    return any(value and value not in groups.codes for value in values)


def _adds_up(order: OrderCompleted, sums: Mapping[str, Decimal]) -> bool:
    return total(sums.values()) == order.subtotal
