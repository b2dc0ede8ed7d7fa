"""Settings with the rules of another file: what it may say, and what holds where it says nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from consumer.errors import SettingsError
from consumer.settings import Settings, parse, with_rules_of
from consumer.wiring.rulebook import rulebook

PRESENT = {
    "kafka": {"bootstrap_servers": "kafka:9092"},
    "attribution": {"window": "60d", "windows": {"email": "14d", "ppcgoogle": "7d"}, "order_channel": "touch"},
    "channels": {"own_domains": ["shop.example"], "rules": ["default", {"name": "a", "channel": "a", "given": ["a"]}]},
    "programmes": [{"advertiser_id": "1001", "report": "awin", "when": {"market": ["de", None]}}],
    "orders": {"exclude": [{"channel": "pos"}]},
    "delivery": {"mode": "live"},
}
Others = Callable[[str], Settings]


@pytest.fixture
def others(tmp_path: Path) -> Others:
    """Return settings with the rules that a file of this content says."""

    def read(text: str) -> Settings:
        file = tmp_path / "other.yaml"
        file.write_text(text, "utf-8")
        return with_rules_of(parse(PRESENT), file)

    return read


def test_a_file_without_programmes_is_laid_over(others: Others) -> None:
    """Key by key, mappings too; all that it does not say stays."""
    found = others("attribution: {windows: {email: 1d}, order_channel: trust}\nconsent: {missing: deny}\n")
    assert found.attribution.windows == {"email": timedelta(days=1), "ppcgoogle": timedelta(days=7)}
    assert (found.attribution.window, found.attribution.order_channel) == (timedelta(days=60), "trust")
    assert found.consent.missing == "deny"
    assert found.channels == parse(PRESENT).channels
    assert found.programmes == parse(PRESENT).programmes


def test_lists_are_replaced_whole(others: Others) -> None:
    """Nobody could take a line out otherwise."""
    found = others("channels: {rules: [default]}\norders: {exclude: []}\n")
    assert (found.channels.rules, found.channels.own_domains) == (("default",), ("shop.example",))
    assert found.orders.exclude == ()


def test_a_file_with_programmes_has_rules_of_its_own(others: Others) -> None:
    """As a configuration by itself: what it does not say has its default."""
    found = others("programmes: [{advertiser_id: '2002'}]\nchannels: {none: direct}\n")
    assert found.attribution == parse({"programmes": [{"advertiser_id": "1"}]}).attribution
    assert (found.channels.none, found.channels.own_domains, found.orders.exclude) == ("direct", (), ())
    assert [(each.advertiser_id, each.report) for each in found.programmes] == [("2002", "all")]


def test_nothing_but_rules_is_taken(others: Others) -> None:
    """Connection, topics and delivery stay, whatever the file says of them."""
    found = others("kafka: {bootstrap_servers: 'elsewhere:1'}\ndelivery: {mode: no such mode}\nattribution:\n")
    assert (found.kafka, found.delivery.mode) == (parse(PRESENT).kafka, "live")
    assert found.attribution == parse(PRESENT).attribution


def test_the_environment_has_no_say(others: Others, monkeypatch: pytest.MonkeyPatch) -> None:
    """It speaks of the present rules; a file that is overridden by it could not be tried out."""
    monkeypatch.setenv("AWIN_ATTRIBUTION__WINDOW", "90d")
    assert others("attribution: {window: 20d}").attribution.window == timedelta(days=20)
    assert others("consent: {missing: deny}").attribution.window == timedelta(days=90)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("atribution: {window: 7d}", "atribution"),
        ("attribution: {windw: 7d}", r"attribution\.windw: there is no such setting"),
        ("attribution: {window: 7d}", "the window of email is longer"),
        ("programmes: []", "programmes"),
        ("[1]", "must be a mapping"),
    ],
)
def test_what_cannot_be_meant_is_refused(others: Others, text: str, told: str) -> None:
    """By name, with the file; also where it only contradicts what it is laid over."""
    with pytest.raises(SettingsError, match=rf"(?s)other\.yaml.*{told}"):
        others(text)


def test_the_present_rules_laid_over_themselves_are_the_same(others: Others) -> None:
    """Nothing is lost on the way."""
    assert rulebook(others("{}")) == rulebook(parse(PRESENT))
