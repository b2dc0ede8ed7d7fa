"""Orders: good ones, repeats and conflicts of them, and every kind of bad one, some of them corrected later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_DOWN, Decimal
from itertools import product
from typing import NamedTuple

from hypothesis import strategies as st
from msgspec.structs import replace

from consumer.events import OrderCompleted, OrderLine
from tests.strategies.clock import ORDER_DELAY_MS, SKEW_MS
from tests.strategies.landings import CONSENTS, MALFORMED_CHECKSUMS


class Purchase(NamedTuple):
    """An order and its record's timestamp."""

    timestamp_ms: int
    event: OrderCompleted


def line(number: int, amount: Decimal, group: str | None) -> OrderLine:
    """One line of one piece."""
    return OrderLine(
        product_id=f"p{number}",
        unit_price=amount,
        quantity=1,
        amount=amount,
        commission_group=group,
        sku=f"sku{number}",
    )


AMOUNTS = tuple(
    Decimal(text) for text in ("0", "0.005", "0.0049", "3.335", "0.5", "10.0005", "33.3333", "1.0049", "99.99", "120")
)
"""More digits than any currency has, halves and nothing among them."""
LINES = tuple(
    line(0, amount, group) for amount, group in product(AMOUNTS, (None, "", "DEFAULT", "SHOES", "B.1-X", "C_2"))
)

DETAILS: tuple[Mapping[str, object], ...] = (
    {"currency": "EUR", "voucher_codes": ("SAVE10", "b&b")},
    {"currency": "EUR", "customer_type": "NEW"},
    {"currency": "GBP", "voucher_codes": ("", "b&b"), "custom": {"2": "x", "02": "y", "1": "y", "": "y", "11": "z"}},
    {"currency": "JPY", "customer_type": "RETURNING", "test": True},
    {"currency": "KWD", "voucher_codes": ("",)},
)
"""Details that change no attribution."""

CHANNELS = (None,) * 4 + ("", "ppc", "aw", "c" * 20)

ONE, TWO = Decimal("1.00"), Decimal("2.00")

BAD: tuple[Mapping[str, object], ...] = (
    *({"order_ref": ref} for ref in ("", "R" * 51, "R\n1", "R\x001", "R\x7f")),
    *({"currency": currency} for currency in ("eur", "EURO", "EU", "", "ÄÖÜ", "EUR\n")),
    *({"channel": channel} for channel in ("c" * 21, "paid search", "pâid", "ppc\n")),
    *({"awc": awc} for awc in MALFORMED_CHECKSUMS),
    {"visitor_id": "ann" * 334},
    *({"subtotal": subtotal, "lines": ()} for subtotal in (Decimal(10**14), -Decimal(10**14))),
    {"subtotal": ONE, "lines": (line(0, Decimal(10**14), None), line(1, ONE - 10**14, None))},
    *({"subtotal": -subtotal, "lines": ()} for subtotal in (Decimal("0.0001"), ONE)),
    {"subtotal": ONE, "lines": (line(0, TWO, "A"), line(1, -ONE, "B"))},
    {"subtotal": Decimal(0), "lines": (line(0, ONE, "A"), line(1, -ONE, "B"))},
    {"subtotal": ONE, "lines": (line(0, TWO, "A"),)},
    {"subtotal": Decimal("1.0001"), "lines": (line(0, ONE, None),)},
    *({"subtotal": ONE, "lines": (line(0, ONE, group),)} for group in ("Default", "A|B", "Ä", "A\n")),
)
"""Changes that each make an order a dead letter."""

GOOD_DELAYS_MS = (0, 100, 100, -SKEW_MS, ORDER_DELAY_MS)
"""From an order to its record's timestamp, the earliest and the latest that are accepted among them."""
BAD_DELAYS_MS = (-SKEW_MS - 1, ORDER_DELAY_MS + 1)


@st.composite
def baskets(draw: st.DrawFn) -> tuple[OrderLine, ...]:
    """No line to four, over a few groups; a discount line may take back what its group has."""
    drawn = draw(st.lists(st.sampled_from(LINES), max_size=4))
    if draw(st.booleans()) and drawn:
        amount = drawn[0].amount
        discount = draw(st.sampled_from((amount, amount.quantize(Decimal(1), ROUND_DOWN))))
        drawn.append(replace(drawn[0], amount=-discount))
    return tuple(replace(line, product_id=f"p{number}") for number, line in enumerate(drawn))


@st.composite
def good_orders(
    draw: st.DrawFn, visitors: Sequence[str], pool: Sequence[str], around: Sequence[int], number: int
) -> OrderCompleted:
    """An order that can be reported."""
    lines = draw(baskets())
    order = OrderCompleted(
        order_id=f"id-{number}",
        order_ref=f"R-{number}".ljust(draw(st.sampled_from((0, 50))), "é"),
        completed_at_ms=draw(st.sampled_from(around)) + draw(st.sampled_from((0, 0, 0, 0, 0, -1, 1))),
        currency="",
        subtotal=sum((line.amount for line in lines), Decimal(0)) if lines else draw(st.sampled_from(AMOUNTS)),
        visitor_id=draw(st.sampled_from((*visitors, None, ""))),
        lines=lines,
        consent=draw(st.sampled_from((None,) * 7 + CONSENTS)),
        channel=draw(st.sampled_from(CHANNELS)),
        awc=draw(st.sampled_from((None, None, "", *pool))),
    )
    return replace(order, **draw(st.sampled_from(DETAILS)))


def repeats(event: OrderCompleted, visitors: Sequence[str]) -> tuple[Mapping[str, object], ...]:
    """Changes that leave it the same order."""
    return (
        {},
        {"order_id": "another"},
        {"channel": "late", "awc": None, "consent": "denied"},
        {"lines": tuple(replace(line, name="", category="") for line in event.lines)},
        {"completed_at_ms": event.completed_at_ms + 1_000},
        *({"visitor_id": visitor} for visitor in sorted(set(visitors))),
    )


def conflicts(event: OrderCompleted) -> tuple[Mapping[str, object], ...]:
    """Changes that make it another order under the same reference."""
    return (
        {"subtotal": event.subtotal + 1, "lines": ()},
        {"currency": "USD"},
        {"lines": (line(0, event.subtotal, "OTHER"),)},
    )


@st.composite
def records_of(draw: st.DrawFn, event: OrderCompleted, visitors: Sequence[str]) -> list[Purchase]:
    """The records of one good order: it may be spoilt at first, and come again in every way."""
    records = []
    for number in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(("repeat", "repeat", "bad", "conflict", "bad time") if number else ("good", "bad")))
        choices = {"bad": BAD, "conflict": conflicts(event), "repeat": repeats(event, visitors)}.get(kind, ({},))
        changed = replace(event, **draw(st.sampled_from(choices)))
        delays = BAD_DELAYS_MS if kind == "bad time" else GOOD_DELAYS_MS
        records.append(Purchase(changed.completed_at_ms + draw(st.sampled_from(delays)), changed))
    return records


@st.composite
def purchases(
    draw: st.DrawFn, visitors: Sequence[str], pool: Sequence[str], around: Sequence[int]
) -> tuple[Purchase, ...]:
    """A few orders with their repeats; a reference whose first record was bad may come again, corrected."""
    made: list[Purchase] = []
    for number in range(draw(st.integers(1, 3))):
        made.extend(draw(records_of(draw(good_orders(visitors, pool, around, number)), visitors)))
    return tuple(draw(st.permutations(made)) if draw(st.booleans()) else made)
