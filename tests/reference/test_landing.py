"""Sections 1 and 5 by hand: what one landing says."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from consumer.attribution.channel_rule import Rule
from consumer.attribution.default_channels import DEFAULT_RULES
from consumer.attribution.rules import Rules
from consumer.demo.reference.addresses import fits, host_of, own_host, path_of
from consumer.demo.reference.landing import Touch, touch_of
from tests.reference.cases import RULES, landing

MINE = Rule(name="mine", channel="tv", given=frozenset({"utm_medium"}))
NOBODYS = Rule(name="nobodys", channel=None, landing_host=frozenset({"*"}))

A = "1001_1700000000_a"
B = "1001_1700000000_b"


def touch(query: str, referrer: str | None = None, host: str = "shop.example") -> Touch:
    """The touch of a landing with this query."""
    return touch_of(landing(0, f"https://{host}/p{query}", referrer=referrer), None, RULES)


@pytest.mark.parametrize(
    ("query", "checksum", "kind"),
    [
        pytest.param(f"?awc={A}", A, "normal", id="normal"),
        pytest.param(f"?x=1&sn=1&awc={A}", A, "strictly_necessary", id="sn before"),
        pytest.param(f"?awc={A}&sn=1", A, "strictly_necessary", id="sn after"),
        pytest.param(f"?awc={A}&sn=01", A, "normal", id="sn is not exactly 1"),
        pytest.param(f"?awc={A}&sn=0&sn=1", A, "normal", id="first sn counts"),
        pytest.param(f"?awc={A}&awc={B}", A, "normal", id="first awc counts"),
        pytest.param(f"?awc=broken&awc={B}", B, "normal", id="first well-formed awc counts"),
        pytest.param("?awc=1001%5F1700000000%5Fa", A, "normal", id="decoded once"),
        pytest.param("?awc=1001%255F1700000000%255Fa", None, None, id="not decoded twice"),
        pytest.param("?%61wc=" + A, A, "normal", id="names are decoded too"),
        pytest.param(f"?AWC={A}", None, None, id="names are case-sensitive"),
        pytest.param(f"#?awc={A}", None, None, id="a fragment has no query"),
        pytest.param(f"?x=?awc={A}", None, None, id="the first question mark opens the query"),
        pytest.param(f"?awc={A}+", None, None, id="plus is a space"),
        pytest.param(f"?awc={A}%0A", None, None, id="no newline at the end"),
        pytest.param(f"?awc={A}\u0660", None, None, id="ASCII only"),
        pytest.param("?awc=1001_1700000000_" + "a" * 185, None, None, id="201 characters"),
        pytest.param(
            "?awc=1001_1700000000_" + "a" * 184, "1001_1700000000_" + "a" * 184, "normal", id="200 characters"
        ),
        pytest.param("?awc=gclid_7_G-x_1&sn=1", "gclid_7_G-x_1", "gclid", id="awc of the gclid form, sn or not"),
        pytest.param("?gclid=G-x&awaid=7", "gclid_7_G-x", "gclid", id="awaid and gclid"),
        pytest.param(f"?gclid=G-x&awaid=7&awc={A}", A, "normal", id="awc before awaid and gclid"),
        pytest.param("?gclid=G-x&awaid=7&awc=broken", "gclid_7_G-x", "gclid", id="malformed awc, then awaid and gclid"),
        pytest.param("?gclid=G-x&awaid=seven", None, None, id="awaid is no number"),
        pytest.param("?awaid=7&gclid=" + "g" * 192, "gclid_7_" + "g" * 192, "gclid", id="200 characters built"),
        pytest.param("?awaid=7&gclid=" + "g" * 193, None, None, id="201 characters built"),
        pytest.param("?awc=1001_9223372036854775_a", "1001_9223372036854775_a", "normal", id="latest time"),
        pytest.param("?awc=1001_9223372036854776_a", None, None, id="time beyond 64 bits"),
    ],
)
def test_checksum(query: str, checksum: str | None, kind: str | None) -> None:
    """A landing's checksum is the first that section 1 names."""
    found = touch(query)
    assert (found.checksum, found.kind) == (checksum, kind)
    assert (found.channel == "aw") == (checksum is not None)


