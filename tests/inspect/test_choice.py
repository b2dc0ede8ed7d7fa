"""Why an order is which programme's."""

from __future__ import annotations

from decimal import Decimal

from consumer.attribution.rules import Condition, Rulebook, Rules
from consumer.events import OrderCompleted
from consumer.inspect.choice import Check, excluding, tried

ORDER = OrderCompleted(
    order_id="1",
    order_ref="R",
    completed_at_ms=1_700_000_000_000,
    currency="EUR",
    subtotal=Decimal(1),
    market="de",
    voucher_codes=("A", "B"),
)
GERMAN = Condition("market", frozenset({"de", "at"}))
NAMELESS = Condition("customer_id", frozenset({None, "x"}))
POUNDS = Condition("currency", frozenset({"GBP"}))


def test_programmes_are_tried_up_to_the_first_that_takes_it() -> None:
    """Each with its conditions and what the order has."""
    programmes = (
        Rules(advertiser_id="1", when=(GERMAN, POUNDS)),
        Rules(advertiser_id="2", when=(NAMELESS,)),
        Rules(advertiser_id="3"),
    )
    first, second = tried(ORDER, Rulebook(programmes))
    assert (first.programme, first.holds) == ("1", False)
    assert first.checks == (
        Check(field="market", wanted=("at", "de"), found=("de",), holds=True),
        Check(field="currency", wanted=("GBP",), found=("EUR",), holds=False),
    )
    assert (second.programme, second.holds) == ("2", True)
    assert second.checks == (Check(field="customer_id", wanted=("x", None), found=(), holds=True),)


def test_the_excluding_conditions_are_told() -> None:
    """The first set of which all hold, by its place, or none."""
    vouchers = Condition("voucher_codes", frozenset({"B"}))
    book = Rulebook((Rules(advertiser_id="1"),), ((GERMAN, POUNDS), (vouchers, GERMAN)))
    found = excluding(ORDER, book)
    assert found is not None
    assert (found.number, [check.field for check in found.checks]) == (2, ["voucher_codes", "market"])
    assert excluding(ORDER, Rulebook(book.programmes, book.exclude[:1])) is None
