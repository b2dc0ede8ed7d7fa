"""The stage decides the examples of tests/reference as they were worked out by hand."""

from __future__ import annotations

import pytest

from tests.attribute.worked import check_basket, check_case, check_detail, check_sale
from tests.reference.baskets import BASKETS, Basket
from tests.reference.decisions import CASES, Case
from tests.reference.details import DETAILS, Detail
from tests.reference.sales import SALES, Sale


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_decision(case: Case) -> None:
    """Channel, reason and checksums of the conversion are those of the example."""
    check_case(case)


@pytest.mark.parametrize("basket", BASKETS.values(), ids=BASKETS)
def test_amounts(basket: Basket) -> None:
    """Amount, parts and notes of the conversion are those of the example."""
    check_basket(basket)


@pytest.mark.parametrize("detail", DETAILS.values(), ids=DETAILS)
def test_details(detail: Detail) -> None:
    """Vouchers, custom parameters and product rows of the conversion are those of the example."""
    check_detail(detail)


@pytest.mark.parametrize("sale", SALES.values(), ids=SALES)
def test_endings(sale: Sale) -> None:
    """Every order record of the example ends as it says."""
    check_sale(sale)
