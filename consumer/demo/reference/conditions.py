"""Section 8 of ``docs/attribution.md``: conditions, and the fields of an order that they name."""

from __future__ import annotations

from collections.abc import Iterable

from consumer.attribution.rules import Condition, Rulebook, Rules
from consumer.events import OrderCompleted

TEXTS = (
    "order_id",
    "order_ref",
    "visitor_id",
    "session_id",
    "customer_id",
    "currency",
    "customer_type",
    "consent",
    "market",
    "channel",
)
"""Fields that have one value or none."""


def texts_of(order: OrderCompleted, field: str) -> list[str]:
    """The values that an order has of a field, those of its lines and vouchers in their order."""
    found: Iterable[str | None] = ()
    if field in TEXTS:
        found = [getattr(order, field)]
    elif field == "test":
        found = ["true" if order.test else "false"]
    elif field == "voucher_codes":
        found = order.voucher_codes
    elif field.startswith("custom."):
        found = [order.custom.get(field.removeprefix("custom."))]
    elif field.startswith("lines."):
        found = [getattr(line, field.removeprefix("lines.")) for line in order.lines]
    return [text for text in found if text is not None and text != ""]


def holds(condition: Condition, order: OrderCompleted) -> bool:
    """Has the order's field one of the values stated, or no value where ``None`` is stated?"""
    texts = texts_of(order, condition.field)
    if not texts:
        return None in condition.values
    return any(text in condition.values for text in texts)


def all_hold(conditions: Iterable[Condition], order: OrderCompleted) -> bool:
    """Do all conditions of a set hold?"""
    return all(holds(condition, order) for condition in conditions)


def is_excluded(order: OrderCompleted, rulebook: Rulebook) -> bool:
    """Does any set of conditions take the order out?"""
    return any(all_hold(conditions, order) for conditions in rulebook.exclude)


def programme_of(order: OrderCompleted, rulebook: Rulebook) -> Rules | None:
    """The first programme whose conditions hold, if there is one."""
    for rules in rulebook.programmes:
        if all_hold(rules.when, order):
            return rules
    return None
