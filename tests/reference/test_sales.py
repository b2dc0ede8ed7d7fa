"""Section 8 by hand: whose an order is, and which are nobody's."""

from __future__ import annotations

import pytest

from consumer.demo.reference import Expected, expect
from tests.reference.sales import CONCERNING, EXCLUDED, OWN_CLICKS, PROGRAMMES, SALES, WORTHLESS, Sale


def written(ending: Expected) -> str:
    """An ending as the examples write it."""
    what = ending.reason if ending.ending == "dead_letter" else ending.ending
    return f"{ending.programme}:{what}" if ending.programme else what


@pytest.mark.parametrize("sale", SALES.values(), ids=SALES)
def test_endings(sale: Sale) -> None:
    """Every record ends as was worked out by hand."""
    found = expect(sale.sessions, sale.orders, sale.rulebook)
    assert " ".join(written(found[order.partition, order.offset]) for order in sale.orders) == sale.endings


def test_names_are_unique() -> None:
    """No example hides another."""
    assert len(SALES) == sum(map(len, (PROGRAMMES, EXCLUDED, WORTHLESS, CONCERNING, OWN_CLICKS)))
