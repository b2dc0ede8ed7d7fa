"""Section 6: the reference says of vouchers, custom parameters and products what was worked out by hand."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from consumer.demo.reference import expect
from tests.reference.cases import RULES, ordered
from tests.reference.details import CUSTOM, DETAILS, PRODUCTS, VOUCHERS, Detail


@pytest.mark.parametrize("detail", DETAILS.values(), ids=DETAILS)
def test_details(detail: Detail) -> None:
    """Vouchers, custom parameters and product rows are as worked out by hand."""
    found = expect([], [ordered(**detail.order)], replace(RULES, **detail.rules))[0, 0]
    assert found.vouchers == detail.vouchers
    assert found.custom == detail.custom
    assert found.products == detail.products
    assert [str(each.unit_price) for each in found.products] == [str(each.unit_price) for each in detail.products]


def test_customer_acquisition() -> None:
    """It is the order's customer type."""
    assert expect([], [ordered(customer_type="NEW")], RULES)[0, 0].customer_acquisition == "NEW"
    assert expect([], [ordered()], RULES)[0, 0].customer_acquisition is None


def test_names_are_unique() -> None:
    """No example hides another."""
    assert len(DETAILS) == len(VOUCHERS) + len(CUSTOM) + len(PRODUCTS)
