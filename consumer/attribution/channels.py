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
from msgspec.structs import replace

from consumer.errors import SettingsError

AWIN_CHANNEL = "aw"
"""The channel of every click that has a checksum."""

MAX_HOST_CHARACTERS = 253
"""What the DNS allows; longer ones are no hosts."""
_NOTHING: frozenset[str] = frozenset()
_OWN_DOMAIN = re.compile(r"(?:www\.)?([^\s./:@?#*]+(?:\.[^\s./:@?#*]+)*)(?::[0-9]+)?")
_AUTHORITY = re.compile(
    r"\s*(?:[A-Za-z][A-Za-z0-9+.-]*:)?//(?>(?:[^/?#]*@)?)(\[[^/?#\[\]\s]+\]|[^/?#:\s\[\]]*)(?=[/?#:]|\s*\Z)"
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
    query: tuple[tuple[str, frozenset[str]], ...] = ()
    """Each of these query parameters has, lower-cased, one of its values."""
    referrer: frozenset[str] = _NOTHING
    """The referrer's host fits one of these patterns."""
    own_referrer: bool = False
    """The referrer's host is an own domain, or below one, or the landing's own host."""
    landing_host: frozenset[str] = _NOTHING
    """The landing's host fits one of these patterns."""
    landing_path: tuple[str, ...] = ()
    """The landing's path is one of these, or begins with one that ends in ``*``. Case counts."""

    def needs_parameters(self) -> bool:
        """Whether a landing without parameters can not match."""
        return bool(self.given or self.query)

    def needs_referrer(self) -> bool:
        """Whether a landing without referrer can not match."""
        return bool(self.referrer or self.own_referrer)


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


class ChannelTable:
    """An ordered table of rules, made ready for reading hundreds of thousands of landings a second.

    Args:
        own_domains: hosts of the shop, those below them included. Case, a port and a leading ``www.`` do not matter.
        rules: the lines of the table.

    Raises:
        SettingsError: an own domain is no host name.
    """

    def __init__(self, own_domains: Iterable[str] = (), rules: tuple[Rule, ...] = DEFAULT_RULES) -> None:
        rules = tuple(map(_comparable, rules))
        self._own = frozenset(f".{_own_host(domain)}" for domain in own_domains)
        patterns = self._own.union(*(rule.referrer | rule.landing_host for rule in rules))
        self._depth = max([3, *(pattern.count(".") for pattern in patterns)])
        self._rules = rules
        self._without_parameters = tuple(rule for rule in rules if not rule.needs_parameters())
        self._bare = tuple(rule for rule in self._without_parameters if not rule.needs_referrer())
        self.parameters = frozenset[str]().union(
            *(rule.given | rule.absent | {name for name, _ in rule.query} for rule in rules)
        )
        """The query parameters that any rule looks at."""

    @property
    def reads_bare_landings(self) -> bool:
        """Whether a landing with neither parameters nor referrer can have a channel."""
        return bool(self._bare)

    def classify(
        self, query: Mapping[str, str], landing_url: str, referrer: str | None
    ) -> tuple[str | None, str | None]:
        """Return the channel and the rule that named it; ``(None, None)`` for a direct landing.

        ``query`` holds decoded parameters. Takes any text for the addresses; one without a host counts as absent.
        """
        present = {name for name, value in query.items() if value}
        rules = self._rules if present else self._without_parameters if referrer else self._bare
        fitting = None if referrer else _NOTHING
        for rule in rules:
            if (rule.given and rule.given.isdisjoint(present)) or not rule.absent.isdisjoint(present):
                continue
            if rule.query and not _has_values(query, rule.query):
                continue
            if rule.referrer or rule.own_referrer:
                if fitting is None:  # most landings with parameters never come here
                    fitting = _patterns_of(host_of(referrer or ""), self._depth)
                if rule.referrer and rule.referrer.isdisjoint(fitting):
                    continue
                if rule.own_referrer and not self._is_own(referrer or "", fitting, landing_url):
                    continue
            if (rule.landing_host or rule.landing_path) and not self._landed_at(landing_url, rule):
                continue
            return rule.channel, rule.name
        return None, None

    def _is_own(self, referrer: str, fitting: frozenset[str], landing_url: str) -> bool:
        return bool(fitting) and (not self._own.isdisjoint(fitting) or host_of(referrer) == host_of(landing_url))

    def _landed_at(self, landing_url: str, rule: Rule) -> bool:
        if rule.landing_host and rule.landing_host.isdisjoint(_patterns_of(host_of(landing_url), self._depth)):
            return False
        path = path_of(landing_url)
        return not rule.landing_path or any(
            path.startswith(wanted[:-1]) if wanted.endswith("*") else path == wanted for wanted in rule.landing_path
        )


def _has_values(query: Mapping[str, str], wanted: Iterable[tuple[str, frozenset[str]]]) -> bool:
    return all(query.get(name, "").lower() in values for name, values in wanted)


def host_of(url: str) -> str:
    """Return the host of an address, ``""`` when it has none.

    In lower case, an IDN in its ``xn--`` form, without port, a leading ``www.`` and one dot at the end.
    """
    authority = _AUTHORITY.match(url)
    if authority is None or len(authority[1]) > MAX_HOST_CHARACTERS:
        return ""
    host = authority[1].lower().removeprefix("www.").removesuffix(".")
    return host if host.isascii() else _ascii(host)


def path_of(url: str) -> str:
    """Return the path of an address as it stands there; ``/`` when it has none, or no host."""
    authority = _AUTHORITY.match(url)
    rest = url[authority.end() :] if authority and host_of(url) else ""
    path = rest.partition("#")[0].partition("?")[0]
    return path[path.find("/") :] if "/" in path else "/"


def _own_host(domain: str) -> str:
    """Return an own domain as `host_of` finds it in what browsers send, so an IDN in its ``xn--`` form (RFC 5891)."""
    bare = _OWN_DOMAIN.fullmatch(unicodedata.normalize("NFC", domain.strip().lower()))
    if bare is None:
        raise SettingsError(f"channels.own_domains: {domain!r} is no host name; write one like shop.example")
    return _ascii(bare[1])


def _ascii(host: str) -> str:
    """Return a lower-case host with every label in the form that browsers send (RFC 5891)."""
    labels = unicodedata.normalize("NFC", host).split(".")
    return ".".join(label if label.isascii() else f"xn--{_punycode(label)}" for label in labels)


def _punycode(label: str) -> str:
    return label.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode("punycode").decode()


def _comparable(rule: Rule) -> Rule:
    """Return a rule whose host patterns are, as the hosts that `host_of` finds, without a leading ``www.``."""
    return replace(
        rule,
        referrer=frozenset(pattern.removeprefix("www.") for pattern in rule.referrer),
        landing_host=frozenset(pattern.removeprefix("www.") for pattern in rule.landing_host),
    )


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
