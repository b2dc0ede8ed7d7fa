"""Section 6 worked out by hand: amounts and parts."""

from __future__ import annotations

from typing import NamedTuple

from consumer.events import OrderLine
from tests.reference.cases import line


class Basket(NamedTuple):
    """A subtotal and its lines, and the amount and parts that come out."""

    currency: str
    subtotal: str
    lines: tuple[OrderLine, ...]
    amount: str
    parts: str


BASKETS = {
    "no lines": Basket("EUR", "12.34", (), "12.34", "DEFAULT:12.34"),
    "rounded half up": Basket("EUR", "0.125", (), "0.13", "DEFAULT:0.13"),
    "no minor digits": Basket("JPY", "1234.5", (), "1235", "DEFAULT:1235"),
    "three minor digits": Basket("KWD", "1.2345", (), "1.235", "DEFAULT:1.235"),
    "nothing": Basket("EUR", "0", (), "0.00", "DEFAULT:0.00"),
    "lines without a group": Basket("EUR", "3", (line("1"), line("2")), "3.00", "DEFAULT:3.00"),
    "groups in the order of their first line": Basket(
        "EUR", "7", (line("1", "B"), line("2"), line("4", "B")), "7.00", "B:5.00|DEFAULT:2.00"
    ),
    "the largest cut-off rest gets the missing unit": Basket(
        # 3.333 + 6.667 = 10.000: cut down to 3.33 + 6.66, and 0.007 was cut off the second.
        "EUR",
        "10",
        (line("3.333", "A"), line("6.667", "B")),
        "10.00",
        "A:3.33|B:6.67",
    ),
    "a tie goes to the group that comes first": Basket(
        "EUR", "2.01", (line("1.005", "B"), line("1.005", "A")), "2.01", "B:1.01|A:1.00"
    ),
    "several missing units": Basket(
        # Cut down 0.00 three times; the amount is 0.02.
        "EUR",
        "0.0225",
        (line("0.006", "A"), line("0.0085", "B"), line("0.008", "C")),
        "0.02",
        "A:0.00|B:0.01|C:0.01",
    ),
    "a group that comes to nothing stays": Basket(
        "EUR", "5", (line("5", "A"), line("2", "B"), line("-2", "B")), "5.00", "A:5.00|B:0.00"
    ),
    "a group's own discount": Basket("EUR", "3", (line("5", "A"), line("-2", "A")), "3.00", "A:3.00"),
}
