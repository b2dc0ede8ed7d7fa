"""Vouchers, custom parameters and product rows."""

from __future__ import annotations

from decimal import Decimal

import pytest

from consumer.attribution import extras
from consumer.attribution.rules import Groups, Rules
from consumer.events import Product
from tests.attribution.test_conversion import line, order

RULES = Rules(advertiser_id="1001", sender="us/1")


@pytest.mark.parametrize(
    ("listed", "expected"),
    [((), ("PRIVATE", "PARTNER", "OTHER")), (("OTHER", "PARTNER"), ("PARTNER", "OTHER")), (("partner",), ())],
)
def test_vouchers(listed: tuple[str, ...], expected: tuple[str, ...]) -> None:
    """All of them, or those on the list, in the order's order; case counts."""
    rules = Rules(advertiser_id="1001", voucher_codes=frozenset(listed))
    assert extras.vouchers(order(voucher_codes=("PRIVATE", "", "PARTNER", "OTHER")), rules) == expected


def test_custom_parameters() -> None:
    """Ours, then the order's own, then what the settings take from its fields; a field without a value says nothing."""
    said = order(market="de", custom={"2": "two", "3": "three", "store": "S", "02": "x"}, voucher_codes=("A", "B"))
    rules = Rules(
        advertiser_id="1001",
        sender="us/1",
        custom={"3": "market", "4": "custom.store", "5": "channel", "6": "voucher_codes"},
    )
    assert extras.custom(said, rules) == {"1": "us/1", "2": "two", "3": "de", "4": "S", "6": "A"}
    assert extras.custom(order(), RULES) == {"1": "us/1"}
    assert extras.custom(said, Rules(advertiser_id="1001", custom={"1": "custom.store"}))["1"] == "S"


def test_product_rows() -> None:
    """One for each line of goods, with the group that it counts for; what takes something back is no product."""
    said = order(
        currency="JPY",
        lines=(
            line("20", product_id="P1", name="Shoe", sku="S1", category="shoes", unit_price=Decimal("9.5"), quantity=2),
            line("-5", product_id="discount"),
            line("0", product_id="returned", quantity=0),
            line("15", product_id="P2"),
        ),
    )
    rules = Rules(advertiser_id="1001", groups=Groups(field="category", codes={"shoes": "SHOES"}, default="REST"))
    assert extras.products(said, rules) == (
        Product(
            product_id="P1",
            name="Shoe",
            unit_price=Decimal(10),
            quantity=2,
            sku="S1",
            group="SHOES",
            category="shoes",
        ),
        Product(product_id="P2", name="", unit_price=Decimal(15), quantity=1, sku="", group="REST", category=""),
    )
