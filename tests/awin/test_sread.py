"""The plain request says what the conversion says, encoded once."""

from __future__ import annotations

from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from hypothesis import assume, given
from msgspec.structs import replace

from consumer.awin import sread
from consumer.demo.awin import MINOR_DIGITS
from consumer.demo.awin.rules import Rules
from consumer.errors import Unreportable
from consumer.events import Conversion, Part, Product
from tests.awin.sales import AWC, CASHBACK_AWC, SALE, conversions, through_the_topic


def decoded(url: str) -> list[tuple[str, str]]:
    """Read a URL back with the standard library."""
    return parse_qsl(urlsplit(url).query, keep_blank_values=True, strict_parsing=True)


def test_the_example_of_awins_page_comes_out_parameter_for_parameter() -> None:
    """A sale by an Awin click says exactly what the page's code says, and which programme it is for."""
    assert decoded(sread.request(SALE).url) == [
        ("tt", "ss"),
        ("tv", "2"),
        ("merchant", "1001"),
        ("amount", "49.99"),
        ("ch", "aw"),
        ("parts", "DEFAULT:49.99"),
        ("vc", "WELCOME10"),
        ("cr", "EUR"),
        ("ref", "A-10042"),
        ("testmode", "0"),
        ("cks", "1001_1403695822_a430d81e22c9e8687f423efcf024fbaa"),
    ]
    assert sread.request(SALE).url.startswith("https://www.awin1.com/sread.php?tt=ss&tv=2&merchant=1001&amount=49.99&")


def test_a_sale_of_no_channel_without_click_says_na_and_has_no_cks() -> None:
    """As on Awin's page: ``ch=na``, and the checksum's parameter is left out, not empty."""
    said = dict(decoded(sread.request(replace(SALE, channel="na", click_checksums=())).url))
    assert said["ch"] == "na"
    assert "cks" not in said


def test_two_checksums_travel_in_one_parameter() -> None:
    """The normal checksum comes first, then the strictly necessary one, joined by a comma."""
    said = dict(sread.parameters(replace(SALE, click_checksums=(AWC, CASHBACK_AWC))))
    assert said["cks"] == f"{AWC},{CASHBACK_AWC}"


def test_parts_are_joined_by_a_pipe() -> None:
    """Several commission groups are told in the conversion's order, each with its own amount."""
    parts = (Part("SHOES", Decimal("40.00")), Part("DEFAULT", Decimal("9.99")))
    assert ("parts", "SHOES:40.00|DEFAULT:9.99") in sread.parameters(replace(SALE, parts=parts))


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        (Decimal("1E+3"), "1000.00"),
        (Decimal("0E-8"), "0.00"),
        (Decimal("-0.00"), "0.00"),
        (Decimal("189.0000"), "189.00"),
        (Decimal("12345678901234567890123456789012.34"), "12345678901234567890123456789012.34"),
    ],
)
def test_amounts_have_their_currencys_digits_and_nothing_else(amount: Decimal, written: str) -> None:
    """No exponent, no sign of a zero, no separators, no digits that only the topic's scale added."""
    said = dict(sread.parameters(replace(SALE, amount=amount, parts=(Part("DEFAULT", amount),))))
    assert (said["amount"], said["parts"]) == (written, f"DEFAULT:{written}")


@pytest.mark.parametrize(("currency", "written"), [("JPY", "319"), ("EUR", "319.00"), ("KWD", "319.000")])
def test_amounts_as_they_come_from_the_topic(currency: str, written: str) -> None:
    """A conversion's amounts have four decimals there; the request has the currency's."""
    sale = replace(SALE, currency=currency, amount=Decimal(319), parts=(Part("A", Decimal(319)),))
    said = dict(sread.parameters(through_the_topic(sale)))
    assert (said["amount"], said["parts"]) == (written, f"A:{written}")


