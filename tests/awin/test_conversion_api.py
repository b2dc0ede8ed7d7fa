"""The Conversion API's call says what the conversions say, as exact JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from consumer.awin import conversion_api
from consumer.errors import Unreportable
from consumer.events import Conversion, Part, Product
from tests.awin.sales import AWC, CASHBACK_AWC, SALE, conversions, through_the_topic

KEY = "3f0c9b1e-key"
SHOE = Product(
    product_id="P1",
    name="Shoe 42",
    unit_price=Decimal("19.9900"),
    quantity=2,
    sku="S-42",
    group="SHOES",
    category="shoes & more",
)


def decoded(order: bytes) -> Any:  # noqa: ANN401  # it is whatever was written
    """Read an order back with the standard library, numbers as they were written."""
    return json.loads(order, parse_float=Decimal)


def call(orders: Sequence[bytes]) -> Any:  # noqa: ANN401  # as `decoded`
    """Read the orders of a call's body back."""
    body = decoded(conversion_api.request("1001", orders, KEY).body)
    assert list(body) == ["orders"]
    return body["orders"]


def test_an_order_comes_out_field_for_field() -> None:
    """A plain sale by an Awin click says what the API documents, in its names, and nothing that it has no value for."""
    assert conversion_api.order(SALE) == (
        b'{"orderReference":"A-10042","amount":49.99,"channel":"aw","currency":"EUR",'
        b'"commissionGroups":[{"code":"DEFAULT","amount":49.99}],"isTest":false,'
        b'"awc":"1001_1403695822_a430d81e22c9e8687f423efcf024fbaa","voucher":"WELCOME10"}'
    )


def test_an_order_says_everything_that_is_known() -> None:
    """Both checksums, the first voucher, customer type, custom parameters, products, and when asked for the time."""
    conversion = replace(
        SALE,
        click_checksums=(AWC, CASHBACK_AWC),
        vouchers=("A", "B"),
        customer_acquisition="NEW",
        custom={"1": "us", "10": "x"},
        products=(SHOE,),
        test=True,
        completed_at_ms=1403700000999,
    )
    assert decoded(conversion_api.order(conversion, transaction_time=True)) == {
        "orderReference": "A-10042",
        "amount": Decimal("49.99"),
        "channel": "aw",
        "currency": "EUR",
        "commissionGroups": [{"code": "DEFAULT", "amount": Decimal("49.99")}],
        "isTest": True,
        "awc": f"{AWC},{CASHBACK_AWC}",
        "voucher": "A",
        "customerAcquisition": "NEW",
        "custom": {"1": "us", "10": "x"},
        "basket": [
            {
                "id": "P1",
                "name": "Shoe 42",
                "price": Decimal("19.99"),
                "quantity": 2,
                "sku": "S-42",
                "category": "shoes & more",
                "commissionGroupCode": "SHOES",
            }
        ],
        "transactionTime": 1403700000,
    }


def test_test_mode_marks_every_order() -> None:
    """As with sread, a programme in test mode books nothing."""
    assert decoded(conversion_api.order(replace(SALE, mode="test")))["isTest"] is True


@pytest.mark.parametrize(
    ("currency", "amount", "written"),
    [
        ("EUR", "1E+3", b"1000.00"),
        ("EUR", "0E-8", b"0.00"),
        ("EUR", "-0.00", b"0.00"),
        ("EUR", "189.0000", b"189.00"),
        ("EUR", "12345678901234567890123456789012.34", b"12345678901234567890123456789012.34"),
        ("JPY", "319.0000", b"319"),
        ("KWD", "319", b"319.000"),
        ("KWD", "0.001", b"0.001"),
    ],
)
def test_amounts_are_numbers_with_their_currencys_digits(currency: str, amount: str, written: bytes) -> None:
    """No exponent, no sign of a zero, no binary fraction, no digits that only the topic's scale added."""
    value = Decimal(amount)
    conversion = replace(
        SALE,
        currency=currency,
        amount=value,
        parts=(Part("A", value),),
        products=(replace(SHOE, unit_price=value),),
    )
    order = conversion_api.order(conversion)
    assert b'"amount":%b,' % written in order
    assert b'{"code":"A","amount":%b}' % written in order
    assert b'"price":%b,' % written in order


@pytest.mark.parametrize("field", ["amount", "parts", "products"])
@pytest.mark.parametrize(("amount", "reason"), [("1.001", "bad_amount"), ("-1", "negative_amount")])
def test_an_amount_that_cannot_be_told_is_refused(field: str, amount: str, reason: str) -> None:
    """Nothing is rounded or made positive here: it names the field, as with sread."""
    bad = Decimal(amount)
    wrong = {
        "amount": replace(SALE, amount=bad),
        "parts": replace(SALE, parts=(Part("A", bad),)),
        "products": replace(SALE, products=(replace(SHOE, unit_price=bad),)),
    }
    with pytest.raises(Unreportable) as caught:
        conversion_api.order(wrong[field])
    assert (caught.value.reason, caught.value.field) == (reason, field)


