"""Orders: good ones, repeats and conflicts of them, and every kind of bad one, some of them corrected later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from random import Random
from typing import NamedTuple

from msgspec.structs import replace

from consumer.events import CustomerType, OrderCompleted
from tests.strategies.baskets import line, lines, subtotal
from tests.strategies.clock import ORDER_DELAY_MS, SKEW_MS
from tests.strategies.landings import CONSENTS, MALFORMED_CHECKSUMS


class Purchase(NamedTuple):
    """An order and its record's timestamp."""

    timestamp_ms: int
    event: OrderCompleted


CURRENCIES = ("EUR", "EUR", "EUR", "GBP", "JPY", "KWD")
MARKETS = (None, "", "de", "de", "fr", "uk", "DE", "Fr")
CUSTOMER_TYPES: tuple[CustomerType | None, ...] = (None, None, "NEW", "RETURNING")
VOUCHERS: tuple[tuple[str, ...], ...] = ((), (), ("SAVE10", "b&b"), ("", "b&b"), ("",), ("save10", "SAVE10", "b&b"))
CUSTOM: tuple[dict[str, str], ...] = (
    *({}, {}, {"shop": "b2b"}, {"shop": "", "2": "x"}),
    {"2": "x", "02": "y", "1": "y", "": "y", "11": "z", "17": "", "shop": "b2c", "two": "y"},
)
CHANNELS = (None,) * 6 + ("", "ppc", "ppc", "aw", "c" * 20)

ONE, TWO = Decimal("1.00"), Decimal("2.00")

BAD: tuple[Mapping[str, object], ...] = (
    *({"order_ref": ref} for ref in ("", "R" * 51, "R\n1", "R\x001", "R\x7f")),
    *({"currency": currency} for currency in ("eur", "EURO", "EU", "", "ÄÖÜ", "EUR\n")),
    *({"channel": channel} for channel in ("c" * 21, "paid search", "pâid", "ppc\n")),
    *({"awc": awc} for awc in MALFORMED_CHECKSUMS),
    {"visitor_id": "ann" * 334},
    *({"subtotal": subtotal, "lines": ()} for subtotal in (Decimal(10**14), -Decimal(10**14))),
    {"subtotal": ONE, "lines": (line("p0", Decimal(10**14), None), line("p1", ONE - 10**14, None))},
    *({"subtotal": -subtotal, "lines": ()} for subtotal in (Decimal("0.0001"), ONE)),
    {"subtotal": ONE, "lines": (line("p0", TWO, "A"), line("p1", -ONE, "B"))},
    {"subtotal": Decimal(0), "lines": (line("p0", ONE, "A"), line("p1", -ONE, "B"))},
    {"subtotal": ONE, "lines": (line("p0", TWO, "A"),)},
    {"subtotal": Decimal("1.0001"), "lines": (line("p0", ONE, None),)},
    *({"subtotal": ONE, "lines": (line("p0", ONE, group),)} for group in ("Default", "A|B", "Ä", "A\n")),
)
"""Changes that each make an order a dead letter, lines that do not add up where these are rejected."""

GOOD_DELAYS_MS = (0, 100, 100, -SKEW_MS, ORDER_DELAY_MS)
"""From an order to its record's timestamp, the earliest and the latest that are accepted among them."""
BAD_DELAYS_MS = (-SKEW_MS - 1, ORDER_DELAY_MS + 1)


def order(
    random: Random, visitors: Sequence[str], pool: Sequence[str], around: Sequence[int], number: int
) -> OrderCompleted:
    """Return an order that can be reported, unless the settings are against it."""
    basket = lines(random)
    visitor = random.choice((*visitors, None, ""))
    return OrderCompleted(
        order_id=f"id-{number}",
        order_ref=f"R-{number}".ljust(random.choice((0, 0, 50)), "é"),
        completed_at_ms=random.choice(around) + random.choice((0, 0, 0, 0, 0, -1, 1)),
        currency=random.choice(CURRENCIES),
        subtotal=subtotal(random, basket),
        visitor_id=visitor,
        session_id=random.choice((None, "", f"{visitor}-1")),
        customer_id=random.choice((None, "", "c1")),
        lines=basket,
        voucher_codes=random.choice(VOUCHERS),
        customer_type=random.choice(CUSTOMER_TYPES),
        consent=random.choice((None,) * 7 + CONSENTS),
        market=random.choice(MARKETS),
        channel=random.choice(CHANNELS),
        awc=random.choice((None, None, "", *pool)),
        custom=random.choice(CUSTOM),
        test=random.choice((False, False, False, True)),
    )


def repeats(event: OrderCompleted, visitors: Sequence[str]) -> tuple[Mapping[str, object], ...]:
    """Changes that leave it the same order."""
    return (
        {},
        {"order_id": "another"},
        {"channel": "late", "awc": None, "consent": "denied"},
        {"lines": tuple(replace(each, sku=each.sku or "", name=each.name or None) for each in event.lines)},
        {"market": "fr", "custom": {"shop": "b2b"}, "voucher_codes": ()},
        {"completed_at_ms": event.completed_at_ms + 1_000},
        *({"visitor_id": visitor} for visitor in sorted(set(visitors))),
    )


def conflicts(event: OrderCompleted) -> tuple[Mapping[str, object], ...]:
    """Changes that make it another order under the same reference."""
    return (
        {"subtotal": event.subtotal + 1, "lines": ()},
        {"currency": "USD"},
        {"lines": (line("p0", event.subtotal, "OTHER"),)},
    )


def records_of(random: Random, event: OrderCompleted, visitors: Sequence[str]) -> list[Purchase]:
    """Return the records of one order: it may be spoilt at first, and come again in every way."""
    records = []
    for number in range(random.choice((1, 1, 2, 2, 3))):
        kinds = ("repeat", "repeat", "bad", "conflict", "bad time") if number else ("good",) * 6 + ("bad",)
        kind = random.choice(kinds)
        choices = {"bad": BAD, "conflict": conflicts(event), "repeat": repeats(event, visitors)}.get(kind, ({},))
        changed = replace(event, **random.choice(choices))
        delay_ms = random.choice(BAD_DELAYS_MS if kind == "bad time" else GOOD_DELAYS_MS)
        records.append(Purchase(changed.completed_at_ms + delay_ms, changed))
    return records


def purchases(random: Random, visitors: Sequence[str], pool: Sequence[str], around: Sequence[int]) -> list[Purchase]:
    """Return a few orders with their repeats; a reference whose first record was bad may come again, corrected."""
    made: list[Purchase] = []
    for number in range(random.randint(1, 4)):
        made += records_of(random, order(random, visitors, pool, around, number), visitors)
    if random.choice((True, False)):
        random.shuffle(made)
    return made
