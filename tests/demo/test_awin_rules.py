"""The stand-in Awin sees every mistake that a request can make."""

from __future__ import annotations

from decimal import Decimal
from urllib.parse import quote

import pytest

from consumer.demo.awin import MINOR_DIGITS, Known
from consumer.demo.awin.rules import Rules
from tests.demo.awin_request import AWC, CASHBACK_AWC, GOOD, query


def violations(raw_query: str, known: Known | None = None) -> list[str]:
    """Return what is wrong with a request of this query."""
    return list(Rules(MINOR_DIGITS, known).violations("GET", f"/sread.php?{raw_query}")[1])


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"cks": None, "ch": "na", "customeracquisition": None, "p1": None},
        {"cks": f"{AWC},{CASHBACK_AWC}"},
        {"cks": "gclid_77_Cj0KCQ-x_y"},
        {"cks": f"gclid_77_Cj0KCQ-x_y,{CASHBACK_AWC}"},
        {"cr": "JPY", "amount": "5000", "parts": "DEFAULT:5000"},
        {"cr": "KWD", "amount": "5.000", "parts": "A_1.B-2:5.000"},
        {"amount": "0.00", "parts": "DEFAULT:0.00"},
        {"ref": "ש" * 50, "vc": "50% off, a&b=c#d+e|f;\"'"},
        {"p1": "", "p20": "👩🏽"},
        {"bd[0]": "AW:P|1001|A-1 & <ü>|42|Boot|40.00|1|SKU|SHOES|Winter"},
    ],
)
def test_a_good_request_is_accepted(changes: dict[str, str | None]) -> None:
    """Everything that AWIN allows passes without a violation."""
    assert violations(query(**changes)) == []


def test_raw_separators_in_parts_are_accepted() -> None:
    """A colon and a pipe may travel raw: the decoded value is what counts."""
    raw = query().replace("%3A", ":").replace("%7C", "|")
    assert "parts=SHOES:40.00|DEFAULT:9.99" in raw
    assert violations(raw) == []


@pytest.mark.parametrize(
    ("changes", "violation"),
    [
        ({"parts": "Default:49.99"}, "parts: a group does not match [A-Z0-9_.-]+"),
        ({"testmode": "true"}, "testmode: does not match [01]"),
        ({"ref": quote("A-1 & <ü>", safe="")}, "ref: is still percent-encoded after decoding once"),
        (
            {"bd[0]": "AW:P|1001|A-1 & <ü>|42|Boot|40.00|1|SKU|DEFAULT:49.99|Winter"},
            "bd[0]: its group does not match [A-Z0-9_.-]+",
        ),
        (
            {"bd[0]": f"AW:P|1001|A-1 & <ü>|42|Boot|40.00|1|SKU|{GOOD['parts']}|Winter"},
            "bd[0]: is not AW:P and nine more fields",
        ),
        ({"amount": "49,99"}, "amount: is not a plain number with the currency's digits"),
    ],
    ids=["mixed-case group", "testmode=true", "encoded twice", "parts as group", "parts as row group", "comma"],
)
def test_what_others_get_wrong_is_seen(changes: dict[str, str | None], violation: str) -> None:
    """The mistakes of other implementations that the request itself gives away."""
    assert violations(query(**changes)) == [violation]


@pytest.mark.parametrize(
    ("changes", "violation"),
    [
        ({"cks": AWC.lower()}, "cks: was never given out"),
        ({"amount": "59.49", "parts": "DEFAULT:59.49"}, "amount: is not the order's subtotal"),
        ({"ref": "4711"}, "ref: is no order reference of the shop"),
    ],
    ids=["lower-cased awc", "gross amount", "internal id as ref"],
)
def test_well_formed_but_wrong_values_are_seen_by_who_knows(changes: dict[str, str | None], violation: str) -> None:
    """The mistakes that only the shop's orders and the clicks given out can show."""
    known = Known({GOOD["ref"]: Decimal("49.99")}, {AWC})
    assert violations(query(), known) == []
    assert violations(query(**changes), known) == [violation]


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"tt": "ns"}, "tt"),
        ({"tv": "1"}, "tv"),
        ({"merchant": "shop"}, "merchant"),
        ({"merchant": None}, "merchant"),
        ({"amount": "49.990"}, "amount"),
        ({"amount": "50", "parts": "DEFAULT:50.00"}, "amount"),
        ({"amount": "-49.99"}, "amount"),
        ({"amount": "5E+1"}, "amount"),
        ({"amount": "1,049.99"}, "amount"),
        ({"amount": "٤٩.٩٩"}, "amount"),
        ({"cr": "JPY", "parts": "DEFAULT:50"}, "amount"),
        ({"ch": ""}, "ch"),
        ({"ch": "google ads"}, "ch"),
        ({"ch": "a" * 21}, "ch"),
        ({"parts": ""}, "parts"),
        ({"parts": "DEFAULT"}, "parts"),
        ({"parts": "DEFAULT:49.98"}, "parts"),
        ({"parts": "SHOES:40.00|DEFAULT:9.98"}, "parts"),
        ({"parts": "DEFAULT:49.99|"}, "parts"),
        ({"parts": "DEFAULT:50.00|A:-0.01"}, "parts"),
        ({"vc": None}, "vc"),
        ({"cr": "eur"}, "cr"),
        ({"cr": "978"}, "cr"),
        ({"ref": ""}, "ref"),
        ({"ref": "x" * 51}, "ref"),
        ({"ref": "A\n1"}, "ref"),
        ({"testmode": "2"}, "testmode"),
        ({"cks": ""}, "cks"),
        ({"cks": "1001_1403695822"}, "cks"),
        ({"cks": "1002_1403695822_ffff"}, "cks"),
        ({"cks": f"{AWC},{AWC}"}, "cks"),
        ({"cks": f"{AWC},1001_1_a,1001_2_b"}, "cks"),
        ({"cks": f"{AWC},gclid_77_Cj0"}, "cks"),
        ({"customeracquisition": "new"}, "customeracquisition"),
        ({"customeracquisition": ""}, "customeracquisition"),
        ({"p0": "x"}, "p0"),
        ({"awc": AWC}, "awc"),
        ({"bd[0]": f"AW:P|1001|A-1 & <ü>|42|{'x' * 256}|40.00|1|SKU|SHOES|"}, "bd[0]"),
        ({"bd[0]": "AW:P|1001|A-2|42|Boot|40.00|1|SKU|SHOES|"}, "bd[0]"),
    ],
)
def test_every_other_wrong_value_is_seen(changes: dict[str, str | None], name: str) -> None:
    """The violation names the parameter and never repeats a checksum."""
    found = violations(query(**changes))
    assert name in {violation.split(":")[0] for violation in found}
    assert AWC not in str(found)


@pytest.mark.parametrize(
    ("raw_query", "violation"),
    [
        (query() + "&ref=A-2", "ref: is there twice"),
        (query(vc=None) + "&vc=%FF", "vc: is not UTF-8"),
        (query(vc=None) + "&vc=50%", "vc: is not percent-encoded"),
        (query(vc=None) + "&vc=%zz", "vc: is not percent-encoded"),
        (query(vc=None) + "&vc=ü", "vc: is not percent-encoded"),
        (query() + "&%FF=1", "a name: is not UTF-8"),
        (query(vc="x" * 8192), "URL: is longer than 8192 bytes"),
    ],
)
def test_a_badly_written_query_is_seen(raw_query: str, violation: str) -> None:
    """Encoding and repetition are judged on the query as it came."""
    assert violation in violations(raw_query)