@pytest.mark.parametrize(
    ("query", "referrer", "rule", "channel"),
    [
        pytest.param("", None, None, None, id="direct"),
        pytest.param("", "https://www.brand.example/x", "own", None, id="own domain"),
        pytest.param("", "https://pay.brand.example:8443/x", "own", None, id="below an own domain"),
        pytest.param("", "https://WWW.Shop.example/", "own", None, id="the landing's own host"),
        pytest.param("?utm_medium=email", "https://brand.example/", "own", None, id="own comes before utm_medium"),
        pytest.param("?utm_source=x", "https://brand.example/", "utm", "other", id="utm_source on an own link"),
        pytest.param("?gclid=x", "https://brand.example/", "gclid", "ppcgoogle", id="click id on an own link"),
        pytest.param("?utm_source=&gclid=", "https://brand.example/", "own", None, id="empty parameters are absent"),
        pytest.param("?wbraid=x&utm_medium=cpc", None, "gclid", "ppcgoogle", id="wbraid"),
        pytest.param("?gclid=&gclid=x", None, None, None, id="of a repeated parameter the first counts"),
        pytest.param("?msclkid=x", None, "msclkid", "ppcbing", id="msclkid"),
        pytest.param("?fbclid=x", "https://l.facebook.com/", "fbclid", "socialfacebook", id="fbclid"),
        pytest.param("?fbclid=x&utm_medium=", None, "fbclid", "socialfacebook", id="fbclid, empty medium"),
        pytest.param("?fbclid=x&utm_medium=cpc", None, "utm_ppc", "ppc", id="fbclid with a medium"),
        pytest.param("?fbclid=x&utm_medium=odd", "https://t.co/", "social_referrer", "social", id="fbclid, odd medium"),
        pytest.param("?ttclid=x", None, "ttclid", "socialtiktok", id="ttclid"),
        pytest.param("?utm_medium=E-Mail", None, "utm_email", "email", id="medium in lower case"),
        pytest.param("?utm_medium=Paid-Search", None, "utm_ppc", "ppc", id="paid search"),
        pytest.param("?utm_medium=social-media", None, "utm_social", "social", id="social medium"),
        pytest.param("?utm_medium=cpm", None, "utm_display", "display", id="display"),
        pytest.param("?utm_medium=partner", None, "utm_affiliate", "affiliate", id="affiliate"),
        pytest.param("?utm_medium=referral", None, "utm_referral", "referral", id="referral medium"),
        pytest.param("?utm_medium=organic", None, "utm_organic", "organic", id="organic medium"),
        pytest.param("?utm_source=a&utm_medium=odd", None, "utm", "other", id="utm_source alone"),
        pytest.param("", "https://www.google.co.uk/", "search", "organic", id="two labels after the name"),
        pytest.param("", "https://news.google.com/", "search", "organic", id="Google's news"),
        pytest.param("", "https://docs.google.com/", "referrer", "referral", id="another of Google's hosts"),
        pytest.param("", "https://google.evil.com/", "referrer", "referral", id="a name below another's domain"),
        pytest.param("", "https://accounts.google.co.uk/", "sign_in", None, id="sign-in"),
        pytest.param("", "https://pay.google.com/", "payment", None, id="payment before search"),
        pytest.param("", "https://us-mg5.mail.yahoo.com/", "webmail", "email", id="webmail before search"),
        pytest.param("", "android-app://com.google.android.gm/", "webmail", "email", id="mail app"),
        pytest.param("", "https://payments.amazon.com.mx/", "payment", None, id="payment in a country"),
        pytest.param("", "https://api.twitter.com/", "sign_in", None, id="sign-in before social networks"),
        pytest.param("", "https://uk.search.yahoo.com/", "search", "organic", id="yahoo and below"),
        pytest.param("", "https://cn.bing.com/", "search", "organic", id="bing and below"),
        pytest.param("", "https://m.baidu.com/", "search", "organic", id="baidu and below"),
        pytest.param("", "https://search.brave.com/", "search", "organic", id="brave's search"),
        pytest.param("", "https://m.youtube.com/", "social_referrer", "social", id="below a social host"),
        pytest.param("", "https://notreddit.com/", "referrer", "referral", id="not below it"),
        pytest.param("", "https://www.paypal.com/", "payment", None, id="payment"),
        pytest.param("", "https://blog.example/", "referrer", "referral", id="any other referrer"),
        pytest.param("", "about:blank", None, None, id="referrer without a host"),
        pytest.param("", "https://[broken", None, None, id="referrer that is no URL"),
    ],
)
def test_channel_table(query: str, referrer: str | None, rule: str | None, channel: str | None) -> None:
    """Without a checksum, the first matching rule of section 5 names the channel."""
    found = touch(query, referrer)
    assert (found.rule, found.channel) == (rule, channel)


SHOP = "https://www.shop.example"


