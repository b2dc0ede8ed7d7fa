"""Every setting about attribution reaches the rules, and wrong ones are told at start."""

from __future__ import annotations

from typing import Any

import pytest

from consumer.attribution.channel_rule import Rule
from consumer.attribution.default_channels import DEFAULT_RULES
from consumer.attribution.rules import Condition, Groups
from consumer.errors import SettingsError
from consumer.settings import parse
from consumer.wiring.rulebook import rulebook

DAY_MS = 86_400_000

NEWS = {"name": "news", "channel": "email", "given": ["nl"]}

FULL: dict[str, Any] = {
    "attribution": {"window": "60d", "windows": {"ppcgoogle": "7d", "email": "14d"}},
    "channels": {
        "own_domains": ["shop.example"],
        "rules": [
            {
                "name": "letters",
                "channel": "email",
                "given": ["nl"],
                "absent": ["test"],
                "query": {"utm_source": ["CRM", "mailing"]},
                "referrer": [".Mail.example", "mail.*", ".Mail.web.*", "*"],
                "landing_host": ["shop.example"],
                "landing_path": ["/NL/*"],
            },
            "default",
            {"name": "checkout", "channel": None, "own_referrer": True},
        ],
    },
    "consent": {"missing": "deny", "markets": {"US": "assume"}},
    "programmes": [
        {
            "advertiser_id": "1001",
            "when": {"market": ["de", None], "test": False, "custom.store": "main"},
            "currencies": ["EUR", "CHF"],
            "method": "offline",
            "report": "awin",
            "windows": {"email": "1d"},
            "groups": {"field": "category", "codes": {"shoes": "SHOES"}, "default": "REST"},
            "parts_mismatch": "reject",
            "zero_value": "skip",
            "voucher_codes": ["PARTNER"],
            "custom": {"2": "market"},
            "products": True,
        },
        {"advertiser_id": "2002"},
    ],
    "orders": {"exclude": [{"custom.pos": ["store", "phone"]}]},
}


def test_everything_arrives() -> None:
    """Each setting is where the rules look for it; programmes share what concerns sessions and time."""
    book = rulebook(parse(FULL))
    first, second = book.programmes
    assert book.exclude == ((Condition("custom.pos", frozenset({"store", "phone"})),),)
    assert first.when == (
        Condition("market", frozenset({"de", None})),
        Condition("test", frozenset({"false"})),
        Condition("custom.store", frozenset({"main"})),
    )
    assert (first.currencies, first.report, first.zero_value) == (frozenset({"EUR", "CHF"}), "awin", "skip")
    assert (first.method, second.method) == ("offline", "sread")
    assert first.windows_ms == {"ppcgoogle": 7 * DAY_MS, "email": DAY_MS}
    assert second.windows_ms == {"ppcgoogle": 7 * DAY_MS, "email": 14 * DAY_MS}
    assert (first.window_of("email"), first.window_of("other")) == (DAY_MS, 60 * DAY_MS)
    assert first.groups == Groups(field="category", codes={"shoes": "SHOES"}, default="REST")
    assert (first.parts_mismatch, second.parts_mismatch) == ("reject", "pro_rata")
    assert (first.voucher_codes, first.custom, first.products) == (frozenset({"PARTNER"}), {"2": "market"}, True)
    assert (first.consent_missing, first.consent_missing_in) == ("deny", {"us": "assume"})
    assert first.channel_rules == second.channel_rules
    assert first.channel_rules == (
        Rule(
            name="letters",
            channel="email",
            given=frozenset({"nl"}),
            absent=frozenset({"test"}),
            query=(("utm_source", frozenset({"crm", "mailing"})),),
            referrer=frozenset({".mail.example", "mail.*", ".mail.web.*", "*"}),
            landing_host=frozenset({"shop.example"}),
            landing_path=("/NL/*",),
        ),
        *DEFAULT_RULES,
        Rule(name="checkout", channel=None, own_referrer=True),
    )


def test_without_the_default_lines_their_names_are_free() -> None:
    """Only what is in the table must differ; a window may be a year long."""
    rules = [NEWS, {**NEWS, "name": "search"}]
    values = {"channels": {"rules": rules}, "attribution": {"window": "365d"}, "programmes": [{"advertiser_id": "10"}]}
    book = rulebook(parse(values))
    assert [rule.name for rule in book.shop.channel_rules] == ["news", "search"]
    assert book.shop.window_ms == 365 * DAY_MS


def test_a_custom_parameter_may_be_named_by_a_number() -> None:
    """As YAML reads ``2: market``."""
    values = {"programmes": [{"advertiser_id": "1", "custom": {2: "market", "10": "channel"}}]}
    assert rulebook(parse(values)).shop.custom == {"2": "market", "10": "channel"}


