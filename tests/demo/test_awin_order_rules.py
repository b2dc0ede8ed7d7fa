"""The stand-in Awin sees every mistake that an order of a call can make, and translates what it says."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import assume, given

from consumer.awin import conversion_api
from consumer.demo.awin import MINOR_DIGITS, Known
from consumer.demo.awin.order_rules import JudgedOrder, judged, orders_in
from consumer.demo.awin.rules import Rules
from consumer.demo.comparison import details_in, parts_in
from consumer.events import Conversion
from tests.awin.sales import conversions, through_the_topic
from tests.demo.awin_order import GOOD, PRODUCT, call, number, order
from tests.demo.awin_request import AWC, CASHBACK_AWC


def read(written: bytes, known: Known | None = None) -> JudgedOrder:
    """Judge the one order of a call of programme 1001."""
    [found], wrong = orders_in(call(written))
    assert wrong == ()
    return judged(found, "1001", Rules(MINOR_DIGITS, known))


def groups(*pairs: tuple[str, str]) -> list[object]:
    """Write commission groups."""
    return [{"code": code, "amount": number(amount)} for code, amount in pairs]


def product(**changes: object) -> list[object]:
    """Write a basket of a good product with some values changed, ``None`` leaving the field out."""
    return [{name: value for name, value in {**PRODUCT, **changes}.items() if value is not None}]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        dict.fromkeys(set(GOOD) - {"orderReference", "amount", "channel", "currency", "commissionGroups"}),
        {"awc": f"{AWC},{CASHBACK_AWC}"},
        {"awc": f"gclid_77_Cj0KCQ-x_y,{CASHBACK_AWC}", "isTest": True},
        {"currency": "JPY", "amount": 5000, "commissionGroups": groups(("A_1.B-2", "5000")), "basket": None},
        {"currency": "KWD", "amount": number("5.000"), "commissionGroups": groups(("A", "5.000")), "basket": None},
        {"amount": number("0.00"), "commissionGroups": groups(("A", "0.00"))},
        {"orderReference": "ש" * 50, "voucher": "50% off, a&b=c#d+e|f;\"'\n"},
        {"custom": {"1": ""}},
        {"basket": product(sku=None, category="", commissionGroupCode=None, quantity=10)},
    ],
)
def test_a_good_order_is_accepted(changes: dict[str, object]) -> None:
    """Everything that AWIN allows passes without a fault."""
    assert read(order(**changes)).faults == ()


@pytest.mark.parametrize(
    ("changes", "field", "what"),
    [
        ({"orderReference": None}, "orderReference", "is missing"),
        ({"channel": None}, "channel", "is missing"),
        ({"orderReference": 10042}, "orderReference", "is not a text"),
        ({"orderReference": ""}, "orderReference", "is empty"),
        ({"orderReference": "x" * 51}, "orderReference", "has not 1 to 50 characters"),
        ({"orderReference": "A\n1"}, "orderReference", "has a control character"),
        ({"amount": "49.99"}, "amount", "is not a number"),
        ({"amount": number("4999e-2")}, "amount", "is not a plain number with the currency's digits"),
        ({"amount": number("49.990")}, "amount", "is not a plain number with the currency's digits"),
        ({"amount": number("-49.99")}, "amount", "is not a plain number with the currency's digits"),
        ({"amount": number("49.98")}, "commissionGroups", "do not add up to the amount"),
        ({"channel": "google ads"}, "channel", "does not match [A-Za-z0-9]{1,20}"),
        ({"currency": "eur"}, "currency", "does not match [A-Z]{3}"),
        ({"currency": "JPY"}, "amount", "is not a plain number with the currency's digits"),
        ({"commissionGroups": []}, "commissionGroups", "is empty"),
        ({"commissionGroups": {}}, "commissionGroups", "is not a list"),
        ({"commissionGroups": ["A:49.99"]}, "commissionGroups", "are not pairs of a code and an amount"),
        ({"commissionGroups": [{"code": "A"}]}, "commissionGroups", "are not pairs of a code and an amount"),
        ({"commissionGroups": [{"code": "A", "amount": "49.99"}]}, "commissionGroups", "are not pairs"),
        ({"commissionGroups": groups(("Default", "49.99"))}, "commissionGroups", "a group does not match"),
        ({"commissionGroups": groups(("A", "49.9"), ("B", "0.09"))}, "commissionGroups", "an amount is not a plain"),
        ({"awc": ""}, "awc", "is empty"),
        ({"awc": [AWC]}, "awc", "is not a text"),
        ({"awc": "1001_1403695822"}, "awc", "is not a click checksum"),
        ({"awc": "1002_1403695822_ffff"}, "awc", "is another merchant's"),
        ({"awc": f"{AWC},{AWC}"}, "awc", "is not one checksum, or two different ones"),
        ({"awc": f"{AWC},gclid_77_Cj0"}, "awc", "has the normal checksum after the strictly necessary one"),
        ({"voucher": ""}, "voucher", "is empty"),
        ({"voucher": "50%25"}, "voucher", "is still percent-encoded after decoding once"),
        ({"isTest": 1}, "isTest", "is not a truth value"),
        ({"isTest": "true"}, "isTest", "is not a truth value"),
        ({"customerAcquisition": "new"}, "customerAcquisition", "does not match NEW|RETURNING"),
        ({"custom": ["x"]}, "custom", "is not an object"),
        ({"custom": {}}, "custom", "is empty"),
        ({"custom": {"p1": "x"}}, "custom", "is not texts by number"),
        ({"custom": {"1": 1}}, "custom", "is not texts by number"),
        ({"transactionTime": "1403700000"}, "transactionTime", "is not a number"),
        ({"transactionTime": 1403700000000}, "transactionTime", "is not in seconds"),
        ({"transactionTime": number("1403700000.0")}, "transactionTime", "is not in seconds"),
        ({"cks": AWC}, "cks", "is not a field"),
        ({"basket": []}, "basket", "is empty"),
        ({"basket": [1]}, "basket", "has a product that lacks a field, or has a strange one"),
        ({"basket": product(price=None)}, "basket", "has a product that lacks a field, or has a strange one"),
        ({"basket": product(colour="red")}, "basket", "has a product that lacks a field, or has a strange one"),
        ({"basket": product(price="40.50")}, "basket", "has a product that lacks a field, or has a strange one"),
        ({"basket": product(price=number("40.5"))}, "basket", "has a price that is not a plain number"),
        ({"basket": product(quantity=0)}, "basket", "has a quantity that is not a whole number above zero"),
        ({"basket": product(quantity=number("1.5"))}, "basket", "has a quantity that is not a whole number above zero"),
        ({"basket": product(name="")}, "basket", "has a product without id or name"),
        ({"basket": product(category="a|b")}, "basket", "has a text with a pipe, or one longer than 255 characters"),
        ({"basket": product(sku="x" * 256)}, "basket", "has a text with a pipe, or one longer than 255 characters"),
        ({"basket": product(commissionGroupCode="Shoes")}, "basket", "has a group that does not match [A-Z0-9_.-]+"),
    ],
)
def test_every_wrong_value_is_seen(changes: dict[str, object], field: str, what: str) -> None:
    """The fault names the order's field, as in Awin's answers, and repeats no checksum."""
    faults = read(order(**changes)).faults
    assert any(name == field and said.startswith(what) for name, said in faults)
    assert AWC not in str(faults)


def test_what_is_no_order_is_seen() -> None:
    """It stays an order that arrived, of which nothing is known."""
    assert read(b'"A-1"') == JudgedOrder({"merchant": "1001"}, (("order", "is not an object"),))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"awc": AWC.lower()}, "awc"),
        ({"amount": number("59.49"), "commissionGroups": groups(("A", "59.49"))}, "amount"),
        ({"orderReference": "4711"}, "orderReference"),
    ],
)
def test_well_formed_but_wrong_values_are_seen_by_who_knows(changes: dict[str, object], field: str) -> None:
    """As for sread: what only the shop's orders and the clicks given out can show."""
    known = Known({"A-1 & <ü>": Decimal("49.99")}, {AWC})
    assert read(order(), known).faults == ()
    assert [name for name, _ in read(order(**changes), known).faults] == [field]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b'{"orders":{}}',
        b'{"orders":[{}],"more":1}',
        b'{"orders":[{"awc":"a","awc":"a"}]}',
        b'{"orders":[NaN]}',
        b'{"orders":["\xff"]}',
        b'\xef\xbb\xbf{"orders":[{}]}',
        b'{"orders":' + b"[" * 100_000,
    ],
)
def test_a_body_that_is_no_call_is_seen(body: bytes) -> None:
    """It holds no orders at all."""
    orders, wrong = orders_in(body)
    assert (list(orders), len(wrong)) == ([], 1)


