"""An order of a Conversion API call that Awin would accept, to be changed for the worse."""

from __future__ import annotations

import msgspec

from tests.demo.awin_request import AWC


def number(text: str) -> msgspec.Raw:
    """Return a JSON number that is written exactly so."""
    return msgspec.Raw(text.encode())


PRODUCT: dict[str, object] = {
    "id": "42",
    "name": "Boot <ü>",
    "price": number("40.50"),
    "quantity": 1,
    "sku": "S",
    "category": "Winter",
    "commissionGroupCode": "SHOES",
}
GOOD: dict[str, object] = {
    "orderReference": "A-1 & <ü>",
    "amount": number("49.99"),
    "channel": "aw",
    "currency": "EUR",
    "commissionGroups": [
        {"code": "SHOES", "amount": number("40.50")},
        {"code": "DEFAULT", "amount": number("9.49")},
    ],
    "isTest": False,
    "awc": AWC,
    "voucher": "50% off",
    "customerAcquisition": "NEW",
    "custom": {"1": "awin-s2s-consumer 1.0", "20": "👩🏽"},
    "basket": [PRODUCT],
    "transactionTime": 1403700000,
}


def order(**changes: object) -> bytes:
    """Write a good order with some values changed, ``None`` leaving the field out."""
    return msgspec.json.encode({name: value for name, value in {**GOOD, **changes}.items() if value is not None})


def call(*orders: bytes) -> bytes:
    """Write the body of a call."""
    return b'{"orders":[' + b",".join(orders) + b"]}"
