"""Settings: one to three programmes, channel tables of one's own, and everything else that may be set."""

from __future__ import annotations

from random import Random
from typing import Any

from msgspec import structs

from consumer.attribution.channel_rule import Rule
from consumer.attribution.default_channels import DEFAULT_RULES
from consumer.attribution.rules import Condition, Groups, Rulebook, Rules
from tests.strategies.clock import (
    CLICK_DELAY_MS,
    GRACE_MS,
    NEVER_MS,
    ORDER_DELAY_MS,
    SHORT_WINDOW_MS,
    SKEW_MS,
    WINDOW_MS,
)

ADVERTISERS = ("1001", "2002", "3003")
STRANGER = "9009"
"""An advertiser that is never one of the programmes."""

LINES = (
    Rule(name="shoes", channel="content", landing_path=("/shoes",)),
    Rule(name="below_shoes", channel="content", landing_path=("/shoes/*", "/Sale")),
    Rule(name="all_paths", channel="visit", landing_path=("*",), given=frozenset({"utm_campaign"})),
    Rule(name="partners", channel="aw", landing_path=("/partner*",)),
    Rule(name="front", channel=None, landing_path=("/",), landing_host=frozenset({"www.shop.example"})),
    Rule(name="app", channel="app", landing_host=frozenset({"m.shop.example", ".app.*"})),
    Rule(name="any_shop", channel="shops", landing_host=frozenset({".shop.example"}), given=frozenset({"fbclid"})),
    Rule(name="some_host", channel="some", landing_host=frozenset({"*"}), absent=frozenset({"gclid", "utm_source"})),
    Rule(name="podcast", channel="podcast", query=(("utm_medium", frozenset({"podcast", "radio"})),)),
    Rule(
        name="brand",
        channel="brand",
        query=(("utm_medium", frozenset({"cpc", "email"})), ("utm_campaign", frozenset({"brand"}))),
    ),
    Rule(name="news", channel=None, query=(("utm_source", frozenset({"news"})),), absent=frozenset({"utm_medium"})),
    Rule(name="bing", channel="bing", referrer=frozenset({"bing.com", "www.blog.example"})),
    Rule(name="google_path", channel="google", referrer=frozenset({"google.*"}), landing_path=("/shoes*",)),
    Rule(name="google_all", channel="goog", referrer=frozenset({".google.*"}), absent=frozenset({"utm_source"})),
    Rule(name="google_news", channel="news", referrer=frozenset({"news.google.*", "m.baidu.*"})),
    Rule(name="linked", channel="linked", referrer=frozenset({"*"}), absent=frozenset({"utm_medium"})),
    Rule(name="social_ad", channel="socialad", referrer=frozenset({".facebook.com"}), absent=frozenset({"utm_source"})),
    Rule(name="lost", channel="lost", given=frozenset({"awc", "awaid"})),
    Rule(name="no_awc", channel="noawc", absent=frozenset({"awc", "sn"}), given=frozenset({"utm_source", "fbclid"})),
    Rule(name="inside", channel=None, own_referrer=True, given=frozenset({"utm_source", "utm_medium"})),
)
"""Lines of one's own, each condition and most pairs of conditions among them."""

SHORT = dict.fromkeys(
    ("ppcgoogle", "ppc", "email", "social", "other", "organic", "referral", "content"), SHORT_WINDOW_MS
)
WINDOWS_MS: tuple[dict[str, int], ...] = (
    *({}, {}, SHORT, SHORT, {**SHORT, "aw": SHORT_WINDOW_MS}, {"aw": SHORT_WINDOW_MS}),
    {"aw": 0, "ppc": WINDOW_MS, "ppcgoogle": 0, "email": 0},
    {"organic": SHORT_WINDOW_MS, "referral": 0, "other": 0, "aw": CLICK_DELAY_MS, "linked": CLICK_DELAY_MS},
)

VALUES: tuple[tuple[str, tuple[str | None, ...]], ...] = (
    *(("market", ("de",)), ("market", ("fr", None)), ("market", ("DE",)), ("currency", ("EUR",))),
    *(("currency", ("GBP", "JPY", "KWD")), ("customer_type", ("NEW", None)), ("test", ("false",)), ("test", (None,))),
    *(("custom.shop", ("b2b",)), ("custom.2", ("x", None)), ("custom.11", ("z",)), ("voucher_codes", ("b&b",))),
    *(("voucher_codes", (None,)), ("lines.category", ("shoes", None)), ("lines.commission_group", ("SHOES", "B.1-X"))),
    *(
        ("lines.product_id", ("p0", "p1")),
        ("lines.sku", ("sku1", None)),
        ("lines.name", ("Boot",)),
        ("channel", ("ppc",)),
    ),
    *(("visitor_id", ("ann", None)), ("session_id", ("ann-1", "eve-1")), ("customer_id", ("c1", None))),
    *(("consent", ("granted", None)), ("order_id", ("id-0", "id-2")), ("order_ref", ("R-0",))),
)
"""Fields of an order with the values that a condition may state."""