@pytest.mark.parametrize("count", [0, 1_001])
def test_a_call_of_too_many_orders_is_seen(count: int) -> None:
    """Or of none; its orders did arrive."""
    orders, wrong = orders_in(call(*[b"{}"] * count))
    assert (len(orders), wrong) == (count, ("orders: are not 1 to 1000",))
    assert orders_in(call(*[b"{}"] * 1_000))[1] == ()


def test_an_order_is_told_in_the_words_of_sread() -> None:
    """One comparison fits both methods."""
    assert read(order()).parameters == {
        "merchant": "1001",
        "amount": "49.99",
        "ch": "aw",
        "parts": "SHOES:40.50|DEFAULT:9.49",
        "vc": "50% off",
        "cr": "EUR",
        "ref": "A-1 & <ü>",
        "testmode": "0",
        "cks": AWC,
        "customeracquisition": "NEW",
        "p1": "awin-s2s-consumer 1.0",
        "p20": "👩🏽",
        "bd[0]": "AW:P|1001|A-1 & <ü>|42|Boot <ü>|40.50|1|S|SHOES|Winter",
    }
    assert read(order(voucher=None, isTest=None, awc=None)).parameters.keys() >= {"vc", "testmode"}


@given(conversions())
def test_nothing_is_wrong_with_any_order_of_ours(conversion: Conversion) -> None:
    """The strict reader, which shares no code with the encoder, has no objection, and reads back what was said."""
    found = read(conversion_api.order(through_the_topic(conversion), transaction_time=True))
    assume(not any("still percent-encoded" in what for _, what in found.faults))
    assert found.faults == ()
    said = found.parameters
    assert (said["merchant"], said["ref"], said["ch"]) == ("1001", conversion.order_ref, conversion.channel)
    assert (Decimal(said["amount"]), said["cr"]) == (conversion.amount, conversion.currency)
    assert parts_in(said["parts"]) == [(part.code, part.amount) for part in conversion.parts]
    assert said.get("cks", "") == ",".join(conversion.click_checksums)
    details = {name: text for name, text in details_in(said).items() if not name.startswith("bd")}
    assert details == {
        "vc": next(iter(conversion.vouchers), ""),
        "testmode": str(int(conversion.test)),
        **({"customeracquisition": conversion.customer_acquisition} if conversion.customer_acquisition else {}),
        **{f"p{name}": text for name, text in conversion.custom.items()},
    }