@pytest.mark.parametrize("field", ["amount", "parts"])
@pytest.mark.parametrize(("currency", "amount"), [("EUR", "1.001"), ("JPY", "1.5"), ("KWD", "1.0001")])
def test_an_amount_that_the_digits_cannot_express_is_refused(field: str, currency: str, amount: str) -> None:
    """Nothing is rounded here: it names the field."""
    fine = replace(SALE, currency=currency, amount=Decimal(1), parts=(Part("A", Decimal(1)),))
    bad = Decimal(amount)
    wrong = {"amount": replace(fine, amount=bad), "parts": replace(fine, parts=(Part("A", bad),))}
    with pytest.raises(Unreportable) as caught:
        sread.request(wrong[field])
    assert (caught.value.reason, caught.value.field) == ("bad_amount", field)


@pytest.mark.parametrize("field", ["amount", "parts"])
def test_a_negative_amount_is_refused(field: str) -> None:
    """A conversion that must not exist is not made positive in silence: it names the field."""
    wrong = {"amount": replace(SALE, amount=Decimal("-1.00")), "parts": replace(SALE, parts=(Part("A", Decimal(-1)),))}
    with pytest.raises(Unreportable) as caught:
        sread.request(wrong[field])
    assert (caught.value.reason, caught.value.field) == ("negative_amount", field)
    assert AWC not in str(caught.value)


@pytest.mark.parametrize(
    ("conversion", "testmode"),
    [(SALE, "0"), (replace(SALE, test=True), "1"), (replace(SALE, mode="test"), "1")],
)
def test_testmode_is_a_digit(conversion: Conversion, testmode: str) -> None:
    """A test order, and every order in test mode, says 1; all others say 0."""
    assert ("testmode", testmode) in sread.parameters(conversion)


def test_only_the_first_voucher_is_told_and_none_is_told_as_empty() -> None:
    """``vc`` is always there and holds at most one code."""
    assert ("vc", "A") in sread.parameters(replace(SALE, vouchers=("A", "B")))
    assert ("vc", "") in sread.parameters(replace(SALE, vouchers=()))


def test_custom_parameters_come_last_in_the_order_of_their_numbers() -> None:
    """``p2`` stands before ``p10``."""
    said = sread.parameters(replace(SALE, customer_acquisition="NEW", custom={"10": "c", "2": "b", "1": "a"}))
    assert said[-4:] == [("customeracquisition", "NEW"), ("p1", "a"), ("p2", "b"), ("p10", "c")]


@given(conversions())
def test_any_url_decodes_to_what_the_conversion_says(conversion: Conversion) -> None:
    """Whatever characters a shop uses, decoding once gives its own values back, each parameter once."""
    request = sread.request(conversion, max_characters=100_000)
    pairs = decoded(request.url)
    said = dict(pairs)
    assert request.left_out == ""
    assert len(said) == len(pairs)
    assert said["ref"] == conversion.order_ref
    assert said["vc"] == next(iter(conversion.vouchers), "")
    assert Decimal(said["amount"]) == conversion.amount
    assert tuple(part.split(":")[0] for part in said["parts"].split("|")) == tuple(p.code for p in conversion.parts)
    assert tuple(said["cks"].split(",") if "cks" in said else ()) == conversion.click_checksums
    assert said.get("customeracquisition") == conversion.customer_acquisition
    assert {name[1:]: value for name, value in pairs if name[1:].isdigit()} == conversion.custom
    rows = [value.split("|") for name, value in pairs if name.startswith("bd[")]
    assert [row[3:5] + row[7:] for row in rows] == [
        [_cleaned(text) for text in (each.product_id, each.name, each.sku, each.group, each.category)]
        for each in conversion.products
        if "|" not in conversion.order_ref
    ]
    assert {len(row) for row in rows} <= {10}
    assert (said["ch"], said["cr"], said["testmode"]) == (
        conversion.channel,
        conversion.currency,
        str(int(conversion.test)),
    )


def _cleaned(text: str) -> str:
    """What a product row may hold of a text."""
    return text.replace("|", " ")[:255]


@given(conversions())
def test_any_url_is_ascii_and_goes_through_the_http_client_unchanged(conversion: Conversion) -> None:
    """Nothing is left for the client to encode, so nothing is encoded twice."""
    url = sread.request(conversion).url
    assert url.isascii()
    assert str(httpx.URL(url)) == url


