"""The default channel table, rule by rule."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.attribution.channel_rule import Rule
from consumer.attribution.channels import ChannelTable
from consumer.attribution.default_channels import DEFAULT_RULES
from consumer.attribution.hosts import host_of
from consumer.attribution.landing import read
from consumer.errors import SettingsError

SHOP = "https://www.shop.example/p/1"
TABLE = ChannelTable(own_domains=["shop.example", "https-less.example:8443", "WWW.Other.Example"])


@pytest.mark.parametrize(
    ("query", "channel", "rule"),
    [
        ({"gclid": "x"}, "ppcgoogle", "gclid"),
        ({"gbraid": "x"}, "ppcgoogle", "gclid"),
        ({"wbraid": "x"}, "ppcgoogle", "gclid"),
        ({"gclid": "", "wbraid": "x"}, "ppcgoogle", "gclid"),
        ({"msclkid": "x"}, "ppcbing", "msclkid"),
        ({"msclkid": "x", "utm_medium": "email"}, "ppcbing", "msclkid"),
        ({"gclid": "x", "msclkid": "x"}, "ppcgoogle", "gclid"),
        ({"fbclid": "x"}, "socialfacebook", "fbclid"),
        ({"fbclid": "x", "utm_source": "fb"}, "socialfacebook", "fbclid"),
        ({"fbclid": "x", "utm_medium": ""}, "socialfacebook", "fbclid"),
        ({"fbclid": "x", "utm_medium": "cpc"}, "ppc", "utm_ppc"),
        ({"fbclid": "x", "utm_medium": "unheard-of"}, None, None),
        ({"ttclid": "x"}, "socialtiktok", "ttclid"),
        ({"ttclid": "x", "utm_medium": "paid-social"}, "social", "utm_social"),
        ({"utm_medium": "email"}, "email", "utm_email"),
        ({"utm_medium": "E-Mail"}, "email", "utm_email"),
        ({"utm_medium": "NEWSLETTER"}, "email", "utm_email"),
        ({"utm_medium": "cpc"}, "ppc", "utm_ppc"),
        ({"utm_medium": "ppc"}, "ppc", "utm_ppc"),
        ({"utm_medium": "PaidSearch"}, "ppc", "utm_ppc"),
        ({"utm_medium": "paid-search"}, "ppc", "utm_ppc"),
        ({"utm_medium": "sem"}, "ppc", "utm_ppc"),
        ({"utm_medium": "social"}, "social", "utm_social"),
        ({"utm_medium": "paidsocial"}, "social", "utm_social"),
        ({"utm_medium": "social-network"}, "social", "utm_social"),
        ({"utm_medium": "social-media"}, "social", "utm_social"),
        ({"utm_medium": "display"}, "display", "utm_display"),
        ({"utm_medium": "banner"}, "display", "utm_display"),
        ({"utm_medium": "cpm"}, "display", "utm_display"),
        ({"utm_medium": "affiliate"}, "affiliate", "utm_affiliate"),
        ({"utm_medium": "affiliates"}, "affiliate", "utm_affiliate"),
        ({"utm_medium": "partner"}, "affiliate", "utm_affiliate"),
        ({"utm_medium": "referral"}, "referral", "utm_referral"),
        ({"utm_medium": "organic"}, "organic", "utm_organic"),
        ({"utm_source": "x", "utm_medium": "organic"}, "organic", "utm_organic"),
        ({"utm_source": "x"}, "other", "utm"),
        ({"utm_source": "x", "utm_medium": "unheard-of"}, "other", "utm"),
        ({"utm_source": ""}, None, None),
        ({"utm_medium": "unheard-of"}, None, None),
        ({"GCLID": "x"}, None, None),
        ({}, None, None),
    ],
)
def test_parameters(query: dict[str, str], channel: str | None, rule: str | None) -> None:
    """Without a referrer the parameters decide, in the order of the table; an empty one counts as absent."""
    assert TABLE.classify(query, SHOP, None) == (channel, rule)


@pytest.mark.parametrize(
    ("host", "channel", "rule"),
    [
        ("shop.example", None, "own"),
        ("www.shop.example", None, "own"),
        ("checkout.shop.example", None, "own"),
        ("other.example", None, "own"),
        ("a.b.c.d.e.https-less.example", None, "own"),
        ("myshop.example", "referral", "referrer"),
        ("google.com", "organic", "search"),
        ("www.google.co.uk", "organic", "search"),
        ("news.google.de", "organic", "search"),
        ("images.google.de", "organic", "search"),
        ("news.google.com", "organic", "search"),
        ("docs.google.com", "referral", "referrer"),
        ("a.b.c.news.google.com.au", "referral", "referrer"),
        ("accounts.google.com", None, "sign_in"),
        ("accounts.google.co.uk", None, "sign_in"),
        ("pay.google.com", None, "payment"),
        ("mail.google.com", "email", "webmail"),
        ("com.google.android.gm", "email", "webmail"),
        ("com.google.android.googlequicksearchbox", "organic", "search"),
        ("WWW.GOOGLE.DE:443", "organic", "search"),
        ("yandex.com.tr", "organic", "search"),
        ("google.evil.com", "referral", "referrer"),
        ("google.evil.example", "referral", "referrer"),
        ("google.co.evil.example", "referral", "referrer"),
        ("notgoogle.com", "referral", "referrer"),
        ("google", "referral", "referrer"),
        ("www.bing.com", "organic", "search"),
        ("duckduckgo.com", "organic", "search"),
        ("yahoo.com", "organic", "search"),
        ("de.search.yahoo.com", "organic", "search"),
        ("search.yahoo.co.jp", "organic", "search"),
        ("login.yahoo.com", None, "sign_in"),
        ("mail.yahoo.com", "email", "webmail"),
        ("us-mg5.mail.yahoo.com", "email", "webmail"),
        ("mail.yandex.ru", "email", "webmail"),
        ("passport.yandex.com", None, "sign_in"),
        ("images.yandex.com.tr", "organic", "search"),
        ("search.naver.com", "organic", "search"),
        ("blog.naver.com", "referral", "referrer"),
        ("search.seznam.cz", "organic", "search"),
        ("www.so.com", "organic", "search"),
        ("www.sogou.com", "organic", "search"),
        ("www.ask.com", "organic", "search"),
        ("search.aol.co.uk", "organic", "search"),
        ("chatgpt.com", "referral", "referrer"),
        ("www.perplexity.ai", "referral", "referrer"),
        ("ecosia.org", "organic", "search"),
        ("www.baidu.com", "organic", "search"),
        ("m.baidu.com", "organic", "search"),
        ("cn.bing.com", "organic", "search"),
        ("notbing.com", "referral", "referrer"),
        ("qwant.com", "organic", "search"),
        ("startpage.com", "organic", "search"),
        ("search.brave.com", "organic", "search"),
        ("brave.com", "referral", "referrer"),
        ("l.facebook.com", "social", "social_referrer"),
        ("instagram.com", "social", "social_referrer"),
        ("t.co", "social", "social_referrer"),
        ("not.co", "referral", "referrer"),
        ("twitter.com", "social", "social_referrer"),
        ("x.com", "social", "social_referrer"),
        ("netflix.com", "referral", "referrer"),
        ("pinterest.com", "social", "social_referrer"),
        ("linkedin.com", "social", "social_referrer"),
        ("lnkd.in", "social", "social_referrer"),
        ("tiktok.com", "social", "social_referrer"),
        ("m.youtube.com", "social", "social_referrer"),
        ("old.reddit.com", "social", "social_referrer"),
        ("lm.facebook.com", "social", "social_referrer"),
        ("l.instagram.com", "social", "social_referrer"),
        ("l.threads.net", "social", "social_referrer"),
        ("bsky.app", "social", "social_referrer"),
        ("l.wl.co", "social", "social_referrer"),
        ("web.whatsapp.com", "social", "social_referrer"),
        ("t.me", "social", "social_referrer"),
        ("away.vk.com", "social", "social_referrer"),
        ("www.xing.com", "social", "social_referrer"),
        ("www.pinterest.co.uk", "social", "social_referrer"),
        ("www.snapchat.com", "social", "social_referrer"),
        ("com.linkedin.android", "social", "social_referrer"),
        ("api.twitter.com", None, "sign_in"),
        ("appleid.apple.com", None, "sign_in"),
        ("login.live.com", None, "sign_in"),
        ("login.microsoftonline.com", None, "sign_in"),
        ("eu.account.amazon.com", None, "sign_in"),
        ("outlook.live.com", "email", "webmail"),
        ("outlook.office.com", "email", "webmail"),
        ("eur01.safelinks.protection.outlook.com", "email", "webmail"),
        ("deref-gmx.net", "email", "webmail"),
        ("www.paypal.com", None, "payment"),
        ("pay.klarna.com", None, "payment"),
        ("checkout.stripe.com", None, "payment"),
        ("adyen.com", None, "payment"),
        ("secure.worldpay.com", None, "payment"),
        ("sofort.com", None, "payment"),
        ("www.mollie.com", None, "payment"),
        ("pay.amazon.com", None, "payment"),
        ("payments.amazon.co.uk", None, "payment"),
        ("www.amazon.co.uk", "referral", "referrer"),
        ("secure.payu.com", None, "payment"),
        ("centinelapi.cardinalcommerce.com", None, "payment"),
        ("secure5.arcot.com", None, "payment"),
        ("www.securesuite.co.uk", None, "payment"),
        ("blog.example.org", "referral", "referrer"),
        ("müller.example", "referral", "referrer"),
        ("xn--mller-kva.example", "referral", "referrer"),
        ("192.0.2.1", "referral", "referrer"),
        ("[2001:db8::1]", "referral", "referrer"),
    ],
)
def test_referrers(host: str, channel: str | None, rule: str | None) -> None:
    """Without parameters the referrer's host decides."""
    assert TABLE.classify({}, SHOP, f"https://{host}/path?gclid=x#y") == (channel, rule)


