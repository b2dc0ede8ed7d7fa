"""What can be reported, and the record that says it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from consumer.attribution.conversion import build, check, fingerprint
from consumer.attribution.lastclick import Attribution, decide
from consumer.attribution.rules import Rules
from consumer.errors import Reject, Unreportable
from consumer.events import Conversion, Mode, OrderCompleted, OrderLine, Part, Position

RULES = Rules(advertiser_id="1001", sender="awin-s2s-consumer/1.2.3")
SOURCE = Position("order.completed", 3, 42)
ENTERED_MS = 1_700_000_000_500
CLICKED = Attribution("aw", "last_click", ("1001_1700000000_a",), ())


def order(**fields: Any) -> OrderCompleted:
    """Make an order that can be reported."""
    said: dict[str, Any] = {
        "order_id": "internal-1",
        "order_ref": "R-1",
        "completed_at_ms": 1_700_000_000_000,
        "currency": "EUR",
        "subtotal": Decimal("30.00"),
        "visitor_id": "v",
    }
    return OrderCompleted(**(said | fields))


def line(amount: str, group: str | None = None, **fields: Any) -> OrderLine:
    """Make a line with this total."""
    said: dict[str, Any] = {
        "product_id": "P",
        "unit_price": Decimal(amount),
        "quantity": 1,
        "amount": Decimal(amount),
        "commission_group": group,
    }
    return OrderLine(**(said | fields))


def built(said: OrderCompleted, rules: Rules = RULES, cut: int | None = None) -> Conversion:
    """Check and build."""
    check(said, rules)
    return build(said, fingerprint(said), CLICKED, rules, SOURCE, cut, entered_at_ms=ENTERED_MS)


def parts(said: OrderCompleted) -> list[tuple[str, str]]:
    """Return the parts of an order's conversion as text."""
    return [(part.code, str(part.amount)) for part in built(said).parts]


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"order_ref": ""}, "order_ref_empty", "order_ref"),
        ({"order_ref": "x" * 51}, "order_ref_too_long", "order_ref"),
        ({"order_ref": "a\nb"}, "order_ref_bad", "order_ref"),
        ({"order_ref": "a\x7f"}, "order_ref_bad", "order_ref"),
        ({"order_ref": "a\x85"}, "order_ref_bad", "order_ref"),
        ({"order_ref": "a\ud800"}, "order_ref_bad", "order_ref"),
        ({"currency": ""}, "bad_currency", "currency"),
        ({"currency": "eur"}, "bad_currency", "currency"),
        ({"currency": "EURO"}, "bad_currency", "currency"),
        ({"currency": "EUR\n"}, "bad_currency", "currency"),
        ({"currency": "ÄÖÜ"}, "bad_currency", "currency"),
        ({"subtotal": Decimal("NaN")}, "bad_amount", "subtotal"),
        ({"subtotal": Decimal("sNaN")}, "bad_amount", "subtotal"),
        ({"subtotal": Decimal("Infinity")}, "bad_amount", "subtotal"),
        ({"subtotal": Decimal("-Infinity")}, "bad_amount", "subtotal"),
        ({"subtotal": Decimal("1E+14")}, "bad_amount", "subtotal"),
        ({"subtotal": Decimal("-0.01")}, "negative_amount", "subtotal"),
        ({"subtotal": Decimal("-0.0001")}, "negative_amount", "subtotal"),
        ({"lines": (line("NaN"),)}, "bad_amount", "lines"),
        ({"lines": (line("30", unit_price=Decimal("Infinity")),)}, "bad_amount", "lines"),
        ({"lines": (line("30", "shoes"),)}, "bad_commission_group", "lines"),
        ({"lines": (line("30", "A:B"),)}, "bad_commission_group", "lines"),
        ({"lines": (line("30", "Ä"),)}, "bad_commission_group", "lines"),
        ({"lines": (line("30", "A\n"),)}, "bad_commission_group", "lines"),
        ({"channel": ""}, "bad_channel", "channel"),
        ({"channel": "x" * 21}, "bad_channel", "channel"),
        ({"channel": "paid social"}, "bad_channel", "channel"),
        ({"channel": "é"}, "bad_channel", "channel"),
        ({"channel": "tv\n"}, "bad_channel", "channel"),
        ({"visitor_id": "v" * 1001}, "visitor_id_too_long", "visitor_id"),
    ],
)
def test_what_cannot_be_reported(fields: dict[str, Any], reason: str, field: str) -> None:
    """What cannot be said to Awin is refused when it is read, with a fixed reason and the field at fault."""
    with pytest.raises(Reject) as caught:
        check(order(**fields), RULES)
    assert (caught.value.reason, caught.value.field) == (reason, field)
    assert caught.value.message


