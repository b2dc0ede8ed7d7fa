"""Sections 1 and 5 of ``docs/attribution.md``: what one landing says."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from unicodedata import normalize
from urllib.parse import unquote_plus

from consumer.demo.reference.logged import LoggedSession
from consumer.events import Consent

Kind = Literal["normal", "strictly_necessary", "gclid"]

LONGEST_AWC = 200
LATEST_MS = 2**63 - 1

CLICK_IDS = ("gclid", "gbraid", "wbraid", "msclkid", "fbclid", "ttclid")

SEARCH_NAMES = ("google", "yandex")
"""Written ``google.*`` in the document."""
SEARCH_DOMAINS = (
    "bing.com",
    "duckduckgo.com",
    "yahoo.com",
    "ecosia.org",
    "baidu.com",
    "qwant.com",
    "startpage.com",
    "search.brave.com",
)
SOCIAL_DOMAINS = (
    "facebook.com",
    "instagram.com",
    "t.co",
    "twitter.com",
    "x.com",
    "pinterest.com",
    "linkedin.com",
    "lnkd.in",
    "tiktok.com",
    "youtube.com",
    "reddit.com",
)
PAYMENT_DOMAINS = ("paypal.com", "klarna.com", "stripe.com", "adyen.com", "worldpay.com", "sofort.com")


@dataclass(frozen=True, slots=True)
class Touch:
    """One landing as an order may see it."""

    session_id: str
    offset: int
    landed_at_ms: int
    watermark_ms: int | None
    """The partition's watermark just before this landing was read; ``None`` when it was the first."""
    channel: str | None
    rule: str | None
    checksum: str | None
    kind: Kind | None
    consent: Consent | None


@dataclass(frozen=True, slots=True)
class Page:
    """What the channel table looks at."""

    parameters: dict[str, str]
    """By name, the first occurrence of each."""
    host: str
    referrer_host: str
    own_hosts: tuple[str, ...]

    def has(self, name: str) -> bool:
        """Is the parameter there, with a value? An empty one says nothing."""
        return self.parameters.get(name, "") != ""

    def has_click_id(self) -> bool:
        """Is any of the click ids there?"""
        return any(self.has(name) for name in CLICK_IDS)

    def medium_is(self, *words: str) -> bool:
        """Is ``utm_medium``, in lower case, one of these?"""
        return self.parameters.get("utm_medium", "").lower() in words

    def came_from(self, *domains: str) -> bool:
        """Is the referrer's host one of these, or below one?"""
        return any(is_or_is_below(self.referrer_host, domain) for domain in domains)

    def came_from_own(self) -> bool:
        """Is the referrer an own domain, below one, or the very host of the landing?"""
        if self.referrer_host == "":
            return False
        return self.referrer_host == self.host or self.came_from(*self.own_hosts)

    def came_from_search(self) -> bool:
        """Is the referrer's host a search engine's?"""
        return self.came_from(*SEARCH_DOMAINS) or any(
            has_name_before_suffix(self.referrer_host, name) for name in SEARCH_NAMES
        )


CHANNEL_TABLE: tuple[tuple[str, Callable[[Page], bool], str | None], ...] = (
    ("own", lambda page: not page.has("utm_source") and not page.has_click_id() and page.came_from_own(), None),
    ("gclid", lambda page: page.has("gclid") or page.has("gbraid") or page.has("wbraid"), "ppcgoogle"),
    ("msclkid", lambda page: page.has("msclkid"), "ppcbing"),
    ("fbclid", lambda page: page.has("fbclid") and not page.has("utm_medium"), "socialfacebook"),
    ("ttclid", lambda page: page.has("ttclid") and not page.has("utm_medium"), "socialtiktok"),
    ("utm_email", lambda page: page.medium_is("email", "e-mail", "newsletter"), "email"),
    ("utm_ppc", lambda page: page.medium_is("cpc", "ppc", "paidsearch", "paid-search", "sem"), "ppc"),
    (
        "utm_social",
        lambda page: page.medium_is("social", "paid-social", "paidsocial", "social-network", "social-media"),
        "social",
    ),
    ("utm_display", lambda page: page.medium_is("display", "banner", "cpm"), "display"),
    ("utm_affiliate", lambda page: page.medium_is("affiliate", "affiliates", "partner"), "affiliate"),
    ("utm_referral", lambda page: page.medium_is("referral"), "referral"),
    ("utm_organic", lambda page: page.medium_is("organic"), "organic"),
    ("utm", lambda page: page.has("utm_source"), "other"),
    ("search", lambda page: page.came_from_search(), "organic"),
    ("social_referrer", lambda page: page.came_from(*SOCIAL_DOMAINS), "social"),
    ("payment", lambda page: page.came_from(*PAYMENT_DOMAINS), None),
    ("referrer", lambda page: page.referrer_host != "", "referral"),
)
"""Section 5: rule, when it matches, and the channel it names."""


