"""Section 6 worked out by hand: vouchers, custom parameters and product rows."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

from consumer.attribution.rules import Groups
from consumer.events import Product
from tests.reference.cases import line

NO_CHANGE: dict[str, Any] = {}
SENDER = {"1": "sender-1.0"}


class Detail(NamedTuple):
    """Changes to an order and to the settings, and what the conversion says of it."""

    order: dict[str, Any]
    rules: dict[str, Any] = NO_CHANGE
    vouchers: tuple[str, ...] = ()
    custom: dict[str, str] = SENDER
    products: tuple[Product, ...] = ()


def row(product_id: str, unit_price: str, quantity: int, group: str, **texts: str) -> Product:
    """A product row, without the texts that are not given."""
    said = {"name": "", "sku": "", "category": "", **texts}
    return Product(product_id=product_id, unit_price=Decimal(unit_price), quantity=quantity, group=group, **said)


VOUCHERS = {
    "empty codes are left out": Detail({"voucher_codes": ("", "B", "A")}, vouchers=("B", "A")),
    "only those listed": Detail(
        {"voucher_codes": ("B", "A", "C")}, {"voucher_codes": frozenset({"A", "B", "D"})}, vouchers=("B", "A")
    ),
    "capitals count": Detail({"voucher_codes": ("a",)}, {"voucher_codes": frozenset({"A"})}),
}

CUSTOM = {
    "the order's own, whole numbers from 2": Detail(
        {"custom": {"2": "x", "17": "", "1": "y", "02": "y", "": "y", "two": "y", "٢": "y", "2\n": "y", "10": "z"}},
        custom={**SENDER, "2": "x", "17": "", "10": "z"},
    ),
    "of a field": Detail({"market": "de"}, {"custom": {"3": "market"}}, custom={**SENDER, "3": "de"}),
    "over the order's own": Detail(
        {"market": "de", "custom": {"3": "x"}}, {"custom": {"3": "market"}}, custom={**SENDER, "3": "de"}
    ),
    "not over it without a value": Detail(
        {"market": "", "custom": {"3": "x"}}, {"custom": {"3": "market"}}, custom={**SENDER, "3": "x"}
    ),
    "over the sender": Detail(
        {"custom": {"shop": "b2b", "1": "y"}}, {"custom": {"1": "custom.shop"}}, custom={"1": "b2b"}
    ),
    "not over the sender without a value": Detail({"custom": {"shop": ""}}, {"custom": {"1": "custom.shop"}}),
    "the first voucher": Detail(
        # What a custom parameter says does not ask which vouchers are listed.
        {"voucher_codes": ("", "B", "A")},
        {"custom": {"4": "voucher_codes"}, "voucher_codes": frozenset({"A"})},
        vouchers=("A",),
        custom={**SENDER, "4": "B"},
    ),
    "the first line that has one": Detail(
        {"lines": (line("50"), line("50", category="hats"))},
        {"custom": {"2": "lines.category"}},
        custom={**SENDER, "2": "hats"},
    ),
    "a test or none": Detail({}, {"custom": {"5": "test"}}, custom={**SENDER, "5": "false"}),
}

TWO_LINES = (
    line("80", "A", product_id="x", name="Boot", sku="b-1", category="shoes", quantity=2, unit_price=Decimal("40.005")),
    line("20"),
)
PRODUCTS = {
    "no rows unless they are asked for": Detail({"lines": TWO_LINES}),
    "a row for each line": Detail(
        {"lines": TWO_LINES},
        {"products": True},
        products=(row("x", "40.01", 2, "A", name="Boot", sku="b-1", category="shoes"), row("p", "20.00", 1, "DEFAULT")),
    ),
    "no lines, no rows": Detail({}, {"products": True}),
    "nothing sold is no row": Detail(
        {
            "lines": (
                line("100"),
                line("0", quantity=0),
                line("5", quantity=-1),
                line("-5", unit_price=Decimal("-0.001")),
            )
        },
        {"products": True},
        products=(row("p", "100.00", 1, "DEFAULT"),),
    ),
    "a price of nothing is a row": Detail(
        {"lines": (line("100", unit_price=Decimal(0)),)}, {"products": True}, products=(row("p", "0.00", 1, "DEFAULT"),)
    ),
    "in the currency's digits": Detail(
        {"currency": "JPY", "lines": (line("100", unit_price=Decimal("99.5")),)},
        {"products": True},
        products=(row("p", "100", 1, "DEFAULT"),),
    ),
    "its own group, whoever gets the amount": Detail(
        {"lines": (line("80", category="shoes"), line("30", category="hats"))},
        {
            "products": True,
            "parts_mismatch": "default_group",
            "groups": Groups(field="category", codes={"shoes": "SHOES"}, default="REST"),
        },
        products=(row("p", "80.00", 1, "SHOES", category="shoes"), row("p", "30.00", 1, "REST", category="hats")),
    ),
}

DETAILS = {**VOUCHERS, **CUSTOM, **PRODUCTS}
