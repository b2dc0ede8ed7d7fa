"""Section 6 worked out by hand: amounts and parts."""

from __future__ import annotations

from typing import Any, NamedTuple

from consumer.attribution.rules import Groups
from consumer.events import OrderLine
from tests.reference.cases import line

NO_CHANGE: dict[str, Any] = {}


class Basket(NamedTuple):
    """A subtotal and its lines, and the amount, parts and notes that come out."""

    currency: str
    subtotal: str
    lines: tuple[OrderLine, ...]
    amount: str
    parts: str
    notes: str = ""
    rules: dict[str, Any] = NO_CHANGE


BY_CATEGORY = {"groups": Groups(field="category", codes={"shoes": "SHOES", "boots": "SHOES"}, default="REST")}
TO_DEFAULT = {"parts_mismatch": "default_group"}

ADDED_UP = {
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

DIVIDED = {
    "a discount on the whole cart": Basket(
        # 27 divided as 20 : 10.
        "EUR",
        "27",
        (line("20", "A"), line("10", "B")),
        "27.00",
        "A:18.00|B:9.00",
        "pro_rata",
    ),
    "more than the lines": Basket(
        "EUR", "33", (line("20", "A"), line("10", "B")), "33.00", "A:22.00|B:11.00", "pro_rata"
    ),
    "off by less than a minor unit": Basket("EUR", "9.999", (line("10", "A"),), "10.00", "A:10.00", "pro_rata"),
    "a discount line of a group of its own": Basket(
        # The lines add up, but to -4 for the discount: 36 divided as 20 : 20.
        "EUR",
        "36",
        (line("20", "A"), line("-4", "SALE"), line("20", "B")),
        "36.00",
        "A:18.00|B:18.00",
        "pro_rata",
    ),
    "a group of nothing gets no part": Basket(
        "EUR", "9", (line("5", "A"), line("-5", "A"), line("10", "B")), "9.00", "B:9.00", "pro_rata"
    ),
    "thirds, the first of equals gets the missing unit": Basket(
        "EUR",
        "10",
        (line("1", "C"), line("1", "A"), line("1", "B")),
        "10.00",
        "C:3.34|A:3.33|B:3.33",
        "pro_rata",
    ),
    "equal rests of unequal shares": Basket(
        # 1.00 as 1 : 4 : 1 is 16.67, 66.67 and 16.67 units: all rests are two thirds, two units are missing.
        "EUR",
        "1",
        (line("1", "A"), line("4", "B"), line("1", "C")),
        "1.00",
        "A:0.17|B:0.67|C:0.16",
        "pro_rata",
    ),
    "the largest rest, not the largest share": Basket(
        # 0.02 as 1 : 2 is 0.67 and 1.33 units.
        "EUR",
        "0.02",
        (line("2", "B"), line("1", "A")),
        "0.02",
        "B:0.01|A:0.01",
        "pro_rata",
    ),
    "in a currency without minor digits": Basket(
        "JPY", "100", (line("1", "A"), line("1", "B"), line("1", "C")), "100", "A:34|B:33|C:33", "pro_rata"
    ),
    "nothing to divide": Basket("EUR", "0", (line("1", "A"), line("2", "B")), "0.00", "A:0.00|B:0.00", "pro_rata"),
    "no group of worth": Basket("EUR", "5", (line("0", "A"),), "5.00", "DEFAULT:5.00", "default_group"),
    "no group but a discount": Basket("EUR", "0", (line("-5", "A"),), "0.00", "DEFAULT:0.00", "default_group"),
    "all to the default group": Basket(
        "EUR", "27", (line("20", "A"), line("10", "B")), "27.00", "DEFAULT:27.00", "default_group", TO_DEFAULT
    ),
    "a discount to the default group": Basket(
        "EUR", "16", (line("20", "A"), line("-4", "B")), "16.00", "DEFAULT:16.00", "default_group", TO_DEFAULT
    ),
    "not to the default group when they add up": Basket(
        "EUR", "30", (line("20", "A"), line("10", "B")), "30.00", "A:20.00|B:10.00", "", TO_DEFAULT
    ),
}

GROUPED = {
    "groups by category": Basket(
        "EUR",
        "7",
        (line("1", category="boots"), line("2", "A"), line("4", category="shoes")),
        "7.00",
        "SHOES:5.00|REST:2.00",
        "",
        BY_CATEGORY,
    ),
    "no lines, a default group of another name": Basket("EUR", "7", (), "7.00", "REST:7.00", "", BY_CATEGORY),
    "a category without a code": Basket(
        "EUR",
        "3",
        (line("1", category="Shoes"), line("2", category="")),
        "3.00",
        "REST:3.00",
        "unknown_group",
        BY_CATEGORY,
    ),
    "noted once, before the division": Basket(
        "EUR",
        "3",
        (line("1", category="hats"), line("1", category="shoes"), line("4", category="toys")),
        "3.00",
        "REST:2.50|SHOES:0.50",
        "unknown_group pro_rata",
        BY_CATEGORY,
    ),
    "codes for commission groups": Basket(
        "EUR",
        "3",
        (line("1", "größe m"), line("2", "M")),
        "3.00",
        "M:1.00|DEFAULT:2.00",
        "unknown_group",
        {"groups": Groups(codes={"größe m": "M"})},
    ),
    "a code may be the default group's": Basket(
        "EUR",
        "3",
        (line("1", sku="a"), line("2")),
        "3.00",
        "X:3.00",
        "",
        {"groups": Groups(field="sku", codes={"a": "X"}, default="X")},
    ),
    "groups by product": Basket(
        "EUR", "3", (line("3"),), "3.00", "P:3.00", "", {"groups": Groups(field="product_id", codes={"p": "P"})}
    ),
    "groups by name": Basket(
        "EUR",
        "3",
        (line("3", name="Boot"),),
        "3.00",
        "B:3.00",
        "",
        {"groups": Groups(field="name", codes={"Boot": "B"})},
    ),
}

BASKETS = {**ADDED_UP, **DIVIDED, **GROUPED}