@pytest.mark.parametrize(
    "fields",
    [
        {"order_ref": "x" * 50},
        {"order_ref": "№ 1 | ä/b?c"},
        {"subtotal": Decimal("-0.00")},
        {"subtotal": Decimal("99999999999999.99")},
        {"currency": "XXX"},
        {"channel": "A1" * 10},
        {"awc": "2002_1700000000_a"},
        {"awc": "gclid_7_a-b_c"},
        {"lines": (line("31.5"), line("-1.5"))},
        {"lines": (line("30.000000", "A-b".upper()), line("0", "_.-9"))},
        {"visitor_id": "v" * 1000},
        {"custom": {"source": "x"}},
    ],
)
def test_what_can_be_reported(fields: dict[str, Any]) -> None:
    """Limits themselves are within the limits, and discounts may be lines of their own."""
    assert built(order(**fields)).order_ref == order(**fields).order_ref


def test_what_is_no_checksum_is_ignored_and_noted() -> None:
    """The sale is reported all the same; what the order carried is not repeated anywhere."""
    for awc in ("x", "1001_1700000000_a,1001_1700000000_b", "{{awc}}"):
        said = order(awc=awc)
        check(said, RULES)
        attribution = replace(decide(said, [], RULES), forgotten=True)
        conversion = build(said, b"", attribution, RULES, SOURCE, None, entered_at_ms=ENTERED_MS)
        assert conversion.notes == ("malformed_awc", "forgotten")
        assert (conversion.click_checksums, conversion.evidence) == ((), ())


def test_order_without_lines_is_one_default_part() -> None:
    """Without lines the whole amount is of the default group."""
    assert parts(order(subtotal=Decimal("29.995"))) == [("DEFAULT", "30.00")]


def test_lines_go_to_their_groups_in_the_order_of_first_lines() -> None:
    """Lines that name no group go to the default group."""
    lines = (line("10", "B"), line("5"), line("4", "B"), line("3"), line("8", "DEFAULT"), line("0", "A"))
    assert parts(order(lines=lines)) == [("B", "14.00"), ("DEFAULT", "16.00"), ("A", "0.00")]


def test_fractions_of_minor_units_go_to_the_largest_rest() -> None:
    """Parts have minor digits and add up to the amount."""
    lines = (line("9.994", "A"), line("9.998", "B"), line("10.008", "C"))
    assert parts(order(lines=lines)) == [("A", "9.99"), ("B", "10.00"), ("C", "10.01")]


def test_amount_has_the_digits_of_its_currency() -> None:
    """A yen amount has no decimals and a dinar amount three."""
    assert str(built(order(currency="JPY", subtotal=Decimal("1999.5"))).amount) == "2000"
    assert str(built(order(currency="KWD", subtotal=Decimal("1.5"))).amount) == "1.500"


def test_conversion_says_everything() -> None:
    """Order, decision and settings meet in one record."""
    said = order(
        voucher_codes=("", "SPRING", "", "VIP"),
        customer_type="NEW",
        custom={"1": "shop", "2": "app"},
        lines=(line("30", "SHOES"),),
    )
    rules = replace(RULES, method="conversion_api", mode="live")
    assert built(said, rules, cut=77) == Conversion(
        programme="1001",
        order_ref="R-1",
        order_id="internal-1",
        method="conversion_api",
        mode="live",
        amount=Decimal("30.00"),
        currency="EUR",
        channel="aw",
        parts=(Part("SHOES", Decimal("30.00")),),
        vouchers=("SPRING", "VIP"),
        click_checksums=("1001_1700000000_a",),
        customer_acquisition="NEW",
        custom={"1": "awin-s2s-consumer/1.2.3", "2": "app"},
        test=False,
        completed_at_ms=1_700_000_000_000,
        entered_at_ms=ENTERED_MS,
        decidable_at_ms=1_700_000_010_000,
        reason="last_click",
        session_cut=77,
        evidence=(),
        fingerprint=fingerprint(said),
        source=SOURCE,
    )


@pytest.mark.parametrize("visitor_id", [None, ""])
def test_order_without_visitor_was_decidable_at_once(visitor_id: str | None) -> None:
    """Nothing needs to be waited for when there is no visitor."""
    assert built(order(visitor_id=visitor_id)).decidable_at_ms == 1_700_000_000_000


def test_custom_parameters_have_whole_numbers_from_two() -> None:
    """The order's own parameters travel by their numbers, the sender's is 1, and other names are ignored."""
    names = ("1", "2", "3", "10", "17", "", "0", "02", "-2", "2.5", "+2", " 2", "2\n", "٢", "²", "source")
    custom = built(order(custom={name: f"of {name}" for name in names})).custom
    assert custom == {"1": RULES.sender, "2": "of 2", "3": "of 3", "10": "of 10", "17": "of 17"}


@pytest.mark.parametrize(
    ("flag", "mode", "expected"),
    [(False, "live", False), (True, "live", True), (False, "test", True), (False, "shadow", False)],
)
def test_test_flag(*, flag: bool, mode: Mode, expected: bool) -> None:
    """A test order says so, and in test mode every order does."""
    assert built(order(test=flag), replace(RULES, mode=mode)).test is expected


LINES = (line("10", "A", sku="1"), line("20", None, name="x"))


