"""What a landing's addresses say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.attribution.channels import ChannelTable
from consumer.attribution.landing import DIRECT, Landing, read
from consumer.attribution.touch import Kind

TABLE = ChannelTable(own_domains=["shop.example"])
AWC = "1001_1403695822_a430d81e22c9e8687f423efcf024fbaa"
OTHER_AWC = "1001_1403695900_bb"
NO_CLICK = (None, 0, False)


def landing(query: str, referrer: str | None = None) -> Landing:
    """Read a landing on the shop with this query string."""
    return read(f"https://www.shop.example/p/1?{query}", referrer, TABLE)


def click(query: str) -> tuple[str | None, int, bool]:
    """Read the checksum part of a landing."""
    said = landing(query)
    return said.awc, said.kind, said.malformed


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (f"awc={AWC}", (AWC, Kind.NORMAL, False)),
        (f"a=b&awc={AWC}&c", (AWC, Kind.NORMAL, False)),
        (f"awc={AWC}#awc={OTHER_AWC}", (AWC, Kind.NORMAL, False)),
        (f"%61w%63={AWC}", (AWC, Kind.NORMAL, False)),
        (f"awc={AWC.replace('_', '%5F')}", (AWC, Kind.NORMAL, False)),
        (f"q?awc=x&awc={AWC}", (AWC, Kind.NORMAL, False)),
        (f"awc={AWC}&awc={OTHER_AWC}", (AWC, Kind.NORMAL, False)),
        (f"awc=&awc={AWC}", (AWC, Kind.NORMAL, False)),
        (f"awc=broken&awc={AWC}", (AWC, Kind.NORMAL, True)),
        (f"awc={AWC.replace('_', '%255F')}", (None, 0, True)),
        (f"awc=+{AWC}", (None, 0, True)),
        ("awc=%FF%FE", (None, 0, True)),
        ("awc=%zz", (None, 0, True)),
        ("awc=1001_99999999999999999_a", (None, 0, True)),
        ("awc=", NO_CLICK),
        ("awc", NO_CLICK),
        (f"AWC={AWC}", NO_CLICK),
        (f"Awc={AWC}", NO_CLICK),
        (f"xawc={AWC}", NO_CLICK),
        (f"x;awc={AWC}", NO_CLICK),
        (f"#awc={AWC}", NO_CLICK),
        ("", NO_CLICK),
    ],
)
def test_awc(query: str, expected: tuple[str | None, int, bool]) -> None:
    """The first well-formed ``awc`` of the query counts, decoded once; others that are not empty are malformed."""
    assert click(query) == expected


def test_question_mark_in_the_fragment_starts_no_query() -> None:
    """Nothing after the first ``#`` is a parameter."""
    assert read(f"https://shop.example/#/p?awc={AWC}", None, TABLE) == DIRECT


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        (f"awc={AWC}&sn=1", Kind.STRICTLY_NECESSARY),
        (f"sn=1&awc={AWC}", Kind.STRICTLY_NECESSARY),
        (f"sn=%31&awc={AWC}", Kind.STRICTLY_NECESSARY),
        (f"sn=1&sn=0&awc={AWC}", Kind.STRICTLY_NECESSARY),
        (f"sn=0&sn=1&awc={AWC}", Kind.NORMAL),
        (f"sn=&awc={AWC}", Kind.NORMAL),
        (f"sn=01&awc={AWC}", Kind.NORMAL),
        (f"sn=true&awc={AWC}", Kind.NORMAL),
        (f"SN=1&awc={AWC}", Kind.NORMAL),
        ("sn=1&awc=gclid_7_abc", Kind.GCLID),
        ("sn=1&awaid=7&gclid=abc", Kind.GCLID),
    ],
)
def test_strictly_necessary(query: str, kind: Kind) -> None:
    """A checksum is strictly necessary when ``sn`` is exactly 1; the gclid form never is."""
    assert landing(query).kind == kind


@pytest.mark.parametrize(
    ("query", "awc"),
    [
        ("awaid=7&gclid=Cj0-K_Q", "gclid_7_Cj0-K_Q"),
        ("gclid=Cj0-K_Q&awaid=007", "gclid_007_Cj0-K_Q"),
        ("awc=gclid_7_abc", "gclid_7_abc"),
        (f"awaid=7&gclid=abc&awc={AWC}", AWC),
        ("awaid=7&gclid=abc&awc=broken", "gclid_7_abc"),
        ("awaid=7&gclid=abc&gclid=def", "gclid_7_abc"),
        ("awaid=7&gclid=" + "g" * 192, "gclid_7_" + "g" * 192),
    ],
)
def test_parallel_tracking(query: str, awc: str) -> None:
    """``awaid`` and ``gclid`` make a checksum unless there is a well-formed ``awc``."""
    said = landing(query)
    assert (said.channel, said.rule, said.awc) == ("aw", "awc", awc)