@given(conversions())
def test_a_conversion_says_the_same_after_its_topic(conversion: Conversion) -> None:
    """Written to the topic and read back, a conversion is equal, by the value of its amounts, and so is its request."""
    read_back = through_the_topic(conversion)
    assert read_back == conversion
    assert sread.request(read_back).url == sread.request(conversion).url


@given(conversions())
def test_the_stand_in_finds_nothing_wrong_with_any_url(conversion: Conversion) -> None:
    """The strict reader, which shares no code with the encoder, has no objection."""
    split = urlsplit(sread.request(through_the_topic(conversion)).url)
    _, violations = Rules(MINOR_DIGITS).violations("GET", f"{split.path}?{split.query}")
    assume(not any("still percent-encoded" in violation for violation in violations))
    assert [violation for violation in violations if not violation.startswith("URL:")] == []


ROW = Product(
    product_id="P|1",
    name="Shoe | 42 " + "x" * 300,
    unit_price=Decimal("19.9900"),
    quantity=2,
    sku="",
    group="SHOES",
    category="shoes & more",
)


def test_product_rows() -> None:
    """Ten fields, without a pipe inside, none longer than 255 characters, in the order of the lines."""
    said = dict(decoded(sread.request(replace(SALE, products=(ROW, replace(ROW, product_id="P2", name="")))).url))
    first = said["bd[0]"].split("|")
    assert first == ["AW:P", "1001", "A-10042", "P 1", first[4], "19.99", "2", "", "SHOES", "shoes & more"]
    assert first[4] == ("Shoe   42 " + "x" * 300)[:255]
    assert said["bd[1]"] == "AW:P|1001|A-10042|P2||19.99|2||SHOES|shoes & more"


@pytest.mark.parametrize(
    ("custom", "rows", "left_out", "kept"),
    [
        ({"1": "us"}, 30, "products", {"p1"}),
        ({"1": "us", "2": "x" * 9_000}, 0, "products_and_custom", {"p1"}),
        ({"1": "us", "2": "x" * 9_000}, 1, "products_and_custom", {"p1"}),
        ({"1": "us", "2": "x" * 2_000}, 30, "products", {"p1", "p2"}),
        ({"1": "us", "2": "x"}, 3, "", {"p1", "p2", "bd[0]", "bd[1]", "bd[2]"}),
    ],
)
def test_a_request_that_is_too_long_leaves_out_what_is_not_the_sale(
    custom: dict[str, str], rows: int, left_out: str, kept: set[str]
) -> None:
    """Rows go first, then custom parameters but for ours; the sale stays whole."""
    found = sread.request(replace(SALE, custom=custom, products=(ROW,) * rows))
    said = dict(decoded(found.url))
    assert found.left_out == left_out
    assert len(found.url) <= sread.MAX_URL_CHARACTERS
    assert kept == {name for name in said if name.startswith(("p", "bd")) and name != "parts"}
    assert said["parts"] == "DEFAULT:49.99"


def test_a_request_may_have_8000_characters() -> None:
    """With one more it leaves out its rows, or what custom parameters there are from 2 on."""
    for rows, left_out in (((replace(ROW, name=""),), "products"), ((), "products_and_custom")):
        sale = replace(SALE, custom={"1": "us", "2": ""}, products=rows)
        room = 8_000 - len(sread.request(sale).url)
        fitting = sread.request(replace(sale, custom={"1": "us", "2": "x" * room}))
        assert (len(fitting.url), fitting.left_out) == (8_000, "")
        assert sread.request(replace(sale, custom={"1": "us", "2": "x" * (room + 1)})).left_out == left_out


def test_a_sale_is_never_left_out() -> None:
    """Whatever its length, all of it is said."""
    found = sread.request(replace(SALE, vouchers=("v" * 9_000,)))
    assert (found.left_out, dict(decoded(found.url))["vc"]) == ("", "v" * 9_000)


def test_a_sale_that_no_server_could_take_is_refused() -> None:
    """It would break the client; the order is put aside by name, and the others go on."""
    with pytest.raises(Unreportable) as caught:
        sread.request(replace(SALE, vouchers=("v" * 70_000,)))
    assert caught.value.reason == "request_too_long"
