"""Holds the requests that Awin received against the orders that it should have heard of."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from consumer.demo.reference import Expected
from consumer.events import Product

DETAIL = re.compile(r"vc|testmode|customeracquisition|p[0-9]+|bd\[.*\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Counts; all but the first two are zero when everything is as it should be."""

    orders: int
    """Orders to report; the same reference in two partitions is one order."""
    requests: int
    lost: int
    """Orders without a request."""
    sent_twice: int
    """Requests beyond the first of each order."""
    unexpected: int
    """Requests for no order that is to be reported."""
    wrong_channel: int
    wrong_awc: int
    wrong_amount: int
    """Requests whose amount, currency or parts differ."""
    wrong_details: int
    """Requests whose voucher, custom parameters, product rows, customer type or test flag differ."""

    def is_clean(self) -> bool:
        """Was every order reported once, and as it should be?"""
        wrong = (self.wrong_channel, self.wrong_awc, self.wrong_amount, self.wrong_details)
        return not any((self.lost, self.sent_twice, self.unexpected, *wrong))


class Differences(NamedTuple):
    """In what a request differs from an order."""

    channel: bool
    awc: bool
    amount: bool
    details: bool


def compare(expected: Iterable[Expected], requests: Iterable[Mapping[str, str]]) -> Comparison:
    """Count what is missing, repeated and wrong.

    Args:
        expected: every ending; those that are no conversion are passed over.
        requests: the decoded query parameters of each ``sread.php`` request, repeats included, in any order.
    """
    orders: dict[tuple[str, str], list[Expected]] = defaultdict(list)
    for ending in expected:
        if ending.ending == "conversion":
            orders[ending.programme, ending.order_ref].append(ending)
    received: dict[tuple[str, str], list[Mapping[str, str]]] = defaultdict(list)
    for request in requests:
        received[request.get("merchant", ""), request.get("ref", "")].append(request)
    differences = [
        nearest(request, orders[key]) for key, repeats in received.items() if key in orders for request in repeats
    ]
    return Comparison(
        orders=len(orders),
        requests=sum(len(repeats) for repeats in received.values()),
        lost=sum(key not in received for key in orders),
        sent_twice=sum(len(repeats) - 1 for key, repeats in received.items() if key in orders),
        unexpected=sum(len(repeats) for key, repeats in received.items() if key not in orders),
        wrong_channel=sum(difference.channel for difference in differences),
        wrong_awc=sum(difference.awc for difference in differences),
        wrong_amount=sum(difference.amount for difference in differences),
        wrong_details=sum(difference.details for difference in differences),
    )


def nearest(request: Mapping[str, str], orders: Iterable[Expected]) -> Differences:
    """Compare with the order that it fits best: of one reference in two partitions, either may have been sent."""
    return min((differences_from(order, request) for order in orders), key=sum)


def differences_from(order: Expected, request: Mapping[str, str]) -> Differences:
    """Compare one request with one order."""
    parts = [(part.code, part.amount) for part in order.parts]
    return Differences(
        channel=request.get("ch", "") != order.channel,
        awc=request.get("cks", "") != ",".join(order.click_checksums),
        amount=decimal_of(request.get("amount", "")) != order.amount
        or request.get("cr", "") != order.currency
        or parts_in(request.get("parts", "")) != parts,
        details=details_in(request) != details_of(order),
    )


def details_of(order: Expected) -> dict[str, str]:
    """What a request says of an order besides value, channel and clicks, where it is short enough for all of it."""
    details = {
        "vc": order.vouchers[0] if order.vouchers else "",
        "testmode": "1" if order.test else "0",
        **{f"p{number}": text for number, text in order.custom.items()},
    }
    if order.customer_acquisition is not None:
        details["customeracquisition"] = order.customer_acquisition
    if "|" not in order.order_ref:
        details |= {f"bd[{number}]": row_of(order, product) for number, product in enumerate(order.products)}
    return details


def details_in(request: Mapping[str, str]) -> dict[str, str]:
    """The same of a request."""
    return {name: text for name, text in request.items() if DETAIL.fullmatch(name)}


def row_of(order: Expected, product: Product) -> str:
    """A product row: ten fields of at most 255 characters, none with a pipe."""
    number, price, quantity = product.product_id, f"{product.unit_price:f}", str(product.quantity)
    texts = (number, product.name, price, quantity, product.sku, product.group, product.category)
    return "|".join(text.replace("|", " ")[:255] for text in ("AW:P", order.programme, order.order_ref, *texts))


def parts_in(text: str) -> list[tuple[str, Decimal | None]]:
    """Read ``CODE:amount|CODE:amount``."""
    parts = []
    for piece in text.split("|"):
        code, _, amount = piece.partition(":")
        parts.append((code, decimal_of(amount)))
    return parts


def decimal_of(text: str) -> Decimal | None:
    """Read a number; ``None`` when it is none."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return None