@pytest.mark.parametrize(
    "fields",
    [
        {"subtotal": Decimal("30.000")},
        {"subtotal": Decimal("3E+1")},
        {"lines": (line("10.0", "A", sku="1"), line("2E+1", None, name="x"))},
        {"order_id": "other", "completed_at_ms": 0, "voucher_codes": ("x",), "channel": "tv", "custom": {"2": "x"}},
    ],
)
def test_same_sale_has_the_same_fingerprint(fields: dict[str, Any]) -> None:
    """Numbers count by value, and nothing but subtotal, currency and lines counts."""
    assert fingerprint(order(**({"lines": LINES} | fields))) == fingerprint(order(lines=LINES))


@pytest.mark.parametrize(
    "fields",
    [
        {"subtotal": Decimal("30.01")},
        {"currency": "USD"},
        {"lines": ()},
        {"lines": LINES[::-1]},
        {"lines": (line("10", "A", name="1"), LINES[1])},
        {"lines": (line("10", "A", sku="1", quantity=2), LINES[1])},
        {"lines": (line("10", "A", sku="1", unit_price=Decimal("10.01")), LINES[1])},
        {"lines": (LINES[0], line("20", "", name="x"))},
        {"lines": (LINES[0], line("20", "DEFAULT", name="x"))},
        {"lines": (LINES[0], line("20", None, name="x", category=""))},
    ],
)
def test_another_sale_has_another_fingerprint(fields: dict[str, Any]) -> None:
    """Any other subtotal, currency or line makes another fingerprint; absent is not empty."""
    assert fingerprint(order(**({"lines": LINES} | fields))) != fingerprint(order(lines=LINES))


def test_fingerprint_never_changes() -> None:
    """State keeps fingerprints for over a year, so the form that is hashed is fixed."""
    assert fingerprint(order(lines=LINES)).hex() == "972e422db75399349a2e199d428bd17a"


ANY_AMOUNT = st.decimals() | st.decimals(min_value=0, max_value=100, places=3) | st.just(Decimal("1E+999999"))
ANY_TEXT = st.none() | st.text(max_size=8)
ANY_LINE = st.builds(
    OrderLine,
    product_id=st.text(),
    sku=ANY_TEXT,
    unit_price=ANY_AMOUNT,
    quantity=st.integers(),
    amount=ANY_AMOUNT,
    commission_group=st.sampled_from([None, "", "A", "B"]) | st.text(max_size=3),
)
ANY_ORDER = st.builds(
    OrderCompleted,
    order_id=st.text(),
    order_ref=st.text(max_size=60),
    completed_at_ms=st.integers(-(2**63), 2**63 - 1),
    currency=st.sampled_from(["EUR", "JPY", "KWD"]) | st.text(max_size=4),
    subtotal=ANY_AMOUNT,
    visitor_id=ANY_TEXT,
    lines=st.lists(ANY_LINE, max_size=4).map(tuple),
    voucher_codes=st.lists(st.text(), max_size=3).map(tuple),
    consent=st.sampled_from([None, "granted", "denied", "unknown"]),
    channel=ANY_TEXT,
    awc=ANY_TEXT | st.just("1001_1700000000_a"),
    custom=st.dictionaries(st.sampled_from(["1", "2"]) | st.text(max_size=2), st.text(max_size=3), max_size=2),
)
REPORTABLE_LINES = st.lists(
    st.builds(
        line,
        st.decimals(min_value=0, max_value=10**9, places=6).map(str),
        st.sampled_from([None, "A", "B", "C", "D"]),
    ),
    max_size=10,
).map(tuple)


@given(ANY_ORDER)
def test_any_order_is_refused_or_built(said: OrderCompleted) -> None:
    """Whatever an order says, the check refuses it, or deciding and building succeed."""
    try:
        check(said, RULES)
    except Unreportable:
        return
    conversion = build(said, fingerprint(said), decide(said, [], RULES), RULES, SOURCE, None, entered_at_ms=ENTERED_MS)
    assert sum(part.amount for part in conversion.parts) == conversion.amount >= 0


def test_that_a_visitor_was_forgotten_is_noted_last() -> None:
    """After what was done to the amount."""
    said = order(lines=(line("3", "A"),), subtotal=Decimal(4))
    attribution = replace(decide(said, [], RULES), forgotten=True)
    notes = build(said, b"", attribution, RULES, SOURCE, None, entered_at_ms=ENTERED_MS).notes
    assert notes == ("pro_rata", "forgotten")


@given(REPORTABLE_LINES, st.sampled_from(["EUR", "JPY", "KWD", "XXX"]))
def test_parts_add_up_to_the_amount(lines: tuple[OrderLine, ...], currency: str) -> None:
    """Whatever the lines and the currency, the parts add up exactly and none is negative."""
    conversion = built(order(lines=lines, currency=currency, subtotal=sum((x.amount for x in lines), Decimal(0))))
    assert sum(part.amount for part in conversion.parts) == conversion.amount
    assert all(part.amount >= 0 for part in conversion.parts)
