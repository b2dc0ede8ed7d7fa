"""Section 6 of ``docs/attribution.md``: vouchers, custom parameters and product rows."""

from __future__ import annotations

import re

from consumer.attribution.rules import Rules
from consumer.demo.reference.conditions import texts_of
from consumer.demo.reference.money import group_of, in_minor_digits
from consumer.events import OrderCompleted, Product


def vouchers_of(order: OrderCompleted, rules: Rules) -> tuple[str, ...]:
    """The order's codes, of those that the programme lists if it lists any."""
    return tuple(
        code for code in order.voucher_codes if code != "" and (not rules.voucher_codes or code in rules.voucher_codes)
    )


def custom_of(order: OrderCompleted, rules: Rules) -> dict[str, str]:
    """The custom parameters: the sender, the order's own from 2 on, and over both what the programme says."""
    own = {name: text for name, text in order.custom.items() if re.fullmatch("[1-9][0-9]*", name) and name != "1"}
    texts = {number: texts_of(order, field) for number, field in rules.custom.items()}
    configured = {number: found[0] for number, found in texts.items() if found}
    return {"1": rules.sender, **own, **configured}


def products_of(order: OrderCompleted, rules: Rules) -> tuple[Product, ...]:
    """A row for each line of which something was sold, where the programme wants rows."""
    if not rules.products:
        return ()
    return tuple(
        Product(
            product_id=line.product_id,
            name=line.name or "",
            unit_price=in_minor_digits(line.unit_price, order.currency),
            quantity=line.quantity,
            sku=line.sku or "",
            group=group_of(line, rules.groups),
            category=line.category or "",
        )
        for line in order.lines
        if line.quantity > 0 and line.unit_price >= 0
    )
