"""What the stand-in Awin demands of a call's orders, read independently of the code that writes them.

An order is translated into the parameters of ``sread.php`` that say the same, so that its values are judged by the same
rules and one comparison fits both methods.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from consumer.demo.awin.rules import CODE, Rules

MAX_ORDERS = 1_000

Fault = tuple[str, str]
"""A field, and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Number:
    """A JSON number, as it is written."""

    text: str


@dataclass(frozen=True, slots=True)
class JudgedOrder:
    """One order of a call."""

    parameters: Mapping[str, str]
    """What it says, as far as it can be read, in the words of ``sread.php``."""
    faults: tuple[Fault, ...]


_TYPES: Mapping[str, tuple[type, str]] = {
    "orderReference": (str, "a text"),
    "amount": (Number, "a number"),
    "channel": (str, "a text"),
    "currency": (str, "a text"),
    "commissionGroups": (list, "a list"),
    "awc": (str, "a text"),
    "voucher": (str, "a text"),
    "isTest": (bool, "a truth value"),
    "customerAcquisition": (str, "a text"),
    "custom": (dict, "an object"),
    "basket": (list, "a list"),
    "transactionTime": (Number, "a number"),
}
_REQUIRED = ("orderReference", "amount", "channel", "currency", "commissionGroups")
_GROUP_TYPES: Mapping[str, type] = {"code": str, "amount": Number}
_PRODUCT_TYPES: Mapping[str, type] = {
    "id": str,
    "name": str,
    "price": Number,
    "quantity": Number,
    "sku": str,
    "category": str,
    "commissionGroupCode": str,
}
_PRODUCT_REQUIRED = {"id", "name", "price", "quantity"}
_NAMES = {
    "merchant": "programme",
    "ref": "orderReference",
    "ch": "channel",
    "cr": "currency",
    "parts": "commissionGroups",
    "cks": "awc",
    "vc": "voucher",
    "testmode": "isTest",
    "customeracquisition": "customerAcquisition",
}
_CUSTOM_NUMBER = re.compile(r"[1-9][0-9]*")
_QUANTITY = re.compile(r"[1-9][0-9]*")
_SECONDS = re.compile(r"[12][0-9]{9}")


def orders_in(body: bytes) -> tuple[Sequence[object], tuple[str, ...]]:
    """Return the orders of a call's body, and what is wrong with it as a whole."""
    try:
        content: object = json.loads(
            body.decode(), parse_int=Number, parse_float=Number, parse_constant=_no_number, object_pairs_hook=_object
        )
    except (ValueError, RecursionError):
        return (), ("body: is not JSON that says each thing once",)
    if not isinstance(content, dict) or list(content) != ["orders"] or not isinstance(content["orders"], list):
        return (), ("body: is not an object with a list of orders and nothing else",)
    orders = content["orders"]
    if not 1 <= len(orders) <= MAX_ORDERS:
        return orders, (f"orders: are not 1 to {MAX_ORDERS}",)
    return orders, ()


def judged(order: object, programme: str, rules: Rules) -> JudgedOrder:
    """Return what an order of a programme's call says, and everything that is wrong with it."""
    if not isinstance(order, dict):
        return JudgedOrder({"merchant": programme}, (("order", "is not an object"),))
    sound = {name: value for name, value in order.items() if name in _TYPES and isinstance(value, _TYPES[name][0])}
    parameters = _sale(sound, programme)
    faults = [
        *_of_shape(order),
        *((_NAMES.get(name, name), what) for name, what in rules.faults(parameters)),
        *_of_details(sound, rules),
    ]
    return JudgedOrder({**parameters, **_custom(sound), **_rows(sound, programme)}, tuple(faults))


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a name is there twice")
    return content


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")


