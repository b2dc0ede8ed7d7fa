"""A row of batched offline tracking says what the conversion says, in UK time, and is no formula."""

from __future__ import annotations

import csv
import re
import string
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from consumer.awin import offline
from consumer.awin.offline import DEFAULT_COLUMNS, Layout
from consumer.errors import Unreportable
from consumer.events import Conversion, Part, Position
from consumer.spreadsheet import neutral

ROOT = Path(__file__).parents[2]
AWC = "1001_1403695822_a430d81e22c9e8687f423efcf024fbaa"
CASHBACK_AWC = "1001_1403695999_0123456789abcdef0123456789abcdef"
SOLD_AT_MS = 1_403_700_000_000
NOW_MS = SOLD_AT_MS + 86_400_000
YEAR_MS = 365 * 86_400_000
DEFAULT = Layout()

SALE = Conversion(
    programme="1001",
    order_ref="A-10042",
    order_id="4711",
    method="offline",
    mode="live",
    amount=Decimal("49.99"),
    currency="EUR",
    channel="aw",
    parts=(Part("SHOES", Decimal("30.00")), Part("DEFAULT", Decimal("19.99"))),
    vouchers=("WELCOME10", "SECOND"),
    click_checksums=(AWC, CASHBACK_AWC),
    customer_acquisition="NEW",
    custom={"1": "awin-s2s-consumer/0", "2": "de"},
    test=False,
    completed_at_ms=SOLD_AT_MS,
    entered_at_ms=SOLD_AT_MS,
    decidable_at_ms=SOLD_AT_MS,
    reason="last_click",
    session_cut=None,
    evidence=(),
    fingerprint=b"",
    source=Position("order.completed", 0, 0),
)

awkward = st.one_of(
    st.sampled_from(
        ["=1+1", "+49", "-5", "@me", "\t=1", "\r=1", " =1", "a,b", 'say "hi"', "🛍️👩🏽‍💻", "הזמנה 42", "a\r\nb"]
    ),
    st.text(st.characters(exclude_categories=["Cs"])),
)
codes = st.text(string.ascii_uppercase + string.digits + "_.-", min_size=1, max_size=12)
amounts = st.lists(st.tuples(codes, st.integers(0, 10**9)), min_size=1, max_size=5, unique_by=lambda each: each[0])
digits = st.sampled_from([("EUR", 2), ("JPY", 0), ("KWD", 3)])


def read(text: str, delimiter: str = ",") -> list[list[str]]:
    """Return what an independent reader makes of a text."""
    return list(csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True))


def cells(conversion: Conversion, layout: Layout = DEFAULT, now_ms: int = NOW_MS) -> dict[str, str]:
    """Return a conversion's row by header."""
    headers, values = read(offline.head(layout) + offline.row(conversion, layout, now_ms).text, layout.delimiter)
    return dict(zip(headers, values, strict=True))


def test_a_row_says_everything() -> None:
    """The default columns, as AWIN.md 7 has them; both checksums as in `cks`, and the first voucher."""
    assert cells(SALE) == {
        "com_date": "25/06/2014 13:40:00",
        "order_ref": "A-10042",
        "sale_amount": "49.99",
        "currency": "EUR",
        "parts": "SHOES:30.00|DEFAULT:19.99",
        "voucher": "WELCOME10",
        "channel": "aw",
        "click_checksum": f"{AWC},{CASHBACK_AWC}",
        "test": "0",
    }


def test_columns_are_the_users() -> None:
    """Any field under any header, in any order, as often as wanted."""
    columns = (("Advertiser", "programme"), ("Clicked", "click_date"), ("New?", "customer_acquisition"))
    layout = Layout((*columns, ("Market", "custom.2"), ("None", "custom.9")), ";")
    assert offline.head(layout) == "Advertiser;Clicked;New?;Market;None\r\n"
    assert offline.row(SALE, layout, NOW_MS).text == "1001;25/06/2014 12:30:22;NEW;de;\r\n"


