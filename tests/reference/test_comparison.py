"""What Awin received, held against what it should have heard of."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest
from msgspec.structs import replace

from consumer.demo.comparison import Comparison, compare
from consumer.demo.reference import Expected, expect
from tests.reference.cases import RULES, awc, by, landing, line, log, ordered

R1 = {
    "merchant": "1001",
    "ref": "R1",
    "amount": "100.00",
    "cr": "EUR",
    "ch": "aw",
    "parts": "A:60.00|B:40.00",
    "cks": f"{awc(-2)},{awc(-4)}",
    "vc": "SAVE10",
    "testmode": "0",
    "customeracquisition": "NEW",
    "p1": "sender-1.0",
    "p2": "x",
    "bd[0]": "AW:P|1001|R1|p|Boot & more|60.00|1||A|shoes",
    "bd[1]": "AW:P|1001|R1|p||40.00|1||B|",
}
R2 = {
    "merchant": "1001",
    "ref": "R2",
    "amount": "5.00",
    "cr": "EUR",
    "ch": "aw",
    "parts": "DEFAULT:5.00",
    "vc": "",
    "testmode": "0",
    "p1": "sender-1.0",
}


def expected() -> list[Expected]:
    """Two conversions and a duplicate."""
    sessions = log(landing(-1, by(awc(-2))), landing(-3, by(awc(-4), "&sn=1")))
    orders = [
        ordered(
            lines=(line("60", "A", name="Boot & more", category="shoes"), line("40", "B")),
            voucher_codes=("SAVE10", "B"),
            customer_type="NEW",
            custom={"2": "x"},
        ),
        ordered(offset=1, order_ref="R2", visitor_id=None, subtotal=Decimal(5)),
        ordered(offset=2, order_ref="R2", visitor_id=None, subtotal=Decimal(5)),
    ]
    return list(expect(sessions, orders, replace(RULES, products=True)).values())


def summary(**counts: int) -> Comparison:
    """A comparison of two orders and two requests with nothing wrong, but for ``counts``."""
    wrong = ("wrong_channel", "wrong_awc", "wrong_amount", "wrong_details")
    nothing = dict.fromkeys(("lost", "sent_twice", "unexpected", *wrong), 0)
    return Comparison(**{"orders": 2, "requests": 2, **nothing, **counts})


def test_all_is_well() -> None:
    """Every order once, and right: nothing is counted against it."""
    found = compare(expected(), [R2, R1])
    assert found == summary()
    assert found.is_clean()


@pytest.mark.parametrize(
    ("requests", "counts"),
    [
        pytest.param([R1], {"requests": 1, "lost": 1}, id="lost"),
        pytest.param([], {"requests": 0, "lost": 2}, id="all lost"),
        pytest.param([R1, R2, R1, R1], {"requests": 4, "sent_twice": 2}, id="sent twice"),
        pytest.param([R1, R2, {**R1, "ref": "R9"}], {"requests": 3, "unexpected": 1}, id="unknown reference"),
        pytest.param([R1, R2, {**R1, "merchant": "7"}], {"requests": 3, "unexpected": 1}, id="other programme"),
        pytest.param([R1, {**R2, "ch": "na"}], {"wrong_channel": 1}, id="wrong channel"),
        pytest.param([{**R1, "cks": awc(-2)}, R2], {"wrong_awc": 1}, id="a checksum missing"),
        pytest.param([R1, {**R2, "cks": awc(-2)}], {"wrong_awc": 1}, id="a checksum too many"),
        pytest.param([R1, {**R2, "amount": "5.01"}], {"wrong_amount": 1}, id="wrong amount"),
        pytest.param([R1, {**R2, "amount": "5,00"}], {"wrong_amount": 1}, id="amount that is no number"),
        pytest.param([R1, {**R2, "cr": "GBP"}], {"wrong_amount": 1}, id="wrong currency"),
        pytest.param([{**R1, "parts": "A:60.00|B:39.00"}, R2], {"wrong_amount": 1}, id="wrong parts"),
        pytest.param([{**R1, "parts": ""}, R2], {"wrong_amount": 1}, id="no parts"),
        pytest.param([{**R1, "vc": "B"}, R2], {"wrong_details": 1}, id="another voucher"),
        pytest.param([{**R1, "testmode": "1"}, R2], {"wrong_details": 1}, id="a test"),
        pytest.param([R1, {**R2, "customeracquisition": "NEW"}], {"wrong_details": 1}, id="a customer type"),
        pytest.param([{**R1, "p2": "y"}, R2], {"wrong_details": 1}, id="another custom parameter"),
        pytest.param([{**R1, "p3": ""}, R2], {"wrong_details": 1}, id="a custom parameter too many"),
        pytest.param([{**R1, "bd[1]": R1["bd[0]"]}, R2], {"wrong_details": 1}, id="another row"),
        pytest.param([R1, {**R2, "bd[0]": "x"}], {"wrong_details": 1}, id="a row too many"),
    ],
)
def test_faults_are_counted(requests: list[Mapping[str, str]], counts: dict[str, int]) -> None:
    """Each kind of fault has its count."""
    found = compare(expected(), requests)
    assert found == summary(**counts)
    assert not found.is_clean()


def test_an_order_in_two_partitions_is_one() -> None:
    """Of one reference in two partitions either may be sent, but only one."""
    sessions = log(landing(-1, by(awc(-2)), visitor="bob", partition=1))
    orders = [ordered(), ordered(partition=1, visitor_id="bob")]
    both = list(expect(sessions, orders, RULES).values())
    by_ann = {**R2, "ref": "R1", "amount": "100.00", "parts": "DEFAULT:100.00", "cks": ""}
    by_bob = {**by_ann, "cks": awc(-2)}
    assert compare(both, [by_ann]).is_clean()
    assert compare(both, [by_bob]).is_clean()
    assert compare(both, [by_ann, by_bob]) == summary(orders=1, sent_twice=1)


def test_rows_hold_no_pipe() -> None:
    """A pipe in a text is told as a space, a long text is cut, and an order whose reference has one has no rows."""
    named = line("5", "A", name="a|b" * 100)
    orders = [ordered(order_ref=ref, subtotal=Decimal(5), lines=(named,)) for ref in ("R2", "R|2")]
    rules = replace(RULES, products=True)
    row = f"AW:P|1001|R2|p|{('a b' * 100)[:255]}|5.00|1||A|"
    told = [{**R2, "parts": "A:5.00", "bd[0]": row}, {**R2, "ref": "R|2", "parts": "A:5.00"}]
    for order, request in zip(orders, told, strict=True):
        assert compare(expect([], [order], rules).values(), [request]).is_clean()