def _of_shape(order: Mapping[str, object]) -> Iterator[Fault]:
    yield from ((name, "is missing") for name in _REQUIRED if name not in order)
    for name, value in order.items():
        if name not in _TYPES:
            yield name, "is not a field"
        elif not isinstance(value, _TYPES[name][0]):
            yield name, f"is not {_TYPES[name][1]}"
        elif value in ("", [], {}):
            yield name, "is empty"


def _of_details(order: Mapping[str, Any], rules: Rules) -> Iterator[Fault]:
    if not all(_is_shaped(group, _GROUP_TYPES, set(_GROUP_TYPES)) for group in order.get("commissionGroups", ())):
        yield "commissionGroups", "are not pairs of a code and an amount"
    for number, text in order.get("custom", {}).items():
        if not _CUSTOM_NUMBER.fullmatch(number) or not isinstance(text, str):
            yield "custom", "is not texts by number"
    if "transactionTime" in order and not _SECONDS.fullmatch(order["transactionTime"].text):
        yield "transactionTime", "is not in seconds"
    for product in order.get("basket", ()):
        if _is_shaped(product, _PRODUCT_TYPES, _PRODUCT_REQUIRED):
            yield from (("basket", what) for what in _of_product(product, order.get("currency", ""), rules))
        else:
            yield "basket", "has a product that lacks a field, or has a strange one"


def _of_product(product: Mapping[str, Any], currency: str, rules: Rules) -> Iterator[str]:
    texts = [value for value in product.values() if isinstance(value, str)]
    if any("|" in text or len(text) > 255 for text in texts):
        yield "has a text with a pipe, or one longer than 255 characters"
    if not all(text.strip() for text in (product["id"], product["name"])):
        yield "has a product without id or name"
    if not rules.is_money(product["price"].text, currency):
        yield "has a price that is not a plain number with the currency's digits"
    if not _QUANTITY.fullmatch(product["quantity"].text):
        yield "has a quantity that is not a whole number above zero"
    if not CODE.fullmatch(product.get("commissionGroupCode", "DEFAULT")):
        yield f"has a group that does not match {CODE.pattern}"


def _is_shaped(value: object, types: Mapping[str, type], required: set[str]) -> bool:
    return (
        isinstance(value, dict)
        and required <= value.keys()
        and all(isinstance(each, types.get(name, ())) for name, each in value.items())
    )


def _sale(order: Mapping[str, Any], programme: str) -> dict[str, str]:
    """Translate the sale itself."""
    said = {"merchant": programme, "vc": order.get("voucher", ""), "testmode": str(int(order.get("isTest", False)))}
    if "amount" in order:
        said["amount"] = order["amount"].text
    for name in ("ref", "ch", "cr", "cks", "customeracquisition"):
        if _NAMES[name] in order:
            said[name] = order[_NAMES[name]]
    groups = order.get("commissionGroups", ())
    if groups and all(_is_shaped(group, _GROUP_TYPES, set(_GROUP_TYPES)) for group in groups):
        said["parts"] = "|".join(f"{group['code']}:{group['amount'].text}" for group in groups)
    return said


def _custom(order: Mapping[str, Any]) -> dict[str, str]:
    return {f"p{number}": text for number, text in order.get("custom", {}).items() if isinstance(text, str)}


def _rows(order: Mapping[str, Any], programme: str) -> dict[str, str]:
    """Translate the basket, where a row can name its order."""
    ref = order.get("orderReference", "")
    if "|" in ref:
        return {}
    return {
        f"bd[{index}]": _row(product, programme, ref)
        for index, product in enumerate(order.get("basket", ()))
        if _is_shaped(product, _PRODUCT_TYPES, _PRODUCT_REQUIRED)
    }


def _row(product: Mapping[str, Any], programme: str, ref: str) -> str:
    texts = ("AW:P", programme, ref, product["id"], product["name"], product["price"].text, product["quantity"].text)
    return "|".join((*texts, *(product.get(name, "") for name in ("sku", "commissionGroupCode", "category"))))
