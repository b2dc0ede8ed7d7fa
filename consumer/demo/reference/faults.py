"""What cannot be told to Awin: sections 3, 4 and 6 of ``docs/attribution.md``."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal

from consumer.attribution.rules import Rules
from consumer.demo.reference.logged import LONGEST_ID
from consumer.demo.reference.money import add_up, group_sums
from consumer.events import OrderCompleted


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an order is a dead letter."""

    reason: str
    field: str


def fault_of(order: OrderCompleted, rules: Rules) -> Fault | None:
    """What Awin could not be told about this order: the first fault, from the reference down to the channel."""
    return fault_of_texts(order) or fault_of_amounts(order) or fault_of_groups(order, rules) or fault_of_claims(order)


def fault_of_texts(order: OrderCompleted) -> Fault | None:
    """Order reference, visitor and currency."""
    if len(order.order_ref) == 0:
        return Fault("order_ref_empty", "order_ref")
    if len(order.order_ref) > 50:
        return Fault("order_ref_too_long", "order_ref")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in order.order_ref):
        return Fault("order_ref_bad", "order_ref")
    if order.visitor_id is not None and len(order.visitor_id) > LONGEST_ID:
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


def fault_of_groups(order: OrderCompleted, rules: Rules) -> Fault | None:
    """The lines together."""
    if not order.lines:
        return None
    sums = group_sums(order, rules.groups)
    if any(not re.fullmatch("[A-Z0-9_.-]+", code) for code in sums):
        return Fault("bad_commission_group", "lines")
    if rules.parts_mismatch != "reject":
        return None
    if not add_up(order, sums):
        return Fault("parts_mismatch", "lines")
    if any(group_sum < 0 for group_sum in sums.values()):
        return Fault("negative_amount", "lines")
    return None


def fault_of_claims(order: OrderCompleted) -> Fault | None:
    """The order's own channel."""
    if order.channel is not None and not re.fullmatch("[A-Za-z0-9]{1,20}", order.channel):
        return Fault("bad_channel", "channel")
    return None


def is_amount(number: Decimal) -> bool:
    """Is this a number that can be calculated with: below 10^14, at most 30 decimals?"""
    return number.is_finite() and abs(number) < 10**14 and len(format(number, "f").partition(".")[2]) <= 30
