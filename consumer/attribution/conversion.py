"""From a decided order to the record that says everything about its request. Source: docs/attribution.md, section 6."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from hashlib import blake2b

import msgspec

from consumer.attribution.awc import parse
from consumer.attribution.lastclick import Attribution
from consumer.attribution.rules import Rules
from consumer.errors import Reject, Unreportable
from consumer.events import Conversion, OrderCompleted, Position
from consumer.money import MAX_DECIMALS, MAX_WHOLE_DIGITS, by_value, is_amount, plus, split, to_minor_units, total

DEFAULT_GROUP = "DEFAULT"
FINGERPRINT_BYTES = 16
MAX_REF_CHARACTERS = 50
MAX_VISITOR_CHARACTERS = 1_000

_CURRENCY = re.compile(r"[A-Z]{3}")
_CHANNEL = re.compile(r"[A-Za-z0-9]{1,20}")
_GROUP = re.compile(r"[A-Z0-9_.-]+")
_encode = msgspec.msgpack.Encoder().encode
_OWN_CUSTOM = re.compile(r"[2-9]|[1-9][0-9]+")


def check(order: OrderCompleted, _rules: Rules) -> None:
    """Make sure that an order can be reported, so that `fingerprint` and `build` cannot fail on it.

    No setting enters so far: these rules hold for every programme.

    Raises:
        Reject: the first thing found that cannot be said to Awin; ``field`` names the field of the order.
    """
    _check_order_ref(order.order_ref)
    check_visitor(order.visitor_id)
    if not _CURRENCY.fullmatch(order.currency):
        raise Unreportable(
            "bad_currency", "currency", "currency is not three upper-case letters: send an ISO 4217 code"
        )
    _check_amounts(order)
    _check_lines(order)
    if order.channel is not None and not _CHANNEL.fullmatch(order.channel):
        raise Unreportable("bad_channel", "channel", "channel is not 1 to 20 letters and digits (ASCII)")
    if order.awc is not None and parse(order.awc) is None:
        raise Unreportable("bad_awc", "awc", "awc is not a click checksum: send it as it was on the landing URL")


def check_visitor(visitor_id: str | None) -> None:
    """Make sure that a visitor's touches can be kept and found.

    Raises:
        Reject: the id is too long.
    """
    if visitor_id is not None and len(visitor_id) > MAX_VISITOR_CHARACTERS:
        message = f"visitor_id has {len(visitor_id)} characters, at most {MAX_VISITOR_CHARACTERS} are taken"
        raise Reject("visitor_id_too_long", "visitor_id", message)


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
) -> Conversion:
    """Return the conversion of an order that has passed `check`.

    Args:
        order: the order.
        order_fingerprint: its `fingerprint`.
        attribution: the decision about it.
        rules: the settings; they name programme, method, mode and sender.
        source: where the order's record stands.
        cut: session offset of a decision by force; ``None`` when the watermark decided.
    """
    amount = to_minor_units(order.subtotal, order.currency)
    return Conversion(
        programme=rules.advertiser_id,
        order_ref=order.order_ref,
        order_id=order.order_id,
        method=rules.method,
        mode=rules.mode,
        amount=amount,
        currency=order.currency,
        channel=attribution.channel,
        parts=split(amount, _group_sums(order)),
        vouchers=tuple(code for code in order.voucher_codes if code),
        click_checksums=attribution.click_checksums,
        customer_acquisition=order.customer_type,
        custom={"1": rules.sender} | {n: text for n, text in order.custom.items() if _OWN_CUSTOM.fullmatch(n)},
        test=order.test or rules.mode == "test",
        completed_at_ms=order.completed_at_ms,
        decidable_at_ms=order.completed_at_ms + (rules.grace_ms if order.visitor_id else 0),
        reason=attribution.reason,
        session_cut=cut,
        evidence=attribution.evidence,
        fingerprint=order_fingerprint,
        source=source,
    )


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


def _check_lines(order: OrderCompleted) -> None:
    sums = _group_sums(order)
    if not all(_GROUP.fullmatch(code) for code in sums):
        message = "a commission_group is not made of upper-case letters, digits and _ . - only"
        raise Unreportable("bad_commission_group", "lines", message)
    if total(sums.values()) != order.subtotal:
        raise Unreportable("parts_mismatch", "lines", "the amounts of the lines do not add up to the subtotal")
    if any(amount < 0 for amount in sums.values()):
        raise Unreportable("negative_amount", "lines", "the lines of a commission group add up to less than zero")


def _group_sums(order: OrderCompleted) -> dict[str, Decimal]:
    """Return each commission group's exact sum, in the order of its first line."""
    if not order.lines:
        return {DEFAULT_GROUP: order.subtotal}
    sums: dict[str, Decimal] = {}
    for line in order.lines:
        code = DEFAULT_GROUP if line.commission_group is None else line.commission_group
        sums[code] = plus(sums[code], line.amount) if code in sums else line.amount
    return sums
