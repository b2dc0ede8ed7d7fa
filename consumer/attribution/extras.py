"""What a request may say beyond the sale itself: vouchers, custom parameters, products.

Source: docs/attribution.md, section 6.
"""

from __future__ import annotations

import re

from consumer.attribution.order_fields import values_of
from consumer.attribution.parts import group_of
from consumer.attribution.rules import Rules
from consumer.events import OrderCompleted, Product
from consumer.money import to_minor_units

_OWN_CUSTOM = re.compile(r"[2-9]|[1-9][0-9]+")


def vouchers(order: OrderCompleted, rules: Rules) -> tuple[str, ...]:
    """Return the codes to be reported, in the order's order."""
    listed = rules.voucher_codes
    return tuple([code for code in order.voucher_codes if code and (not listed or code in listed)])


def custom(order: OrderCompleted, rules: Rules) -> dict[str, str]:
    """Return the custom parameters by number: the sender, the order's own, and over them those of the settings."""
    said = {"1": rules.sender}
    if order.custom:
        said |= {number: text for number, text in order.custom.items() if _OWN_CUSTOM.fullmatch(number)}
    for number, field in rules.custom.items():
        values = values_of(order, field)
        if values:
            said[number] = values[0]
    return said


def products(order: OrderCompleted, rules: Rules) -> tuple[Product, ...]:
    """Return the product rows, one for each line of goods; a line that takes something back is none."""
    return tuple(
        Product(
            product_id=line.product_id,
            name=line.name or "",
            unit_price=to_minor_units(line.unit_price, order.currency),
            quantity=line.quantity,
            sku=line.sku or "",
            group=group_of(line, rules.groups),
            category=line.category or "",
        )
        for line in order.lines
        if line.quantity > 0 and line.unit_price >= 0
    )
