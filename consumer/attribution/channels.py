"""The channel table: which channel a landing without click checksum belongs to. Source: docs/attribution.md, section 5.

Rules are data and the first that matches wins. Host patterns take four forms::

    bing.com        that host
    .facebook.com   that host, or one below it
    google.*        a host, or one below it, that is this one label followed by one or two others
    *               any host
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache

from msgspec import Struct

from consumer.errors import SettingsError

AWIN_CHANNEL = "aw"
"""The channel of every click that has a checksum."""

_NOTHING: frozenset[str] = frozenset()
_OWN_DOMAIN = re.compile(r"(?:www\.)?([^\s./:@?#*]+(?:\.[^\s./:@?#*]+)*)(?::[0-9]+)?")
_AUTHORITY = re.compile(
    r"\s*(?:[a-z][a-z0-9+.-]*:)?//(?:[^/?#]*@)?(\[[^/?#\[\]\s]+\]|[^/?#:\s\[\]]*)(?=[/?#:]|\s*\Z)", re.IGNORECASE
)


class Rule(Struct, frozen=True, kw_only=True):
    """One line of the table. It matches when everything that it states holds; an empty parameter counts as absent."""

    name: str
    channel: str | None
    """``None`` for landings that are internal: they never overwrite a channel."""
    given: frozenset[str] = _NOTHING
    """At least one of these query parameters is there."""
    absent: frozenset[str] = _NOTHING
    """None of these query parameters is there."""
    medium: frozenset[str] = _NOTHING
    """``utm_medium``, lower-cased, is one of these."""
    referrer: frozenset[str] = _NOTHING
    """The referrer's host fits one of these patterns."""
    own_referrer: bool = False
    """The referrer's host is an own domain, or below one, or the landing's own host."""


_GOOGLE = frozenset({"gclid", "gbraid", "wbraid"})
_CLICK_IDS = _GOOGLE | {"msclkid", "fbclid", "ttclid"}
_NO_MEDIUM = frozenset({"utm_medium"})
_EMAIL = frozenset({"email", "e-mail", "newsletter"})
_PPC = frozenset({"cpc", "ppc", "paidsearch", "paid-search", "sem"})
_SOCIAL = frozenset({"social", "paid-social", "paidsocial", "social-network", "social-media"})
_DISPLAY = frozenset({"display", "banner", "cpm"})
_AFFILIATE = frozenset({"affiliate", "affiliates", "partner"})
# fmt: off
_SEARCH_ENGINES = frozenset({
    "google.*", ".bing.com", ".duckduckgo.com", ".yahoo.com", ".ecosia.org", ".baidu.com", "yandex.*", ".qwant.com",
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
    Rule(name="utm_email", channel="email", medium=_EMAIL),
    Rule(name="utm_ppc", channel="ppc", medium=_PPC),
    Rule(name="utm_social", channel="social", medium=_SOCIAL),
    Rule(name="utm_display", channel="display", medium=_DISPLAY),
    Rule(name="utm_affiliate", channel="affiliate", medium=_AFFILIATE),
    Rule(name="utm_referral", channel="referral", medium=frozenset({"referral"})),
    Rule(name="utm_organic", channel="organic", medium=frozenset({"organic"})),
    Rule(name="utm", channel="other", given=frozenset({"utm_source"})),
    Rule(name="search", channel="organic", referrer=_SEARCH_ENGINES),
    Rule(name="social_referrer", channel="social", referrer=_SOCIAL_NETWORKS),
    Rule(name="payment", channel=None, referrer=_PAYMENT),
    Rule(name="referrer", channel="referral", referrer=frozenset({"*"})),
)


class ChannelTable:
    """An ordered table of rules, made ready for reading hundreds of thousands of landings a second.

    Args:
        own_domains: hosts of the shop, those below them included. Case, a port and a leading ``www.`` do not matter.
        rules: the lines of the table. Each states something about a parameter or the referrer, so that a landing
            without both matches none.

    Raises:
        SettingsError: an own domain is no host name.
    """

    def __init__(self, own_domains: Iterable[str] = (), rules: tuple[Rule, ...] = DEFAULT_RULES) -> None:
        self._own = frozenset(f".{_own_host(domain)}" for domain in own_domains)
        patterns = self._own.union(*(rule.referrer for rule in rules))
        self._depth = max(3, *(pattern.count(".") for pattern in patterns))
        self._rules = rules
        self._without_parameters = tuple(rule for rule in rules if not rule.given and not rule.medium)
        self.parameters = frozenset({"utm_medium"}).union(*(rule.given | rule.absent for rule in rules))
        """The query parameters that any rule looks at."""

    def classify(
        self, query: Mapping[str, str], landing_url: str, referrer: str | None
    ) -> tuple[str | None, str | None]:
        """Return the channel and the rule that named it; ``(None, None)`` for a direct landing.

        ``query`` holds decoded parameters. Takes any text for the addresses; one without a host counts as absent.
        """
        present = {name for name, value in query.items() if value}
        if not present and not referrer:
            return None, None
        medium = query["utm_medium"].lower() if "utm_medium" in present else ""
        host, fitting = "", None if referrer else _NOTHING
        for rule in self._rules if present else self._without_parameters:
            if (
                (rule.given and rule.given.isdisjoint(present))
                or (rule.medium and medium not in rule.medium)
                or not rule.absent.isdisjoint(present)
            ):
                continue
            if rule.referrer or rule.own_referrer:
                if fitting is None:  # most landings with parameters never come here
                    host = host_of(referrer or "")
                    fitting = _patterns_of(host, self._depth)
                if rule.referrer and rule.referrer.isdisjoint(fitting):
                    continue
                if rule.own_referrer and not (host and self._is_own(host, fitting, landing_url)):
                    continue
            return rule.channel, rule.name
        return None, None

    def _is_own(self, host: str, fitting: frozenset[str], landing_url: str) -> bool:
        return not self._own.isdisjoint(fitting) or host == host_of(landing_url)


def host_of(url: str) -> str:
    """Return the host of an address in lower case, without port and a leading ``www.``; ``""`` when it has none."""
    authority = _AUTHORITY.match(url)
    return authority[1].lower().removeprefix("www.") if authority else ""


def _own_host(domain: str) -> str:
    """Return an own domain as `host_of` finds it in what browsers send, so an IDN in its ``xn--`` form (RFC 5891)."""
    bare = _OWN_DOMAIN.fullmatch(unicodedata.normalize("NFC", domain.strip().lower()))
    if bare is None:
        raise SettingsError(f"channels.own_domains: {domain!r} is no host name; write one like shop.example")
    labels = bare[1].split(".")
    return ".".join(label if label.isascii() else f"xn--{label.encode('punycode').decode()}" for label in labels)


@lru_cache(4096)
def _patterns_of(host: str, depth: int) -> frozenset[str]:
    """Return every pattern, of at most ``depth`` labels, that fits a host; so a rule costs one set comparison.

    Most referrers are of a few hosts.
    """
    if not host:
        return _NOTHING
    labels = host.rsplit(".", depth)
    fitting = ["*", host]
    below = ""
    for label in reversed(labels):
        below = f".{label}{below}"
        fitting.append(below)
    fitting += [f"{name}.*" for name in labels[-3:-1]]
    return frozenset(fitting)