SETS: tuple[tuple[tuple[str, tuple[str | None, ...]], ...], ...] = (
    *((("test", ("true",)),), (("market", ("uk",)),), (("voucher_codes", ("SAVE10",)), ("currency", ("EUR",)))),
    *((("custom.shop", ("b2b",)), ("market", ("de", "fr", None))), (("lines.category", ("hats",)),)),
    *(
        (("customer_type", ("RETURNING",)), ("visitor_id", (None,))),
        (("channel", ("aw",)),),
        (("order_id", ("id-2",)),),
    ),
)
"""Sets of conditions that take few orders out."""

GROUPS = (
    *(Groups(), Groups(), Groups(default="OTHER")),
    Groups(field="category", codes={"shoes": "SHOES", "hats": "B.1-X", "Shoes": "C_2"}),
    Groups(field="sku", codes={"sku0": "SHOES", "sku1": "SHOES", "sku2": "DEFAULT"}),
    Groups(field="product_id", codes={"p0": "A", "p1": "B", "p2": "A"}, default="A"),
    Groups(field="name", codes={"Boot": "SHOES"}, default="REST"),
    Groups(codes={"SHOES": "A", "B.1-X": "B", "shoes": "C_2"}),
)

CUSTOM: tuple[dict[str, str], ...] = (
    *({}, {}, {"2": "market"}, {"1": "custom.shop"}, {"2": "custom.shop", "17": "test"}, {"3": "voucher_codes"}),
    {"2": "lines.category", "4": "lines.sku", "5": "customer_id"},
)


def conditions(random: Random, at_most: int) -> tuple[Condition, ...]:
    """Return a few conditions; none of them holds for every order, some for most."""
    stated = random.sample(VALUES, random.randint(0, at_most))
    return tuple(Condition(field, frozenset(values)) for field, values in stated)


def exclusions(random: Random) -> tuple[tuple[Condition, ...], ...]:
    """Return sets of conditions that take orders out: mostly none."""
    chosen = random.sample(SETS, random.choice((0, 0, 0, 0, 1, 2)))
    return tuple(tuple(Condition(field, frozenset(values)) for field, values in stated) for stated in chosen)


def channel_table(random: Random) -> tuple[Rule, ...]:
    """Return the default table, lines of one's own before or after it, or these alone."""
    own = tuple(random.sample(LINES, random.choice((0, 1, 2, 3, 4))))
    if not own:
        return DEFAULT_RULES
    return random.choice(((*own, *DEFAULT_RULES), (*own, *DEFAULT_RULES), (*DEFAULT_RULES, *own), own))


def rulebook(random: Random) -> Rulebook:
    """Return settings with small durations."""
    shop: dict[str, Any] = {
        "mode": random.choice(("live", "test", "shadow")),
        "model": random.choice(("last_click",) * 9 + ("none",)),
        "order_channel": random.choice(("trust", "touch")),
        "channel_none": random.choice(("na", "direct")),
        "channel_unknown": random.choice(("aw", "unknown")),
        "channel_rules": channel_table(random),
        "own_domains": random.choice(((), ("shop.example",), ("WWW.Brand.Example:443", "shop.example"))),
        "window_ms": WINDOW_MS,
        "grace_ms": random.choice((GRACE_MS, GRACE_MS, 0)),
        "click_delay_ms": CLICK_DELAY_MS,
        "max_clock_skew_ms": SKEW_MS,
        "max_order_delay_ms": ORDER_DELAY_MS,
        "consent_missing": random.choice(("assume", "assume", "deny")),
        "consent_settle_ms": random.choice((0, 0, 0, GRACE_MS, SHORT_WINDOW_MS, NEVER_MS)),
        "consent_missing_in": random.choice(({}, {"de": "deny"}, {"de": "assume", "uk": "assume", "fr": "deny"})),
        "sender": "sender-1.0",
    }
    number = random.choice((1, 1, 2, 2, 3))
    last = random.choice((0, 0, 1))
    programmes = tuple(
        programme(random, advertiser, shop, conditions(random, 2 if place < number else last))
        for place, advertiser in enumerate(ADVERTISERS[:number], start=1)
    )
    return Rulebook(programmes, exclusions(random))


def never_erasing(rules: Rulebook) -> Rulebook:
    """Return these settings, but that refused checksums are never erased."""
    programmes = tuple(structs.replace(each, consent_settle_ms=NEVER_MS) for each in rules.programmes)
    return structs.replace(rules, programmes=programmes)


def programme(random: Random, advertiser: str, shop: dict[str, Any], when: tuple[Condition, ...]) -> Rules:
    """Return one programme's settings, with what is the same for all of the shop."""
    return Rules(
        **shop,
        advertiser_id=advertiser,
        when=when,
        currencies=random.choice((frozenset(),) * 8 + (frozenset({"EUR", "GBP"}), frozenset({"EUR", "JPY", "KWD"}))),
        report=random.choice(("all", "all", "all", "awin")),
        windows_ms=random.choice(WINDOWS_MS),
        groups=random.choice(GROUPS),
        parts_mismatch=random.choice(("pro_rata", "pro_rata", "default_group", "reject")),
        zero_value=random.choice(("send", "skip")),
        voucher_codes=random.choice((frozenset(), frozenset(), frozenset({"b&b"}), frozenset({"SAVE10", "B&B"}))),
        custom=random.choice(CUSTOM),
        products=random.choice((True, False)),
    )
