"""The Conversion API: ``POST https://api.awin.com/s2s/advertiser/{advertiserId}/orders``, up to 1,000 orders a call.

Source: AWIN.md 6. Awin documents the request; where it is silent an order is written so that no detail can cost a sale.
Answers are read in `consumer.awin.batch_answer`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from urllib.parse import quote

import msgspec
from msgspec import Struct

from consumer.awin import wording
from consumer.awin.batch_answer import BatchAnswer, OrderAnswer, read
from consumer.awin.http import HttpRequest
from consumer.events import Conversion, CustomerType

__all__ = ["ENDPOINT", "MAX_ANSWER_BYTES", "MAX_ORDERS", "BatchAnswer", "OrderAnswer", "order", "read", "request"]

ENDPOINT = "https://api.awin.com/s2s/advertiser"
"""What a programme's id and ``/orders`` follow."""
MAX_ORDERS = 1_000
"""Orders in one call, says Awin."""
MAX_ANSWER_BYTES = 4 * 1_048_576
"""The most that is read of an answer beyond the size of its request, since it may repeat all orders and say why each
failed: 4 KiB for each of 1,000."""

_encode = msgspec.json.Encoder(decimal_format="number").encode


def order(conversion: Conversion, *, transaction_time: bool = False) -> bytes:
    """Write one order as JSON; amounts are numbers with exactly their currency's minor digits.

    Vouchers beyond the first stay unsaid, as with sread. Fields that the conversion has no value for are left out, not
    empty: a checksum, voucher or customer type that is there must be a valid one. A product's texts are cleaned as in a
    row of sread; without a name it goes by its id, and without an id it is left out, since Awin demands both and would
    refuse the sale for it.

    Args:
        conversion: the sale.
        transaction_time: tell when the order was completed; Awin must have activated that for the programme.

    Raises:
        Unreportable: ``negative_amount``, or ``bad_amount`` for one that the currency's minor digits cannot express.
    """
    return _encode(
        _Order(
            order_reference=conversion.order_ref,
            amount=_amount(conversion.amount, conversion, "amount"),
            channel=conversion.channel,
            currency=conversion.currency,
            commission_groups=[
                _Group(part.code, _amount(part.amount, conversion, "parts")) for part in conversion.parts
            ],
            is_test=wording.is_test(conversion),
            awc=",".join(conversion.click_checksums),
            voucher=wording.voucher(conversion),
            customer_acquisition=conversion.customer_acquisition,
            custom=dict(wording.custom(conversion)),
            basket=list(_basket(conversion)),
            transaction_time=conversion.completed_at_ms // 1000 if transaction_time else None,
        )
    )


def request(programme: str, orders: Sequence[bytes], key: str, endpoint: str = ENDPOINT) -> HttpRequest:
    """Return the call that reports orders, each as `order` wrote it.

    Args:
        programme: the advertiser's id.
        orders: 1 to `MAX_ORDERS` of them, all of this programme.
        key: the API key, in characters that a header can carry.
        endpoint: where the API is: all of the address that comes before the programme's id.

    Raises:
        ValueError: there are none or too many.
    """
    if not 1 <= len(orders) <= MAX_ORDERS:
        raise ValueError(f"a call has 1 to {MAX_ORDERS} orders, not {len(orders)}")
    body = b'{"orders":[' + b",".join(orders) + b"]}"
    return HttpRequest(
        url=f"{endpoint}/{quote(programme, safe='')}/orders",
        verb="POST",
        headers=(("x-api-key", key), ("Content-Type", "application/json")),
        body=body,
        max_answer_bytes=MAX_ANSWER_BYTES + len(body),
    )


class _Group(Struct):
    code: str
    amount: Decimal


class _Product(Struct, omit_defaults=True, rename="camel"):
    id: str
    name: str
    price: Decimal
    quantity: int
    sku: str = ""
    category: str = ""
    commission_group_code: str = ""


class _Order(Struct, kw_only=True, omit_defaults=True, rename="camel"):
    order_reference: str
    amount: Decimal
    channel: str
    currency: str
    commission_groups: list[_Group]
    is_test: bool
    awc: str = ""
    voucher: str = ""
    customer_acquisition: CustomerType | None = None
    custom: dict[str, str] = {}
    basket: list[_Product] = []
    transaction_time: int | None = None


def _basket(conversion: Conversion) -> Iterator[_Product]:
    for product in conversion.products:
        texts = (product.product_id, product.name, product.sku, product.category)
        product_id, name, sku, category = map(wording.product_text, texts)
        if product_id.strip():
            yield _Product(
                id=product_id,
                name=name if name.strip() else product_id,
                price=_amount(product.unit_price, conversion, "products"),
                quantity=product.quantity,
                sku=sku,
                category=category,
                commission_group_code=product.group,
            )


def _amount(value: Decimal, conversion: Conversion, field: str) -> Decimal:
    return Decimal(wording.amount(value, conversion.currency, field))
