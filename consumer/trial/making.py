"""The landing and the order of a trial. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from consumer.attribution.conversion import accept
from consumer.attribution.programmes import chosen, is_excluded
from consumer.attribution.rules import Rulebook, Rules
from consumer.errors import Reject, SettingsError
from consumer.events import OrderCompleted, OrderLine, SessionLanded

AMOUNT = Decimal(1)
_PLAIN = frozenset({"market", "currency", "channel", "customer_type", "consent"})
_CUSTOM, _LINES, _VOUCHERS = "custom.", "lines.", "voucher_codes"


class Trial(Struct, frozen=True, kw_only=True):
    """What is written: a landing with a click checksum, and an order of the same visitor, marked as a test."""

    programme: str
    mode: str
    """By the settings that were read; the conversion has the word of the consumer that runs."""
    awc: str
    landing: SessionLanded
    order: OrderCompleted


def make(rulebook: Rulebook, programme: str | None, token: str, now_ms: int) -> Trial:
    """Return a trial that the programme takes, worth one unit of its currency.

    Args:
        rulebook: the settings.
        programme: whose order it is to be; ``None``: the first one's.
        token: letters and digits that no other trial has, at most 32.
        now_ms: when the visitor lands and orders.

    Raises:
        SettingsError: there is no such programme, or by the settings no test order would be reported to it.
    """
    rules = _rules_of(rulebook, programme)
    visitor, awc = f"awin-test-{token}", f"{rules.advertiser_id}_{now_ms // 1000}_{token}"
    host = rulebook.shop.own_domains[0].lstrip(".") if rulebook.shop.own_domains else "shop.invalid"
    url = f"https://{host}/?awc={awc}"
    order = _order(rules, f"awin-test-{token[:16]}", visitor, now_ms)
    _refuse_unreported(order, rules, rulebook)
    return Trial(
        programme=rules.advertiser_id,
        mode=rules.mode,
        awc=awc,
        landing=SessionLanded(visitor, visitor, now_ms, url, consent="granted"),
        order=order,
    )


def _rules_of(rulebook: Rulebook, programme: str | None) -> Rules:
    if programme is None:
        return rulebook.programmes[0]
    known = {each.advertiser_id: each for each in rulebook.programmes}
    if programme not in known:
        raise SettingsError(f"{programme}: no such programme in the settings, which name {', '.join(known)}")
    return known[programme]


def _order(rules: Rules, order_ref: str, visitor: str, now_ms: int) -> OrderCompleted:
    """Make an order that has what the programme's conditions ask for."""
    fields: dict[str, Any] = {"currency": min(rules.currencies, default="EUR")}
    line: dict[str, str] = {}
    custom: dict[str, str] = {}
    for condition in rules.when:
        wanted = sorted(value for value in condition.values if value is not None)
        name = condition.field
        if not wanted or (None in condition.values and name != "currency"):
            continue  # its absence will do
        if name.startswith(_CUSTOM):
            custom[name.removeprefix(_CUSTOM)] = wanted[0]
        elif name.startswith(_LINES):
            line[name.removeprefix(_LINES)] = wanted[0]
        elif name == _VOUCHERS:
            fields[name] = (wanted[0],)
        elif name in _PLAIN:
            fields[name] = next((each for each in wanted if each in rules.currencies), wanted[0])
    return OrderCompleted(
        order_id=order_ref,
        order_ref=order_ref,
        completed_at_ms=now_ms,
        subtotal=AMOUNT,
        visitor_id=visitor,
        lines=(_line(line),),
        custom=custom,
        test=True,
        **fields,
    )


def _line(fields: dict[str, str]) -> OrderLine:
    line = OrderLine(product_id="awin-test", name="Test", unit_price=AMOUNT, quantity=1, amount=AMOUNT)
    return msgspec.structs.replace(line, **fields)


def _refuse_unreported(order: OrderCompleted, rules: Rules, rulebook: Rulebook) -> None:
    """Say before anything is written what would keep the order from being reported."""
    if is_excluded(order, rulebook):
        raise SettingsError(f"orders.exclude takes a test order for programme {rules.advertiser_id} out of reporting")
    taker = chosen(order, rulebook)
    if taker is not rules:
        whose = "no programme's" if taker is None else f"that of programme {taker.advertiser_id}"
        raise SettingsError(
            f"programme {rules.advertiser_id}: a test order made for its conditions is {whose}; see programmes.when"
        )
    try:
        accept(order, rulebook)
    except Reject as error:
        raise SettingsError(f"a test order for programme {rules.advertiser_id} is refused: {error.message}") from error
