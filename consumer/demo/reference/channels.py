"""Section 5 of ``docs/attribution.md``: the channel table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from consumer.attribution.channel_rule import Rule
from consumer.attribution.default_channels import DEFAULT_RULES
from consumer.demo.reference.addresses import fits, host_of, is_or_is_below, own_host, path_of
from consumer.demo.reference.known_hosts import PAYMENT, SEARCH, SIGN_IN, SOCIAL, WEBMAIL

CLICK_IDS = ("gclid", "gbraid", "wbraid", "msclkid", "fbclid", "ttclid")


@dataclass(frozen=True, slots=True)
class Page:
    """What the channel table looks at."""

    parameters: Mapping[str, str]
    """By name, the first occurrence of each."""
    host: str
    path: str
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

    def came_from_one_of(self, patterns: Iterable[str]) -> bool:
        """Does the referrer's host fit any of these patterns?"""
        return any(fits(self.referrer_host, pattern) for pattern in patterns)

    def has_one_of(self, name: str, values: Iterable[str]) -> bool:
        """Is the parameter's value one of these, capitals or not? It is empty where there is none."""
        return self.parameters.get(name, "").lower() in [value.lower() for value in values]

    def is_at(self, path: str) -> bool:
        """Is the landing's path this one, or does it begin so where a ``*`` stands at the end?"""
        if path.endswith("*"):
            return self.path.startswith(path.removesuffix("*"))
        return self.path == path


Entry: TypeAlias = tuple[str, Callable[[Page], bool], str | None]
"""Rule, when it matches, and the channel it names."""

DEFAULT_TABLE: tuple[Entry, ...] = (
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
    ("payment", lambda page: page.came_from_one_of(PAYMENT), None),
    ("sign_in", lambda page: page.came_from_one_of(SIGN_IN), None),
    ("webmail", lambda page: page.came_from_one_of(WEBMAIL), "email"),
    ("search", lambda page: page.came_from_one_of(SEARCH), "organic"),
    ("social_referrer", lambda page: page.came_from_one_of(SOCIAL), "social"),
    ("referrer", lambda page: page.referrer_host != "", "referral"),
)
"""As the document writes it."""


def page_of(url: str, referrer: str, parameters: Mapping[str, str], own_domains: Iterable[str]) -> Page:
    """A landing as the channel table looks at it."""
    return Page(
        parameters=parameters,
        host=host_of(url),
        path=path_of(url),
        referrer_host=host_of(referrer),
        own_hosts=tuple(own_host(domain) for domain in own_domains),
    )


def channel_by_table(page: Page, lines: tuple[Rule, ...]) -> tuple[str | None, str | None]:
    """Channel and rule of a landing without checksum; both ``None`` when no line matches."""
    for rule, matches, channel in table_of(lines):
        if matches(page):
            return channel, rule
    return None, None


def table_of(lines: tuple[Rule, ...]) -> list[Entry]:
    """The table to go by: where the configured lines hold the whole default table, it is the one written out above."""
    table: list[Entry] = []
    while lines:
        if lines[: len(DEFAULT_RULES)] == DEFAULT_RULES:
            table.extend(DEFAULT_TABLE)
            lines = lines[len(DEFAULT_RULES) :]
        else:
            table.append((lines[0].name, partial(matches_line, lines[0]), lines[0].channel))
            lines = lines[1:]
    return table


def matches_line(line: Rule, page: Page) -> bool:
    """Does everything hold that a configured line states?"""
    return all(
        (
            not line.given or any(page.has(name) for name in line.given),
            not any(page.has(name) for name in line.absent),
            all(page.has_one_of(name, values) for name, values in line.query),
            not line.referrer or any(fits(page.referrer_host, pattern) for pattern in line.referrer),
            not line.own_referrer or page.came_from_own(),
            not line.landing_host or any(fits(page.host, pattern) for pattern in line.landing_host),
            not line.landing_path or any(page.is_at(path) for path in line.landing_path),
        )
    )
