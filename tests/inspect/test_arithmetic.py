"""The way from an order's lines to its parts."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from consumer.attribution import conversion
from consumer.attribution.lastclick import Attribution
from consumer.attribution.rules import Groups, Rules
from consumer.events import Conversion, OrderCompleted, OrderLine, Part, Position
from consumer.inspect.arithmetic import Arithmetic, arithmetic
from consumer.stream.avro import ConversionDecoder, ConversionEncoder
from tests.inspect.world import schemas

BY_CATEGORY = Groups(field="category", codes={"shoes": "SHOES", "hats": "HATS"}, default="REST")
RULES = Rules(advertiser_id="1001", groups=BY_CATEGORY)


def line(amount: str, category: str | None) -> OrderLine:
    """Return a line of one piece."""
    price = Decimal(amount)
    return OrderLine(product_id="p", name="name", unit_price=price, quantity=1, amount=price, category=category)


def order(subtotal: str, *lines: OrderLine, currency: str = "EUR") -> OrderCompleted:
    """Return an order."""
    return OrderCompleted(
        order_id="1",
        order_ref="R",
        completed_at_ms=1_700_000_000_000,
        currency=currency,
        subtotal=Decimal(subtotal),
        lines=lines,
    )


def decided(event: OrderCompleted, rules: Rules = RULES) -> Conversion:
    """Return an order's conversion as it comes from the topic."""
    attribution = Attribution("aw", "no_landing", (), ())
    made = conversion.build(event, b"f", attribution, rules, Position("order.completed", 0, 0), None, entered_at_ms=0)
    return ConversionDecoder(schemas())(ConversionEncoder(schemas())(made))


def worked(event: OrderCompleted, rules: Rules = RULES) -> Arithmetic:
    """Return the way to the parts of an order's conversion."""
    return arithmetic(event, rules, decided(event, rules))


def rows(found: Arithmetic) -> list[tuple[str, ...]]:
    """Return the groups as texts."""
    return [
        (each.group, *(format(number, "f") for number in (each.lines_sum, each.share, each.cut, each.rest)), str(part))
        for each in found.groups
        for part in [None if each.part is None else f"{each.part:.2f}"]
    ]


def test_lines_that_add_up() -> None:
    """Each line has its group and why; the rests go where they are largest."""
    found = worked(order("30.00", line("10.005", "shoes"), line("9.995", "coats"), line("10", None)))
    assert (found.way, found.agrees, found.lines_sum) == ("sums", True, Decimal(30))
    assert [(each.number, each.value, each.group, each.is_unknown) for each in found.lines] == [
        (1, "shoes", "SHOES", False),
        (2, "coats", "REST", True),
        (3, "", "REST", False),
    ]
    assert rows(found) == [
        ("SHOES", "10.005", "10.005", "10.00", "0.0100", "10.01"),
        ("REST", "19.995", "19.995", "19.99", "0.0000", "19.99"),
    ]


def test_lines_that_do_not_add_up_are_divided_in_proportion() -> None:
    """By the sums that are positive; a group of less takes no part."""
    found = worked(order("90", line("60", "shoes"), line("40", "hats"), line("-5", None)))
    assert (found.way, found.lines_sum, found.subtotal) == ("pro_rata", Decimal(95), Decimal(90))
    assert rows(found) == [
        ("SHOES", "60", "54.000000", "54.00", "0.0000", "54.00"),
        ("HATS", "40", "36.000000", "36.00", "0.0000", "36.00"),
        ("REST", "-5", "0", "0", "0", "None"),
    ]
    thirds = worked(order("10", line("1", "shoes"), line("1", "hats"), line("1", None)))
    assert [(row[2], row[-1]) for row in rows(thirds)] == [
        ("3.333333", "3.34"),
        ("3.333333", "3.33"),
        ("3.333333", "3.33"),
    ]


def test_one_group_for_all() -> None:
    """Without lines, or by the setting, there is nothing to divide."""
    assert (worked(order("5")).way, worked(order("5")).groups) == ("no_lines", ())
    found = worked(order("5", line("4", "shoes")), replace(RULES, parts_mismatch="default_group"))
    assert (found.way, found.agrees, found.groups) == ("default_group", True, ())


def test_settings_that_changed_are_noticed() -> None:
    """What other settings would give is not told as what was done."""
    event = order("10", line("10", "shoes"))
    changed = replace(RULES, groups=Groups(default="REST"))
    found = arithmetic(event, changed, decided(event))
    assert (found.agrees, found.groups) == (False, ())
    forgotten = replace(decided(event), notes=("forgotten",))
    assert arithmetic(event, RULES, forgotten).agrees
    other = replace(decided(event), parts=(Part("SHOES", Decimal(9)), Part("HATS", Decimal(1))))
    assert not arithmetic(event, RULES, other).agrees


AMOUNTS = st.sampled_from(("0", "0.005", "1.0049", "3.335", "33.3333", "99.99", "120", "-1", "-0.01"))
LINES = st.builds(line, AMOUNTS, st.sampled_from(("shoes", "hats", "coats", None)))


@given(
    st.lists(LINES, max_size=5), st.sampled_from(("0", "10", "99.995", "sum")), st.sampled_from(("EUR", "JPY", "KWD"))
)
def test_the_steps_lead_to_the_parts(lines: list[OrderLine], subtotal: str, currency: str) -> None:
    """Whatever the lines: cut and rest make the part, no rest is above one unit, and the parts make the amount."""
    total = sum((each.amount for each in lines), Decimal(0))
    event = order(f"{max(total, Decimal(0)):f}" if subtotal == "sum" else subtotal, *lines, currency=currency)
    found = worked(event)
    assert found.agrees
    unit = {"EUR": Decimal("0.01"), "JPY": Decimal(1), "KWD": Decimal("0.001")}[currency]
    shares = [each for each in found.groups if each.part is not None]
    for each in shares:
        assert each.cut + each.rest == each.part
        assert each.rest in {0, unit}
        assert 0 <= each.share - each.cut < unit
    if found.way in {"sums", "pro_rata"}:
        assert sum(each.part or 0 for each in shares) == found.amount
