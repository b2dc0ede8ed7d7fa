"""An order's fields by name, as conditions and custom parameters name them.

``market``, ``currency`` and the like; ``custom.NAME`` for an entry of `OrderCompleted.custom`; ``lines.category`` and
the like for what any of its lines has.
"""

from __future__ import annotations

from collections.abc import Sequence

from consumer.attribution.rules import Condition
from consumer.events import OrderCompleted

ORDER_FIELDS = frozenset(
    {
        *("order_id", "order_ref", "visitor_id", "session_id", "customer_id", "currency", "voucher_codes"),
        *("customer_type", "consent", "market", "channel", "test"),
    }
)
LINE_FIELDS = frozenset({"product_id", "sku", "name", "category", "commission_group"})

_CUSTOM = "custom."
_LINES = "lines."


def is_field(name: str) -> bool:
    """Say whether orders have a field of this name."""
    return (
        name in ORDER_FIELDS
        or (name.startswith(_LINES) and name.removeprefix(_LINES) in LINE_FIELDS)
        or (name.startswith(_CUSTOM) and name != _CUSTOM)
    )


def values_of(order: OrderCompleted, name: str) -> Sequence[str]:
    """Return a field's values as text, none when it is absent or empty. ``test`` is ``true`` or ``false``."""
    if name.startswith(_CUSTOM):
        values: Sequence[object] = (order.custom.get(name.removeprefix(_CUSTOM)),)
    elif name.startswith(_LINES):
        values = [getattr(line, name.removeprefix(_LINES)) for line in order.lines]
    elif name == "test":
        values = ("true" if order.test else "false",)
    elif name == "voucher_codes":
        values = order.voucher_codes
    else:
        values = (getattr(order, name),)
    return [str(value) for value in values if value]


def holds(order: OrderCompleted, conditions: Sequence[Condition]) -> bool:
    """Say whether all of these hold: of several values of a field, one is enough. Case counts."""
    return all(_has_one(values_of(order, each.field), each.values) for each in conditions)


def _has_one(values: Sequence[str], wanted: frozenset[str | None]) -> bool:
    return not wanted.isdisjoint(values) if values else None in wanted