@pytest.mark.parametrize(
    ("line", "url", "referrer", "matches"),
    [
        pytest.param({"given": {"a", "b"}}, "/?b=x", None, True, id="given: one of them"),
        pytest.param({"given": {"a"}}, "/?a=", None, False, id="given: not empty"),
        pytest.param({"given": {"a"}}, "/?A=x", None, False, id="given: names exactly"),
        pytest.param({"given": {"awc"}}, "/?awc=broken", None, True, id="given: a malformed awc is there"),
        pytest.param({"given": {"a"}, "absent": {"b"}}, "/?a=x&b=", None, True, id="absent: empty"),
        pytest.param({"given": {"a"}, "absent": {"b", "c"}}, "/?a=x&c=y", None, False, id="absent: any of them"),
        pytest.param({"query": {"a": {"one", "two"}}}, "/?a=TWO", None, True, id="query: capitals or not"),
        pytest.param({"query": {"a": {"one"}}}, "/?A=one", None, False, id="query: names exactly"),
        pytest.param({"query": {"a": {"one"}}}, "/?a=two&a=one", None, False, id="query: the first of a repeated one"),
        pytest.param({"query": {"a": {"one"}, "b": {"x"}}}, "/?b=x&a=one", None, True, id="query: all of them"),
        pytest.param({"query": {"a": {"one"}, "b": {"x"}}}, "/?a=one", None, False, id="query: not all of them"),
        pytest.param({"query": {"a": {"one"}}}, "/?a=one%20", None, False, id="query: the whole value"),
        pytest.param({"referrer": {"bing.com"}}, "/", "https://WWW.Bing.com:443/x", True, id="referrer: that host"),
        pytest.param({"referrer": {"bing.com"}}, "/", "https://cn.bing.com/", False, id="referrer: not below it"),
        pytest.param({"referrer": {"www.bing.com"}}, "/", "https://bing.com/", True, id="referrer: www. or not"),
        pytest.param({"referrer": {".bing.com"}}, "/", "https://cn.bing.com/", True, id="referrer: below it"),
        pytest.param({"referrer": {".bing.com"}}, "/", "https://bing.com/", True, id="referrer: or itself"),
        pytest.param({"referrer": {".bing.com"}}, "/", "https://notbing.com/", False, id="referrer: no other name"),
        pytest.param({"referrer": {"google.*"}}, "/", "https://google.co.uk/", True, id="referrer: a name"),
        pytest.param({"referrer": {"google.*"}}, "/", "https://x.google.de/", False, id="referrer: not below a name"),
        pytest.param({"referrer": {".google.*"}}, "/", "https://x.google.de/", True, id="referrer: below a name"),
        pytest.param({"referrer": {"google.*"}}, "/", "https://google.a.b/", False, id="referrer: two labels"),
        pytest.param({"referrer": {"a.example", "*"}}, "/", "https://x.example/", True, id="referrer: any"),
        pytest.param({"referrer": {"*"}}, "/", None, False, id="referrer: none"),
        pytest.param({"referrer": {"*"}}, "/", "about:blank", False, id="referrer: one without a host"),
        pytest.param({"own_referrer": True}, "/", "https://pay.brand.example/", True, id="own referrer"),
        pytest.param({"own_referrer": True}, "/", "https://shop.example/", True, id="the landing's own host"),
        pytest.param({"own_referrer": True}, "/", "https://m.shop.example/", False, id="not below the landing's host"),
        pytest.param({"landing_host": {"shop.example"}}, "/", None, True, id="landing host"),
        pytest.param({"landing_host": {"m.shop.example"}}, "/", None, False, id="another landing host"),
        pytest.param({"landing_host": {".example", "x"}}, "/", None, True, id="landing host below a domain"),
        pytest.param({"landing_path": {"/sale"}}, "/sale?x=/other", None, True, id="landing path"),
        pytest.param({"landing_path": {"/sale"}}, "/Sale", None, False, id="landing path: case counts"),
        pytest.param({"landing_path": {"/sale"}}, "/sale/", None, False, id="landing path: the whole of it"),
        pytest.param({"landing_path": {"/sale*"}}, "/sales/x", None, True, id="landing path: begins so"),
        pytest.param({"landing_path": {"/sale/*"}}, "/sale", None, False, id="landing path: does not begin so"),
        pytest.param({"landing_path": {"/a b"}}, "/a%20b", None, False, id="landing path: as it stands"),
        pytest.param({"landing_path": {"/"}}, "", None, True, id="landing path: none is a slash"),
        pytest.param({"landing_path": {"/"}}, "?x=/y", None, True, id="landing path: none before a query"),
        pytest.param({"landing_path": {"/x", "/y"}}, "/y#/x", None, True, id="landing path: not the fragment"),
        pytest.param(
            {"landing_path": {"/x"}, "referrer": {"bing.com"}, "given": {"a"}},
            "/x?a=b",
            "https://bing.com/",
            True,
            id="everything that it states",
        ),
        pytest.param(
            {"landing_path": {"/x"}, "referrer": {"bing.com"}, "given": {"a"}},
            "/x?a=b",
            "https://other.example/",
            False,
            id="not everything that it states",
        ),
    ],
)
def test_lines_of_ones_own(line: dict[str, Any], url: str, referrer: str | None, matches: bool) -> None:  # noqa: FBT001  # a parameter of cases
    """A line matches when everything holds that it states."""
    query = tuple(line.get("query", {}).items())
    rule = Rule(**{**line, "name": "mine", "channel": "tv", "query": query})
    session = landing(0, f"{SHOP}{url}", referrer=referrer)
    found = touch_of(session, None, replace(RULES, channel_rules=(rule,)))
    assert (found.rule, found.channel) == (("mine", "tv") if matches else (None, None))


