"""The stage decides the examples of tests/reference as they were worked out by hand."""

from __future__ import annotations

import pytest

from tests.attribute.worked import check_basket, check_case
from tests.reference.baskets import BASKETS, Basket
from tests.reference.decisions import CASES, Case


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_decision(case: Case) -> None:
    """Channel, reason and checksums of the conversion are those of the example."""
    check_case(case)


@pytest.mark.parametrize("basket", BASKETS.values(), ids=BASKETS)
def test_amounts(basket: Basket) -> None:
    """Amount and parts of the conversion are those of the example."""
    check_basket(basket)