@pytest.mark.parametrize(
    ("section", "wrong", "told"),
    [
        ("attribution", {"window": "7d", "windows": {"email": "8d"}}, "attribution.window"),
        ("attribution", {"windows": {"paid search": "1d"}}, "letters and digits"),
        ("channels", {"rules": [{"name": "all", "channel": "tv"}]}, "would match every landing"),
        ("channels", {"rules": [{"name": "a", "channel": "x" * 21, "given": ["a"]}]}, "letters and digits"),
        (
            "channels",
            {"rules": [{"name": "a", "channel": "tv", "referrer": ["https://x.example"]}]},
            "a host is written like",
        ),
        ("channels", {"rules": [{"name": "a", "channel": "tv", "referrer": ["a.*.b"]}]}, "a host is written like"),
        ("channels", {"rules": [{"name": "a", "channel": "tv", "referrer": ["*.*"]}]}, "a host is written like"),
        ("channels", {"rules": [{"name": "A B", "channel": "tv", "given": ["a"]}]}, "name"),
        ("channels", {"rules": [{"name": "a", "channel": "tv", "gievn": ["a"]}]}, "gievn"),
        ("channels", {"rules": ["defaults"]}, "channels.rules"),
        ("channels", {"rules": ["default", "default"]}, "default comes twice"),
        ("channels", {"rules": [NEWS, {**NEWS, "given": ["b"]}]}, "rules: news comes twice"),
        (
            "channels",
            {"rules": [{**NEWS, "name": "search"}, "default"]},
            "rules: search comes twice, counting the lines",
        ),
        ("channels", {"rules": [{**NEWS, "name": "awc"}]}, r"rules\[0\].name: awc has a meaning of its own"),
        ("channels", {"rules": [{**NEWS, "name": "order"}]}, "order has a meaning"),
        ("channels", {"rules": [{**NEWS, "name": "default"}]}, "default has a meaning"),
        ("channels", {"rules": [{**NEWS, "query": {"utm_source": []}}]}, "query.utm_source: must not be empty"),
        ("attribution", {"window": "366d"}, "attribution.window: should be less than or equal to 365 days"),
        ("programmes", [{"advertiser_id": "01"}], "advertiser_id"),
        ("programmes", [{"advertiser_id": "0"}], "advertiser_id"),
        ("programmes", [{"advertiser_id": "1"}, {"advertiser_id": "1"}], "comes twice"),
        ("programmes", [{"advertiser_id": "1", "when": {"markets": "de"}}], "no such field"),
        ("programmes", [{"advertiser_id": "1", "when": {"awc": "x"}}], "no such field"),
        ("programmes", [{"advertiser_id": "1", "when": {"market": 1}}], "write a number in quotes"),
        ("programmes", [{"advertiser_id": "1", "when": {"market": ["de", 0]}}], "write a number in quotes"),
        ("programmes", [{"advertiser_id": "1", "when": {"market": {"de": None}}}], "a value is text"),
        ("programmes", [{"advertiser_id": "1", "when": {"market": []}}], "states no value"),
        ("programmes", [{"advertiser_id": "1", "custom": {"2": "nothing"}}], "no such field"),
        ("programmes", [{"advertiser_id": "1", "custom": {"p2": "market"}}], "by its number"),
        ("programmes", [{"advertiser_id": "1", "custom": {0: "market"}}], "by its number"),
        ("programmes", [{"advertiser_id": "1", "custom": {True: "market"}}], "programmes"),
        ("programmes", [{"advertiser_id": "1", "custom": {2: "market", "2": "channel"}}], "a number comes twice"),
        ("programmes", [{"advertiser_id": "1", "custom": ["market"]}], "must be a mapping"),
        ("programmes", [{"advertiser_id": "1", "currencies": ["eur"]}], "currencies"),
        ("programmes", [{"advertiser_id": "1", "groups": {"field": "sku"}}], "codes must say"),
        ("programmes", [{"advertiser_id": "1", "groups": {"codes": {"a": "Shoes"}}}], "groups"),
        ("programmes", [], "programmes"),
        ("orders", {"exclude": [{"lines.amount": "1"}]}, "no such field"),
        ("orders", {"exclude": [{}]}, "would exclude every order"),
        ("orders", {"exclude": [{"market": [False, "SE"]}]}, "market: write False in quotes"),
        ("orders", {"exclude": [{"test": "True"}]}, "test is true or false"),
        ("orders", {"exclude": [{"market": ""}]}, "market is never ''"),
        ("orders", {"exclude": [{"consent": "DENIED"}]}, "consent is never 'DENIED'"),
        ("orders", {"exclude": [{"customer_type": "new"}]}, "customer_type is never 'new'"),
        ("orders", {"exclude": [{"currency": "eur"}]}, "currency is never 'eur'"),
        ("programmes", [{"advertiser_id": "1"}, {"advertiser_id": "2"}], "it must be the last"),
        ("channels", {"own_domains": ["a b"]}, "is no host name"),
        ("channels", {"rules": [{"name": "a", "channel": "tv", "landing_path": ["foo"]}]}, "landing_path"),
        ("channels", {"rules": [{"name": "a", "channel": "tv", "landing_path": ["/a*b"]}]}, "landing_path"),
        ("consent", {"missing": "granted"}, "consent.missing"),
        ("consent", {"markets": {"de": "deny", "DE": "assume"}}, "markets: two differ in nothing but capitals"),
        ("consent", {"markets": {"": "deny"}}, "consent.markets"),
    ],
)
def test_what_cannot_be_meant_is_refused(section: str, wrong: object, told: str) -> None:
    """At start, naming the setting, rather than by attributing wrongly."""
    values = {"programmes": [{"advertiser_id": "1"}], section: wrong}
    with pytest.raises(SettingsError, match=told):
        parse(values)