def touch_of(session: LoggedSession, watermark_ms: int | None, own_domains: tuple[str, ...]) -> Touch:
    """Section 1: the touch of one session record, ``watermark_ms`` being what stood before it."""
    pairs = query_parameters(session.event.landing_url)
    checksum, kind = checksum_in(pairs)
    channel: str | None = "aw"
    rule: str | None = "awc"
    if checksum is None:
        channel, rule = channel_by_table(session, pairs, own_domains)
    return Touch(
        session_id=session.event.session_id,
        offset=session.offset,
        landed_at_ms=session.event.landed_at_ms,
        watermark_ms=watermark_ms,
        channel=channel,
        rule=rule,
        checksum=checksum,
        kind=kind,
        consent=session.event.consent,
    )


def query_parameters(url: str) -> list[tuple[str, str]]:
    """Section 1, query parameters: name and value, in their order, each decoded once."""
    before_fragment = url.split("#", 1)[0]
    if "?" not in before_fragment:
        return []
    query = before_fragment.split("?", 1)[1]
    pairs = []
    for piece in query.split("&"):
        name, _, value = piece.partition("=")
        pairs.append((unquote_plus(name, errors="replace"), unquote_plus(value, errors="replace")))
    return pairs


def checksum_in(pairs: list[tuple[str, str]]) -> tuple[str | None, Kind | None]:
    """Section 1, checksum: the first rule that holds."""
    first = first_of_each(pairs)
    for name, value in pairs:
        if name == "awc" and is_gclid_form(value):
            return value, "gclid"
        if name == "awc" and is_awc_form(value):
            return value, "strictly_necessary" if first.get("sn") == "1" else "normal"
    awaid, gclid = first.get("awaid", ""), first.get("gclid", "")
    if re.fullmatch("[0-9]+", awaid) and is_gclid_form(f"gclid_{awaid}_{gclid}"):
        return f"gclid_{awaid}_{gclid}", "gclid"
    return None, None


def is_awc_form(value: str) -> bool:
    """Is this an ordinary well-formed awc?"""
    if len(value) > LONGEST_AWC or not re.fullmatch("[0-9]+_[0-9]+_[A-Za-z0-9]+", value):
        return False
    return int(value.split("_")[1]) * 1000 <= LATEST_MS


def is_gclid_form(value: str) -> bool:
    """Is this an awc of the gclid form?"""
    return len(value) <= LONGEST_AWC and re.fullmatch("gclid_[0-9]+_[A-Za-z0-9_-]+", value) is not None


def channel_by_table(
    session: LoggedSession, pairs: list[tuple[str, str]], own_domains: tuple[str, ...]
) -> tuple[str | None, str | None]:
    """Section 5: channel and rule of a landing without checksum; both ``None`` when no rule matches."""
    page = Page(
        parameters=first_of_each(pairs),
        host=host_of(session.event.landing_url),
        referrer_host=host_of(session.event.referrer or ""),
        own_hosts=tuple(own_host(domain) for domain in own_domains),
    )
    for rule, matches, channel in CHANNEL_TABLE:
        if matches(page):
            return channel, rule
    return None, None


def first_of_each(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Of a repeated parameter, the first occurrence."""
    first: dict[str, str] = {}
    for name, value in pairs:
        if name not in first:
            first[name] = value
    return first


def host_of(url: str) -> str:
    """The host in lower case, without port and a leading ``www.``; ``""`` when there is none to be read."""
    scheme, slashes, rest = url.strip().partition("//")
    if not slashes or not re.fullmatch("([A-Za-z][A-Za-z0-9+.-]*:)?", scheme):
        return ""
    authority = re.split("[/?#]", rest)[0].rpartition("@")[2]
    if authority.startswith("["):
        host, _, port = authority.removeprefix("[").partition("]")
        if "]" not in authority or port[:1] not in ("", ":"):
            return ""
    else:
        host = authority.partition(":")[0]
    if any(character in "[]" or character.isspace() for character in host):
        return ""
    return host.lower().removeprefix("www.")


def own_host(domain: str) -> str:
    """An own domain as browsers write it: in lower case, an IDN label by label as ``xn--``, no port, no ``www.``."""
    host = domain.strip().lower().split(":")[0].removeprefix("www.")
    labels = normalize("NFC", host).split(".")
    return ".".join(label if label.isascii() else "xn--" + str(label.encode("punycode"), "ascii") for label in labels)


def is_or_is_below(host: str, domain: str) -> bool:
    """Is this the domain, or a host below it?"""
    return host == domain or host.endswith("." + domain)


def has_name_before_suffix(host: str, name: str) -> bool:
    """Is this, or is it below, a host that is ``name`` followed by one or two labels?"""
    labels = host.split(".")
    return name in labels[-2:-1] or name in labels[-3:-2]