def test_fields_have_names() -> None:
    """Those of the default columns are some of them."""
    assert set(DEFAULT_COLUMNS.values()) <= set(offline.fields())
    names = ("order_ref", "custom.1", "custom.12", "custom.0", "custom.x", "custom.", "order_id", "")
    assert [offline.is_field(name) for name in names] == [True, True, True, False, False, False, False, False]


def test_what_is_not_known_is_empty() -> None:
    """No voucher, no checksum, no click."""
    layout = Layout((("v", "voucher"), ("c", "click_checksum"), ("d", "click_date"), ("a", "customer_acquisition")))
    bare = replace(SALE, vouchers=(), click_checksums=(), customer_acquisition=None)
    assert cells(bare, layout) == {"v": "", "c": "", "d": "", "a": ""}


@pytest.mark.parametrize(
    ("utc", "uk"),
    [
        ("2026-03-29T00:59:59", "29/03/2026 00:59:59"),
        ("2026-03-29T01:00:00", "29/03/2026 02:00:00"),
        ("2026-10-25T00:59:59", "25/10/2026 01:59:59"),
        ("2026-10-25T01:00:00", "25/10/2026 01:00:00"),
        ("2026-10-25T01:59:59", "25/10/2026 01:59:59"),
        ("2026-06-30T23:00:00", "01/07/2026 00:00:00"),
        ("2026-12-31T23:59:59", "31/12/2026 23:59:59"),
        ("2016-12-31T23:59:59.999", "31/12/2016 23:59:59"),
    ],
)
def test_times_are_those_of_the_united_kingdom(utc: str, uk: str) -> None:
    """Over both changes of the clocks; milliseconds are cut."""
    at_ms = int(datetime.fromisoformat(utc).replace(tzinfo=UTC).timestamp() * 1000)
    assert cells(replace(SALE, completed_at_ms=at_ms))["com_date"] == uk
    assert offline.day_of(at_ms) == datetime.strptime(uk, "%d/%m/%Y %H:%M:%S").replace(tzinfo=UTC).date()


def is_summer_time(at: datetime) -> bool:
    """Return the rule itself: from the last Sunday of March to that of October, at 01:00 UTC."""
    begins, ends = (
        datetime.combine(_last_sunday(at.year, month), datetime.min.time(), UTC) + timedelta(hours=1)
        for month in (3, 10)
    )
    return begins <= at < ends


def _last_sunday(year: int, month: int) -> date:
    last = date(year, month, 31)
    return last - timedelta(days=(last.weekday() + 1) % 7)


@given(st.integers(946_684_800, 2_145_916_799))
def test_summer_time_is_one_hour(at_s: int) -> None:
    """From 2000 to 2037, against the rule written down independently."""
    at = datetime.fromtimestamp(at_s, UTC)
    local = at + timedelta(hours=is_summer_time(at))
    assert offline.written_time(at_s * 1000) == f"{local:%d/%m/%Y %H:%M:%S}"


def test_a_machine_without_time_zones_has_them_too() -> None:
    """The package `tzdata` is one of our requirements, for slim images."""
    program = "from consumer.awin import offline; print(offline.written_time(1782860400000))"
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONTZPATH": "", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "01/07/2026 00:00:00\n"


@given(amounts, digits)
def test_parts_add_up(parts: list[tuple[str, int]], currency: tuple[str, int]) -> None:
    """To the sale's amount, each with the currency's digits, whatever scale they travelled with."""
    name, places = currency
    split = tuple(Part(code, Decimal(units).scaleb(-places)) for code, units in parts)
    total = sum((part.amount for part in split), Decimal(0))
    found = cells(replace(SALE, currency=name, amount=total, parts=split))
    told = [part.removeprefix("'").rsplit(":", 1) for part in found["parts"].split("|")]
    assert [code for code, _ in told] == [code for code, _ in parts]
    assert sum(Decimal(amount) for _, amount in told) == Decimal(found["sale_amount"]) == total
    decimals = rf"\d+\.\d{{{places}}}" if places else r"\d+"
    assert all(re.fullmatch(decimals, amount) for amount in (found["sale_amount"], *(each[1] for each in told)))


