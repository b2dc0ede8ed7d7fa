"""What is bought: order lines of a few groups, discounts among them, and subtotals that they add up to or not."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from random import Random

from msgspec.structs import replace

from consumer.events import OrderLine

AMOUNTS = tuple(
    Decimal(text)
    for text in (
        *("0", "0.005", "0.0049", "3.335", "0.5", "10.0005", "33.3333", "1.0049", "99.99", "120"),
        *("1", "1", "2", "4", "0.01", "0.02", "0.0001", "33333333333333.33"),
    )
)
"""More digits than any currency has, halves, nothing and very much among them, and numbers whose shares tie."""

PRICES = (*AMOUNTS, Decimal("-0.001"), Decimal(-5), Decimal("0.0005"))

GROUPS = (None, None, "", "DEFAULT", "SHOES", "SHOES", "B.1-X", "C_2")
CATEGORIES = (None, "", "shoes", "shoes", "hats", "toys")
NAMES = (None, "", "Boot", "Boot", "boot", "Müller & Söhne|1")
QUANTITIES = (1, 1, 1, 2, 3, 0, -1)


def line(product_id: str, amount: Decimal, group: str | None) -> OrderLine:
    """Return one line of one piece."""
    return OrderLine(product_id=product_id, unit_price=amount, quantity=1, amount=amount, commission_group=group)


def any_line(random: Random) -> OrderLine:
    """Return a line that says something, nothing or the empty text of each of its fields."""
    number = random.randint(0, 3)
    amount = random.choice(AMOUNTS)
    return OrderLine(
        product_id=random.choice((f"p{number}", f"p{number}", f"p{number}", "")),
        unit_price=random.choice((amount, random.choice(PRICES))),
        quantity=random.choice(QUANTITIES),
        amount=amount,
        commission_group=random.choice(GROUPS),
        sku=random.choice((None, "", f"sku{number}", f"sku{number}")),
        name=random.choice(NAMES),
        category=random.choice(CATEGORIES),
    )


def lines(random: Random) -> tuple[OrderLine, ...]:
    """Return no line to four; a discount line may take back what a group has, or come on top of all."""
    drawn = [any_line(random) for _ in range(random.choice((0, 1, 2, 2, 3, 4)))]
    if drawn and random.randint(1, 3) == 3:
        amount = drawn[0].amount
        discount = random.choice((amount, amount.quantize(Decimal(1), ROUND_DOWN)))
        drawn.append(replace(drawn[0], amount=-discount))
    if drawn and random.randint(1, 5) == 5:
        drawn.append(line("discount", -random.choice(AMOUNTS), random.choice((None, "DISCOUNT"))))
    return tuple(drawn)


def subtotal(random: Random, basket: tuple[OrderLine, ...]) -> Decimal:
    """Return what the lines add up to, mostly, else a bit less, more or something else."""
    if not basket:
        return random.choice(AMOUNTS)
    exact = max(sum((each.amount for each in basket), Decimal(0)), Decimal(0))
    if random.randint(1, 3) < 3:
        return exact
    other = random.choice(AMOUNTS)
    return random.choice((exact.quantize(Decimal("0.01")), max(exact - other, Decimal(0)), exact + other, other))
