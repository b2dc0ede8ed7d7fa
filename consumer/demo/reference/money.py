"""Section 6 of ``docs/attribution.md``: what the conversion says of the order itself."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from consumer.demo.reference.landing import is_awc_form, is_gclid_form
from consumer.demo.reference.logged import LONGEST_VISITOR_ID
from consumer.events import OrderCompleted, Part

# ISO 4217, the active codes; all others have two minor digits.
NO_MINOR_DIGITS = {
    *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"),
    *("RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"),
}
THREE_MINOR_DIGITS = {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"}

DEFAULT_GROUP = "DEFAULT"


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an order is a dead letter."""

    reason: str
    field: str


def fault_of(order: OrderCompleted) -> Fault | None:
    """What Awin could not be told about this order: the first fault, from the reference down to the awc."""
    return fault_of_texts(order) or fault_of_amounts(order) or fault_of_groups(order) or fault_of_claims(order)


def fault_of_texts(order: OrderCompleted) -> Fault | None:
    """Order reference, visitor and currency."""
    if len(order.order_ref) == 0:
        return Fault("order_ref_empty", "order_ref")
    if len(order.order_ref) > 50:
        return Fault("order_ref_too_long", "order_ref")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in order.order_ref):
        return Fault("order_ref_bad", "order_ref")
    if order.visitor_id is not None and len(order.visitor_id) > LONGEST_VISITOR_ID:
        return Fault("visitor_id_too_long", "visitor_id")
    if not re.fullmatch("[A-Z]{3}", order.currency):
        return Fault("bad_currency", "currency")
    return None


def fault_of_amounts(order: OrderCompleted) -> Fault | None:
    """Subtotal and lines, each by itself."""
    if not is_amount(order.subtotal):
        return Fault("bad_amount", "subtotal")
    if order.subtotal < 0:
        return Fault("negative_amount", "subtotal")
    if not all(is_amount(line.amount) and is_amount(line.unit_price) for line in order.lines):
        return Fault("bad_amount", "lines")
    return None


def fault_of_groups(order: OrderCompleted) -> Fault | None:
    """The lines together."""
    if not order.lines:
        return None
    sums = group_sums(order)
    if any(not re.fullmatch("[A-Z0-9_.-]+", code) for code in sums):
        return Fault("bad_commission_group", "lines")
    if sum(sums.values()) != order.subtotal:
        return Fault("parts_mismatch", "lines")
    if any(group_sum < 0 for group_sum in sums.values()):
        return Fault("negative_amount", "lines")
    return None


def fault_of_claims(order: OrderCompleted) -> Fault | None:
    """The order's own channel and awc."""
    if order.channel is not None and not re.fullmatch("[A-Za-z0-9]{1,20}", order.channel):
        return Fault("bad_channel", "channel")
    if order.awc is not None and not is_awc_form(order.awc) and not is_gclid_form(order.awc):
        return Fault("bad_awc", "awc")
    return None


def is_amount(number: Decimal) -> bool:
    """Is this a number that can be calculated with: below 10^14, at most 30 decimals?"""
    return number.is_finite() and abs(number) < 10**14 and len(format(number, "f").partition(".")[2]) <= 30


def custom_of(order: OrderCompleted, sender: str) -> dict[str, str]:
    """The custom parameters: the sender, and the order's own whose name is a whole number from 2."""
    numbered = {name: text for name, text in order.custom.items() if re.fullmatch("[1-9][0-9]*", name)}
    return {**numbered, "1": sender}


def minor_unit(currency: str) -> Decimal:
    """The smallest amount that the currency has."""
    if currency in NO_MINOR_DIGITS:
        return Decimal(1)
    if currency in THREE_MINOR_DIGITS:
        return Decimal("0.001")
    return Decimal("0.01")


def amount_of(order: OrderCompleted) -> Decimal:
    """The subtotal in minor digits."""
    return order.subtotal.quantize(minor_unit(order.currency), ROUND_HALF_UP)


def group_sums(order: OrderCompleted) -> dict[str, Decimal]:
    """The exact sum of each commission group, in the order of their first lines."""
    sums: dict[str, Decimal] = {}
    for line in order.lines:
        code = DEFAULT_GROUP if line.commission_group is None else line.commission_group
        sums[code] = sums.get(code, Decimal(0)) + line.amount
    return sums


def parts_of(order: OrderCompleted) -> tuple[Part, ...]:
    """The parts, adding up to `amount_of`."""
    unit = minor_unit(order.currency)
    if not order.lines:
        return (Part(DEFAULT_GROUP, amount_of(order)),)
    exact = group_sums(order)
    cut_down = {code: group_sum.quantize(unit, ROUND_DOWN) for code, group_sum in exact.items()}
    # sorted() keeps the order of equals, so a tie goes to the group that comes first.
    in_need = sorted(exact, key=lambda code: cut_down[code] - exact[code])
    for code in in_need:
        if sum(cut_down.values()) < amount_of(order):
            cut_down[code] += unit
    return tuple(Part(code, amount) for code, amount in cut_down.items())
