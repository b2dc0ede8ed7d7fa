"""Sections 1 and 5 by hand: what one landing says."""

from __future__ import annotations

import pytest

from consumer.demo.reference.landing import Touch, has_name_before_suffix, host_of, own_host, touch_of
from tests.reference.cases import landing

A = "1001_1700000000_a"
B = "1001_1700000000_b"


def touch(query: str, referrer: str | None = None, host: str = "shop.example") -> Touch:
    """The touch of a landing with this query."""
    return touch_of(landing(0, f"https://{host}/p{query}", referrer=referrer), None, ("brand.example",))


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
        pytest.param("", "https://news.google.com/", "search", "organic", id="below a search engine"),
        pytest.param("", "https://google.a.b.example/", "referrer", "referral", id="three labels after the name"),
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


def test_hosts_lose_case_port_user_and_www() -> None:
    """Hosts are compared in lower case, without port and a leading www."""
    assert host_of("https://ann@WWW.Shop.Example:8443/p") == "shop.example"


@pytest.mark.parametrize("own", ["brand.example", " WWW.Brand.Example:8443", "BRAND.EXAMPLE"])
def test_own_domains_as_people_write_them(own: str) -> None:
    """Neither case, port nor www. matters, and an IDN is compared as browsers send it."""
    session = landing(0, "https://shop.example/", referrer="https://brand.example/")
    assert touch_of(session, None, (own,)).rule == "own"
    assert own_host("Müller.example") == "xn--mller-kva.example"


def test_a_name_needs_labels_after_it() -> None:
    """``google.*`` is neither the bare name nor another name that ends like it."""
    assert not has_name_before_suffix("google", "google")
    assert not has_name_before_suffix("notgoogle.com", "google")
    assert has_name_before_suffix("google.com", "google")
