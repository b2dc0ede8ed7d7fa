"""The lines of the default channel table. Source: docs/attribution.md, section 5."""

from __future__ import annotations

from consumer.attribution.channel_rule import Rule

_GOOGLE = frozenset({"gclid", "gbraid", "wbraid"})
_CLICK_IDS = _GOOGLE | {"msclkid", "fbclid", "ttclid"}
_NO_MEDIUM = frozenset({"utm_medium"})
_MEDIA = {
    "utm_email": ("email", ("email", "e-mail", "newsletter")),
    "utm_ppc": ("ppc", ("cpc", "ppc", "paidsearch", "paid-search", "sem")),
    "utm_social": ("social", ("social", "paid-social", "paidsocial", "social-network", "social-media")),
    "utm_display": ("display", ("display", "banner", "cpm")),
    "utm_affiliate": ("affiliate", ("affiliate", "affiliates", "partner")),
    "utm_referral": ("referral", ("referral",)),
    "utm_organic": ("organic", ("organic",)),
}
# fmt: off
_SEARCH_ENGINES = frozenset({
    ".google.*", ".bing.com", ".duckduckgo.com", ".yahoo.com", ".ecosia.org", ".baidu.com", ".yandex.*", ".qwant.com",
    ".startpage.com", ".search.brave.com",
})
_SOCIAL_NETWORKS = frozenset({
    ".facebook.com", ".instagram.com", ".t.co", ".twitter.com", ".x.com", ".pinterest.com", ".linkedin.com", ".lnkd.in",
    ".tiktok.com", ".youtube.com", ".reddit.com",
})
# fmt: on
_PAYMENT = frozenset({".paypal.com", ".klarna.com", ".stripe.com", ".adyen.com", ".worldpay.com", ".sofort.com"})

DEFAULT_RULES: tuple[Rule, ...] = (
    Rule(name="own", channel=None, absent=_CLICK_IDS | {"utm_source"}, own_referrer=True),
    Rule(name="gclid", channel="ppcgoogle", given=_GOOGLE),
    Rule(name="msclkid", channel="ppcbing", given=frozenset({"msclkid"})),
    Rule(name="fbclid", channel="socialfacebook", given=frozenset({"fbclid"}), absent=_NO_MEDIUM),
    Rule(name="ttclid", channel="socialtiktok", given=frozenset({"ttclid"}), absent=_NO_MEDIUM),
    *(
        Rule(name=name, channel=channel, query=(("utm_medium", frozenset(media)),))
        for name, (channel, media) in _MEDIA.items()
    ),
    Rule(name="utm", channel="other", given=frozenset({"utm_source"})),
    Rule(name="search", channel="organic", referrer=_SEARCH_ENGINES),
    Rule(name="social_referrer", channel="social", referrer=_SOCIAL_NETWORKS),
    Rule(name="payment", channel=None, referrer=_PAYMENT),
    Rule(name="referrer", channel="referral", referrer=frozenset({"*"})),
)