@pytest.mark.parametrize("changes", [{"amount": Decimal(-1)}, {"parts": (Part("DEFAULT", Decimal("0.001")),)}])
def test_what_no_file_can_say_is_refused(changes: dict[str, object]) -> None:
    """As it is for a request."""
    with pytest.raises(Unreportable):
        offline.row(replace(SALE, **changes), DEFAULT, NOW_MS)


@given(awkward, awkward, awkward, st.sampled_from([",", ";", "\t"]))
def test_every_text_survives(order_ref: str, voucher: str, market: str, delimiter: str) -> None:
    """An independent reader gets it back, but for the apostrophe before what a spreadsheet would work out."""
    layout = Layout((("r", "order_ref"), ("v", "voucher"), ("m", "custom.2")), delimiter)
    found = cells(replace(SALE, order_ref=order_ref, vouchers=(voucher,), custom={"2": market}), layout)
    for text, cell in zip((order_ref, voucher, market), found.values(), strict=True):
        assert cell == neutral(text)


@pytest.mark.parametrize(
    ("text", "cell"),
    [("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"), ("\u200b=1", "\u200b'=1"), ("X;=1+1;Y", "X;'=1+1;Y")],
)
def test_formulas_are_neutralised(text: str, cell: str) -> None:
    """In each of the shop's own texts, and the row says so."""
    layout = Layout((("r", "order_ref"), ("v", "voucher"), ("m", "custom.2"), ("p", "parts")))
    parts = (Part("A", Decimal("40.00")), Part("-B", Decimal("9.99")))
    row = offline.row(replace(SALE, order_ref=text, vouchers=(text,), custom={"2": text}, parts=parts), layout, NOW_MS)
    assert read(row.text) == [[cell, cell, cell, "A:40.00|'-B:9.99"]]
    assert row.notes == ("neutralised",)


def test_what_is_no_formula_stays_as_it_is() -> None:
    """Amounts, times and checksums can be used at once, as can usual references."""
    for ref in ("A-1", "1=1", "'quoted'", "", "100%", "#42"):
        assert cells(replace(SALE, order_ref=ref))["order_ref"] == ref
    assert offline.row(replace(SALE, amount=Decimal(0), parts=()), DEFAULT, NOW_MS).notes == ()


def test_headers_are_neutralised_too() -> None:
    """They come from the settings, but a spreadsheet does not know that."""
    assert offline.head(Layout((("=a", "order_ref"),))) == "'=a\r\n"


@pytest.mark.parametrize(
    ("change", "flag"), [({}, "0"), ({"test": True}, "1"), ({"mode": "test"}, "1"), ({"mode": "live"}, "0")]
)
def test_the_test_flag(change: dict[str, object], flag: str) -> None:
    """Of test orders, and of everything in test mode."""
    assert cells(replace(SALE, **change))["test"] == flag


def test_checksums_of_a_year_ago_are_left_out() -> None:
    """Each by its own click, to the second; the sale is told, and the row says so."""
    young_ms = 1_403_695_822_000 + YEAR_MS - 1
    assert cells(SALE, now_ms=young_ms)["click_checksum"] == f"{AWC},{CASHBACK_AWC}"
    assert cells(SALE, now_ms=young_ms + 1)["click_checksum"] == CASHBACK_AWC
    row = offline.row(SALE, DEFAULT, NOW_MS + 2 * YEAR_MS)
    assert (read(row.text)[0][7], row.notes) == ("", ("checksum_too_old",))


def test_a_gclid_has_no_age() -> None:
    """Nor a click's date."""
    sale = replace(SALE, click_checksums=("gclid_1001_Cj0-K_Q",))
    layout = Layout((("c", "click_checksum"), ("d", "click_date")))
    assert cells(sale, layout, NOW_MS + 9 * YEAR_MS) == {"c": "gclid_1001_Cj0-K_Q", "d": ""}


def test_a_click_of_nonsense_has_no_date() -> None:
    """A number far beyond any calendar."""
    sale = replace(SALE, click_checksums=("1001_9000000000000_abc",))
    assert cells(sale, Layout((("d", "click_date"),))) == {"d": ""}