def test_a_products_texts_are_cleaned() -> None:
    """No pipe, at most 255 characters; what is empty is left out."""
    product = replace(SHOE, product_id="P|1", name="Shoe | " + "x" * 300, sku="", category="")
    [row] = decoded(conversion_api.order(replace(SALE, products=(product,))))["basket"]
    assert row == {
        "id": "P 1",
        "name": ("Shoe   " + "x" * 300)[:255],
        "price": Decimal("19.99"),
        "quantity": 2,
        "commissionGroupCode": "SHOES",
    }


def test_no_product_costs_its_sale() -> None:
    """A product without a name goes by its id; one without an id is left out, and with it an empty basket."""
    nameless, unknown = replace(SHOE, name=" "), replace(SHOE, product_id="|")
    [row] = decoded(conversion_api.order(replace(SALE, products=(unknown, nameless))))["basket"]
    assert (row["id"], row["name"]) == ("P1", "P1")
    assert "basket" not in decoded(conversion_api.order(replace(SALE, products=(unknown,))))


def test_a_call_goes_to_its_programme_with_its_key() -> None:
    """The address names the programme, the key is a header, and a stand-in's address can take the place of Awin's."""
    request = conversion_api.request("1001", [conversion_api.order(SALE)], KEY)
    assert (request.verb, request.url) == ("POST", "https://api.awin.com/s2s/advertiser/1001/orders")
    assert request.headers == (("x-api-key", KEY), ("Content-Type", "application/json"))
    elsewhere = conversion_api.request("1001", [b"{}"], KEY, "http://127.0.0.1:9/s2s/advertiser")
    assert elsewhere.url == "http://127.0.0.1:9/s2s/advertiser/1001/orders"


def test_a_call_takes_as_many_orders_as_awin_does() -> None:
    """One to a thousand; its answer may repeat all of them and say 4 KiB about each."""
    order = conversion_api.order(SALE)
    request = conversion_api.request("1001", [order] * 1_000, KEY)
    assert len(call([order] * 1_000)) == conversion_api.MAX_ORDERS == 1_000
    assert request.max_answer_bytes > 1_000 * (len(order) + 4_096)
    for count in (0, 1_001):
        with pytest.raises(ValueError, match=f"1 to 1000 orders, not {count}"):
            conversion_api.request("1001", [order] * count, KEY)


@given(st.lists(conversions(), min_size=1, max_size=4))
def test_any_call_decodes_to_what_the_conversions_say(sales: list[Conversion]) -> None:
    """Whatever characters a shop uses, reading the JSON gives its own values back, in order."""
    for conversion, said in zip(sales, call([conversion_api.order(sale) for sale in sales]), strict=True):
        assert said["orderReference"] == conversion.order_ref
        assert Decimal(said["amount"]) == conversion.amount
        assert (said["channel"], said["currency"]) == (conversion.channel, conversion.currency)
        assert [(group["code"], Decimal(group["amount"])) for group in said["commissionGroups"]] == [
            (part.code, part.amount) for part in conversion.parts
        ]
        assert tuple(said["awc"].split(",") if "awc" in said else ()) == conversion.click_checksums
        assert said.get("voucher", "") == next(iter(conversion.vouchers), "")
        assert said["isTest"] is conversion.test
        assert said.get("customerAcquisition") == conversion.customer_acquisition
        assert said.get("custom", {}) == conversion.custom
        assert "transactionTime" not in said
        rows = [(row["id"], Decimal(row["price"]), row["quantity"]) for row in said.get("basket", [])]
        assert rows == [
            (_cleaned(product.product_id), product.unit_price, product.quantity)
            for product in conversion.products
            if _cleaned(product.product_id).strip()
        ]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_travels_unchanged(text: str) -> None:
    """Control characters, quotes, right-to-left marks and characters beyond the basic plane included."""
    said = decoded(conversion_api.order(replace(SALE, vouchers=(text or "-",), custom={"2": text})))
    assert (said["voucher"], said["custom"]) == (text or "-", {"2": text})


@given(conversions())
def test_an_order_is_the_same_after_its_topic(conversion: Conversion) -> None:
    """An unknown batch is sent again byte for byte, even by another instance that read it from the topic."""
    assert conversion_api.order(through_the_topic(conversion)) == conversion_api.order(conversion)


def _cleaned(text: str) -> str:
    """What a product may say of a text."""
    return text.replace("|", " ")[:255]