@pytest.mark.parametrize(
    "query",
    [
        "awaid=7_1&gclid=abc",
        "awaid=x&gclid=abc",
        "awaid=&gclid=abc",
        "awaid=१&gclid=abc",
        "gclid=a.b&awaid=7",
        "awaid=7&gclid=" + "g" * 193,
    ],
)
def test_incomplete_parallel_tracking_is_a_google_ad(query: str) -> None:
    """Without both in their form there is no checksum, and ``gclid`` alone names the channel."""
    assert landing(query) == Landing("ppcgoogle", "gclid", None, 0, malformed=False)


def test_checksum_wins_over_the_channel_table() -> None:
    """A landing with a checksum is Awin's, whatever else it says, on own pages too."""
    said = landing(f"awc={AWC}&utm_source=x&gclid=y", "https://www.shop.example/")
    assert said == Landing("aw", "awc", AWC, Kind.NORMAL, malformed=False)


@pytest.mark.parametrize(
    ("query", "rule"),
    [
        ("utm_source=x", "utm"),
        ("utm%5Fsource=x", "utm"),
        ("utm_source=+", "utm"),
        ("utm_medium=%45mail", "utm_email"),
        ("utm_medium=email&utm_medium=cpc", "utm_email"),
        ("utm_source=&utm_source=x", None),
        ("utm_source=%F0%9F%9B%92", "utm"),
        ("utm_source=🛒", "utm"),
        ("utm_source=%C3", "utm"),
        ("utm_medium=paid+search", None),
        ("UTM_SOURCE=x", None),
        ("page=2", None),
        ("&&=&=x&?", None),
    ],
)
def test_channel_by_parameters(query: str, rule: str | None) -> None:
    """Parameters are decoded once, the first of a name counts, names are case-sensitive."""
    assert landing(query).rule == rule


def test_malformed_checksum_leaves_the_channel_table_to_decide() -> None:
    """A malformed ``awc`` is noted, and the rest of the landing still counts."""
    assert landing("awc=x&utm_medium=email") == Landing("email", "utm_email", None, 0, malformed=True)
    assert landing("awc=x") == Landing(None, None, None, 0, malformed=True)


def test_referrer_without_query() -> None:
    """A referrer alone names the channel; an empty one is none."""
    url = "https://www.shop.example/"
    assert read(url, "https://www.google.com/", TABLE) == Landing("organic", "search", None, 0, malformed=False)
    assert read(url, "https://shop.example/cart", TABLE) == Landing(None, "own", None, 0, malformed=False)
    assert read(url, "", TABLE) is DIRECT
    assert read(url, None, TABLE) is DIRECT


@pytest.mark.parametrize(
    "url",
    [
        "",
        "?",
        "#?",
        "?%",
        "?=&%=%&+=+",
        "https://[::1",
        "https://xn--80ak6aa92e.example/?q=%E2%82",
        "https://bücher.example/ü?ü=%C3%BC",
        "\x00?\x00=\x00&utm_source=",
        "https://shop.example/?" + "q=v&" * 2000,
        "https://shop.example/?q=" + "%F0%9F%98%80" * 700,
        "https://" + "a." * 4000 + "example/?q",
        "https://shop.example/?q=\ud800",
    ],
)
def test_odd_addresses_are_direct(url: str) -> None:
    """Whatever stands where an address should be, it is read without an error."""
    assert read(url, None, TABLE) is DIRECT


@given(st.text(), st.none() | st.text())
def test_any_text_is_read(url: str, referrer: str | None) -> None:
    """No text makes it raise, and only a rule names a channel."""
    said = read(url, referrer, TABLE)
    assert said.channel is None or said.rule is not None


@given(
    st.lists(st.sampled_from(["awc", "sn", "awaid", "gclid", "utm_source", "=", "&", "?", "#", "%", "%41", "+", AWC]))
)
def test_any_query_is_read(pieces: list[str]) -> None:
    """A checksum goes with its kind and channel, and nothing else has one."""
    said = landing("".join(pieces))
    assert (said.awc is None) == (said.kind == Kind.NONE)
    assert (said.channel == "aw") == (said.awc is not None)