@pytest.mark.parametrize(
    ("query", "rule"),
    [
        ({"utm_source": "x"}, "utm"),
        ({"gbraid": "x"}, "gclid"),
        ({"fbclid": "x"}, "fbclid"),
        ({"utm_medium": "email"}, "own"),
        ({"utm_source": ""}, "own"),
        ({"gclid": ""}, "own"),
    ],
)
def test_marked_links_on_own_pages_are_marketing(query: dict[str, str], rule: str) -> None:
    """An own referrer is internal only when neither ``utm_source`` nor a click id is there."""
    assert TABLE.classify(query, SHOP, SHOP)[1] == rule


def test_unknown_medium_leaves_the_referrer_to_decide() -> None:
    """Parameters that match no rule do not hide the referrer."""
    assert TABLE.classify({"utm_medium": "unheard-of"}, SHOP, "https://t.co/x") == ("social", "social_referrer")


def test_referrer_on_the_landing_host_is_internal_without_configuration() -> None:
    """The landing's own host is an own domain, whatever is configured; other hosts of the shop are not."""
    table = ChannelTable()
    assert table.classify({}, "https://WWW.shop.example:443/p", "http://shop.example/") == (None, "own")
    assert table.classify({}, "https://shop.example/p", "https://pay.shop.example/") == ("referral", "referrer")
    assert table.classify({}, "/p", "https://shop.example/") == ("referral", "referrer")
    assert table.classify({}, "https://*/p", "https://shop.example/") == ("referral", "referrer")


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Www.Shop.Example:8443/p?q#f", "shop.example"),
        ("//shop.example", "shop.example"),
        ("https://user:secret@www.shop.example/", "shop.example"),
        ("https://a@b@shop.example?x=/", "shop.example"),
        ("android-app://com.google.android.gm/", "com.google.android.gm"),
        ("  https://shop.example ", "shop.example"),
        ("https://[2001:DB8::1]:80/", "[2001:db8::1]"),
        ("https://[broken", ""),
        ("https://", ""),
        ("https:///p", ""),
        ("https://www./", ""),
        ("shop.example/p", ""),
        ("/p?u=https://shop.example/", ""),
        ("about:client", ""),
        ("", ""),
    ],
)
def test_host_of_an_address(url: str, host: str) -> None:
    """A host stands after two slashes; user, port, case and a leading ``www.`` do not belong to it."""
    assert host_of(url) == host


