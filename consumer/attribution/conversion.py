"""From a decided order to the record that says everything about its request. Source: docs/attribution.md, section 6."""

from __future__ import annotations

import re
import unicodedata
from hashlib import blake2b

import msgspec

from consumer.attribution import extras
from consumer.attribution.awc import parse
from consumer.attribution.lastclick import Attribution
from consumer.attribution.parts import check_lines, divide
from consumer.attribution.programmes import is_excluded, programme_of
from consumer.attribution.rules import Rulebook, Rules
from consumer.errors import Reject, Unreportable
from consumer.events import Conversion, OrderCompleted, Position
from consumer.money import MAX_DECIMALS, MAX_WHOLE_DIGITS, by_value, is_amount, to_minor_units

FINGERPRINT_BYTES = 16
MAX_REF_CHARACTERS = 50
MAX_ID_CHARACTERS = 1_000

MALFORMED_AWC = "malformed_awc"
"""Note: what the order carried as its click checksum is none, and was ignored."""
FORGOTTEN = "forgotten"
"""The note on the conversion of a visitor who was forgotten before the order was read."""

_CURRENCY = re.compile(r"[A-Z]{3}")
_CHANNEL = re.compile(r"[A-Za-z0-9]{1,20}")
_encode = msgspec.msgpack.Encoder().encode


def accept(order: OrderCompleted, rulebook: Rulebook) -> Rules | None:
    """Return the rules of the programme that an order is to be reported to; ``None``: by configuration to none.

    Raises:
        Reject: no programme wants it and none refuses it, or it fails `check`.
    """
    if is_excluded(order, rulebook):
        return None
    rules = programme_of(order, rulebook)
    check(order, rules)
    return None if rules.zero_value == "skip" and not to_minor_units(order.subtotal, order.currency) else rules


def check(order: OrderCompleted, rules: Rules) -> None:
    """Make sure that an order can be reported, so that `fingerprint` and `build` cannot fail on it.

    Raises:
        Reject: the first thing found that cannot be said to Awin; ``field`` names the field of the order.
    """
    _check_order_ref(order.order_ref)
    check_id("visitor_id", order.visitor_id)
    if not _CURRENCY.fullmatch(order.currency):
        raise Unreportable(
            "bad_currency", "currency", "currency is not three upper-case letters: send an ISO 4217 code"
        )
    _check_amounts(order)
    check_lines(order, rules)
    if order.channel is not None and not _CHANNEL.fullmatch(order.channel):
        raise Unreportable("bad_channel", "channel", "channel is not 1 to 20 letters and digits (ASCII)")


def check_id(name: str, value: str | None) -> None:
    """Make sure that an id of a visitor or session is short enough to be kept with every touch.

    Raises:
        Reject: it is not.
    """
    if value is not None and len(value) > MAX_ID_CHARACTERS:
        message = f"{name} has {len(value)} characters, at most {MAX_ID_CHARACTERS} are taken"
        raise Reject(f"{name}_too_long", name, message)


def fingerprint(order: OrderCompleted) -> bytes:
    """Return 16 bytes that are the same for two checked orders with the same subtotal, currency and lines.

    Numbers count by value: 10.0 is 10.00. Fingerprints are kept for over a year, so this form must not change.
    """
    lines = [
        (
            line.product_id,
            line.sku,
            line.name,
            line.category,
            by_value(line.unit_price),
            line.quantity,
            by_value(line.amount),
            line.commission_group,
        )
        for line in order.lines
    ]
    data = _encode((by_value(order.subtotal), order.currency, lines))
    return blake2b(data, digest_size=FINGERPRINT_BYTES).digest()


def build(
    order: OrderCompleted,
    order_fingerprint: bytes,
    attribution: Attribution,
    rules: Rules,
    source: Position,
    cut: int | None,
    *,
    entered_at_ms: int,
) -> Conversion:
    """Return the conversion of an order that has passed `check`.

    Args:
        order: the order.
        order_fingerprint: its `fingerprint`.
        attribution: the decision about it.
        rules: the settings; they name programme, method, mode and sender.
        source: where the order's record stands.
        cut: session offset of a decision by force; ``None`` when the watermark decided.
        entered_at_ms: timestamp of the order's record.
    """
    amount = to_minor_units(order.subtotal, order.currency)
    division = divide(order, amount, rules)
    return Conversion(
        programme=rules.advertiser_id,
        order_ref=order.order_ref,
        order_id=order.order_id,
        method=rules.method,
        mode=rules.mode,
        amount=amount,
        currency=order.currency,
        channel=attribution.channel,
        parts=division.parts,
        vouchers=extras.vouchers(order, rules),
        click_checksums=attribution.click_checksums,
        customer_acquisition=order.customer_type,
        custom=extras.custom(order, rules),
        test=order.test or rules.mode == "test",
        completed_at_ms=order.completed_at_ms,
        entered_at_ms=entered_at_ms,
        decidable_at_ms=order.completed_at_ms + (rules.grace_ms if order.visitor_id else 0),
        reason=attribution.reason,
        session_cut=cut,
        evidence=attribution.evidence,
        fingerprint=order_fingerprint,
        source=source,
        products=extras.products(order, rules) if rules.products else (),
        notes=division.notes + _other_notes(order, attribution),
    )


def _other_notes(order: OrderCompleted, attribution: Attribution) -> tuple[str, ...]:
    """Return what is to be said of the click and the visitor."""
    if order.awc is None and not attribution.forgotten:  # nearly always
        return ()
    malformed = (MALFORMED_AWC,) if order.awc is not None and parse(order.awc) is None else ()
    return (*malformed, FORGOTTEN) if attribution.forgotten else malformed


def _check_order_ref(order_ref: str) -> None:
    if not order_ref:
        raise Unreportable(
            "order_ref_empty", "order_ref", "order_ref is empty: send the reference that the customer sees"
        )
    if len(order_ref) > MAX_REF_CHARACTERS:
        message = f"order_ref has {len(order_ref)} characters: Awin takes at most {MAX_REF_CHARACTERS}"
        raise Unreportable("order_ref_too_long", "order_ref", message)
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in order_ref):
        raise Unreportable("order_ref_bad", "order_ref", "order_ref holds a control character")


def _check_amounts(order: OrderCompleted) -> None:
    bounds = f"a number below 10^{MAX_WHOLE_DIGITS} with at most {MAX_DECIMALS} decimals"
    if not is_amount(order.subtotal):
        raise Unreportable("bad_amount", "subtotal", f"subtotal is not {bounds}")
    if order.subtotal < 0:
        raise Unreportable("negative_amount", "subtotal", "subtotal is negative: a sale is reported with zero or more")
    for number, line in enumerate(order.lines, start=1):
        if not is_amount(line.amount) or not is_amount(line.unit_price):
            raise Unreportable("bad_amount", "lines", f"amount or unit_price of line {number} is not {bounds}")