@pytest.mark.parametrize(
    ("table", "rule", "channel"),
    [
        pytest.param((MINE, *DEFAULT_RULES), "mine", "tv", id="before the default table"),
        pytest.param((*DEFAULT_RULES, MINE), "utm_email", "email", id="after the default table"),
        pytest.param((MINE,), "mine", "tv", id="alone"),
        pytest.param((NOBODYS, MINE, *DEFAULT_RULES), "nobodys", None, id="a line without a channel ends the search"),
        pytest.param((), None, None, id="no line at all"),
    ],
)
def test_the_first_line_that_matches(table: tuple[Rule, ...], rule: str | None, channel: str | None) -> None:
    """Lines are tried in their order, the default table's among them."""
    session = landing(0, f"{SHOP}/?utm_medium=email")
    found = touch_of(session, None, replace(RULES, channel_rules=table))
    assert (found.rule, found.channel) == (rule, channel)


def test_a_checksum_comes_before_the_table() -> None:
    """No line takes a landing with a checksum."""
    found = touch_of(landing(0, f"{SHOP}/?awc={A}"), None, replace(RULES, channel_rules=(NOBODYS,)))
    assert (found.rule, found.channel) == ("awc", "aw")


def test_hosts_lose_case_port_user_and_www() -> None:
    """Hosts are compared in lower case, without port and a leading www."""
    assert host_of("https://ann@WWW.Shop.Example:8443/p") == "shop.example"


def test_paths() -> None:
    """A path is what stands between the host and the query; an address without a host has none but the slash."""
    assert path_of("https://ann@shop.example:8443//a b/%C3%A9/?x=/y#/z") == "//a b/%C3%A9/"
    assert path_of("//shop.example") == path_of("https:///sale") == path_of("/sale") == path_of("") == "/"


@pytest.mark.parametrize("own", ["brand.example", " WWW.Brand.Example:8443", "BRAND.EXAMPLE"])
def test_own_domains_as_people_write_them(own: str) -> None:
    """Neither case, port nor www. matters, and an IDN is compared as browsers send it."""
    session = landing(0, "https://shop.example/", referrer="https://brand.example/")
    assert touch_of(session, None, Rules(advertiser_id="1001", own_domains=(own,))).rule == "own"
    assert own_host("Müller.example") == "xn--mller-kva.example"


@pytest.mark.parametrize(
    ("host", "exactly", "below"),
    [
        ("google.de", True, True),
        ("google.co.uk", True, True),
        ("google.com.br", True, True),
        ("news.google.de", False, True),
        ("a.news.google.co.uk", False, True),
        ("google.shop.example", False, False),
        ("google.co.shop.example", False, False),
        ("google.org.uk", False, False),
        ("google", False, False),
        ("notgoogle.com", False, False),
        ("co.uk", False, False),
    ],
)
def test_a_name_before_a_star(host: str, exactly: bool, below: bool) -> None:  # noqa: FBT001  # parameters of cases
    """It is followed by one label, or by ``co`` or ``com`` and one more."""
    assert (fits(host, "google.*"), fits(host, ".google.*")) == (exactly, below)
    assert (fits(f"pay.{host}", "pay.google.*"), fits(f"x.pay.{host}", ".pay.google.*")) == (exactly, exactly)