@pytest.mark.parametrize(
    ("own_domain", "host"),
    [
        ("Shop.Example", "shop.example"),
        (" www.shop.example ", "shop.example"),
        ("WWW.SHOP.EXAMPLE:8443", "pay.shop.example"),
        ("Müller.example", "xn--mller-kva.example"),
        ("mu\u0308ller.example", "xn--mller-kva.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("xn--mller-kva.example", "www.xn--mller-kva.example"),
        ("www.example", "example"),
    ],
)
def test_own_domains_are_taken_as_people_write_them(own_domain: str, host: str) -> None:
    """Case, a port, a leading ``www.`` and letters beyond ASCII are brought to the form that browsers send."""
    assert ChannelTable([own_domain]).classify({}, "/p", f"https://{host}/") == (None, "own")


@pytest.mark.parametrize("own_domain", ["", "https://shop.example", "shop.example/", "a..b", "*.example", "a b", ":80"])
def test_an_own_domain_that_is_no_host_is_refused(own_domain: str) -> None:
    """A setting that would match nothing is told, not ignored."""
    with pytest.raises(SettingsError, match=r"channels\.own_domains"):
        ChannelTable([own_domain])


def test_rules_are_data() -> None:
    """A table of one's own replaces the default one; every condition that a rule states must hold."""
    rule = Rule(
        name="partner_mail",
        channel="mail7",
        given=frozenset({"nl"}),
        absent=frozenset({"test"}),
        query=(("utm_medium", frozenset({"email"})),),
        referrer=frozenset({".mail.example", "mail.*", ".post.web.*"}),
    )
    table = ChannelTable(rules=(rule,))
    said = {"nl": "7", "utm_medium": "EMAIL"}
    assert table.parameters == {"nl", "test", "utm_medium"}
    assert table.classify(said, SHOP, "https://eu.mail.example/") == ("mail7", "partner_mail")
    assert table.classify(said, SHOP, "https://mail.co.uk/") == ("mail7", "partner_mail")
    assert table.classify(said, SHOP, "https://my.mail.de/") == (None, None)
    assert table.classify(said, SHOP, "https://my.post.web.com.br/") == ("mail7", "partner_mail")
    assert table.classify(said | {"test": "1"}, SHOP, "https://mail.example/") == (None, None)
    assert table.classify(said | {"nl": ""}, SHOP, "https://mail.example/") == (None, None)
    assert table.classify(said | {"utm_medium": "cpc"}, SHOP, "https://mail.example/") == (None, None)
    assert table.classify(said, SHOP, "https://example/") == (None, None)
    assert table.classify(said, SHOP, None) == (None, None)


@pytest.mark.parametrize(
    ("rule", "url", "fits"),
    [
        ({"landing_path": ("/lp/*",)}, "https://shop.example/lp/spring?x=1", True),
        ({"landing_path": ("/lp/*",)}, "https://shop.example/LP/spring", False),
        ({"landing_path": ("/lp/*",)}, "https://shop.example/lp", False),
        ({"landing_path": ("/a", "/b")}, "https://shop.example:8443/b#/a", True),
        ({"landing_path": ("/a",)}, "https://shop.example?back=/a", False),
        ({"landing_path": ("/",)}, "https://shop.example?back=/a", True),
        ({"landing_path": ("/",)}, "https://shop.example", True),
        ({"landing_path": ("/",)}, "no address", True),
        ({"landing_path": ("/x",)}, "https:///x", False),
        ({"landing_host": frozenset({"www.shop.example"})}, "https://shop.example/", True),
        ({"landing_host": frozenset({".shop.example"})}, "https://M.shop.example/", True),
        ({"landing_host": frozenset({"shop.example"})}, "https://m.shop.example/", False),
        ({"landing_host": frozenset({"shop.*"}), "landing_path": ("/x",)}, "https://shop.co.uk/x", True),
        ({"landing_host": frozenset({"shop.*"}), "landing_path": ("/y",)}, "https://shop.co.uk/x", False),
    ],
)
def test_rules_may_look_at_the_landing(rule: dict[str, Any], url: str, fits: bool) -> None:  # noqa: FBT001
    """At its host and its path, the latter as it stands in the URL; without any parameter or referrer as well."""
    table = ChannelTable(rules=(Rule(name="lp", channel="tv", **rule),))
    expected = ("tv", "lp") if fits else (None, None)
    assert table.reads_bare_landings
    assert table.classify({}, url, None) == expected
    assert read(url, None, table)[:2] == expected


def test_a_rule_may_ask_for_an_awc() -> None:
    """One that is there without being well-formed is a parameter like any other."""
    lost = Rule(name="lost", channel="lost", given=frozenset({"awc"}))
    table = ChannelTable(rules=(lost, Rule(name="other", channel="tv", absent=frozenset({"awc"}))))
    assert read("https://shop.example/?awc=%7Bawc%7D", None, table) == ("lost", "lost", None, 0, True)
    assert read("https://shop.example/?awc=", None, table)[:2] == ("tv", "other")


def test_a_bracket_after_the_user_hides_no_host() -> None:
    """What stands before the last ``@`` is a user, whatever comes after it."""
    assert host_of("https://shop.example:80@[::1]x/") == ""
    assert host_of("https://ann:secret@shop.example/") == "shop.example"


@pytest.mark.parametrize(
    ("landing", "referrer"),
    [
        ("https://müller.de/", "https://www.xn--mller-kva.de/a"),
        ("https://xn--mller-kva.de/", "https://MÜLLER.de/a"),
        ("https://shop.de/", "https://pay.shop.de./a"),
    ],
)
def test_a_host_is_the_same_however_it_is_written(landing: str, referrer: str) -> None:
    """Letters beyond ASCII, capitals and the dot of the root do not make a click out of a step inside the shop."""
    table = ChannelTable(["müller.de", "shop.de"])
    assert table.classify({}, landing, referrer) == (None, "own")
    assert ChannelTable().classify({}, landing, referrer.replace("pay.", ""))[1] == "own"


def test_no_host_is_longer_than_the_dns_allows() -> None:
    """Whatever is longer is no host, and is not remembered."""
    assert TABLE.classify({}, SHOP, f"https://{'a' * 253}/") == ("referral", "referrer")
    assert TABLE.classify({}, SHOP, f"https://{'a' * 254}/") == (None, None)


def test_values_of_parameters_match_without_regard_to_capitals() -> None:
    """All that a rule states must hold; an empty value is none."""
    rule = Rule(
        name="crm",
        channel="email",
        query=(("utm_source", frozenset({"crm", "mailing"})), ("utm_campaign", frozenset({"week 48"}))),
    )
    table = ChannelTable(rules=(rule,))
    said = {"utm_source": "Mailing", "utm_campaign": "WEEK 48"}
    assert table.classify(said, SHOP, None) == ("email", "crm")
    assert table.classify(said | {"utm_campaign": ""}, SHOP, None) == (None, None)
    assert table.classify({"utm_source": "crm"}, SHOP, None) == (None, None)
    assert not table.reads_bare_landings


def test_channels_fit_the_request() -> None:
    """Every channel of the default table is at most 20 alphanumerics, as Awin takes them, and rule names are unique."""
    assert all(rule.channel is None or (rule.channel.isalnum() and len(rule.channel) <= 20) for rule in DEFAULT_RULES)
    assert len({rule.name for rule in DEFAULT_RULES}) == len(DEFAULT_RULES)


@given(st.dictionaries(st.sampled_from(sorted(TABLE.parameters)), st.text()), st.text(), st.none() | st.text())
def test_takes_any_text(query: dict[str, str], landing_url: str, referrer: str | None) -> None:
    """No text makes it raise, and the answer is always a line of the table."""
    assert TABLE.classify(query, landing_url, referrer) in {
        (None, None),
        *((rule.channel, rule.name) for rule in DEFAULT_RULES),
    }
