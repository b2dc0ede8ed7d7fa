"""The settings tree: what is accepted, what is refused, and with which words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel

from consumer.errors import SettingsError
from consumer.settings import Settings, load, milliseconds, parse
from consumer.wiring.rulebook import rulebook

MINIMAL = {"programmes": [{"advertiser_id": "1001"}]}


def test_minimal_configuration_sends_nothing() -> None:
    """With only a programme given, everything is decided and nothing is sent."""
    assert parse(MINIMAL).delivery.mode == "shadow"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("250ms", 250), ("10s", 10_000), ("1.5 s", 1_500), ("5m", 300_000), ("24h", 86_400_000), ("30d", 2_592_000_000)],
)
def test_durations_have_units(text: str, expected: int) -> None:
    """A duration is a number with a unit."""
    settings = parse({**MINIMAL, "attribution": {"grace": text}})
    assert milliseconds(settings.attribution.grace) == expected


@pytest.mark.parametrize("value", [10, "60", "-1s", "0s", "ten seconds", None, "1w"])
def test_a_duration_without_unit_or_length_is_refused(value: object) -> None:
    """A bare number is refused, since nobody would know its unit; so is no time at all."""
    with pytest.raises(SettingsError, match=r"attribution\.grace"):
        parse({**MINIMAL, "attribution": {"grace": value}})


def test_unknown_keys_are_refused_by_name() -> None:
    """A key that does not exist is an error that names it, at any depth."""
    with pytest.raises(SettingsError, match=r"delivery\.retry\.tries"):
        parse({**MINIMAL, "delivery": {"retry": {"tries": 3}}})


def test_every_fault_is_named_at_once() -> None:
    """One start tells all faults, not the first alone."""
    with pytest.raises(SettingsError) as caught:
        parse({"programmes": [{"advertiser_id": "abc"}], "channels": {"none": "no channel"}, "colour": "red"})
    for name in ("advertiser_id", "channels.none", "colour"):
        assert name in str(caught.value)


@pytest.mark.parametrize(
    ("section", "wrong", "told"),
    [
        ("programmes", [{"advertiser_id": 1001}], ["programmes[0].advertiser_id: must be text: write it in quotes"]),
        ("programmes", [], ["programmes: must not be empty"]),
        (
            "programmes",
            [{"advertiser_id": "1", "when": {"markets": "de"}}],
            ["programmes[0].when.markets: orders have no such field; see docs/configuration.md, 'Fields of an order'"],
        ),
        (
            "programmes",
            [{"advertiser_id": "1", "groups": {"codes": {7: "SHOES"}}, "windows": {"email": 1}}],
            [
                "programmes[0].windows.email: a duration is a number with a unit: 250ms, 10s, 5m, 24h or 30d",
                "programmes[0].groups.codes.7: must be text: write it in quotes",
            ],
        ),
        (
            "channels",
            {"rules": [{"name": "a", "channel": "tv", "gievn": ["a"]}, {"name": "b", "given": "b"}, "defaults"]},
            [
                "channels.rules[0].gievn: there is no such setting",
                "channels.rules[1].channel: is required",
                "channels.rules[1].given: must be a list",
                "channels.rules[2]: a line is a mapping, or the word default",
            ],
        ),
        (
            "channels",
            {"own_domains": ["a b"]},
            ["channels.own_domains[0]: 'a b' is no host name; write one like shop.example"],
        ),
        (
            "kafka",
            {"properties": {"ssl.key": ["x"]}},
            ["kafka.properties.ssl.key: must be text, a number, true or false"],
        ),
        ("consent", {"missing": "x"}, ["consent.missing: should be 'assume' or 'deny'"]),
        (
            "programmes",
            [{"advertiser_id": "1"}, {"advertiser_id": "1"}],
            ["programmes: an advertiser_id comes twice"],
        ),
    ],
)
def test_faults_are_told_where_they_were_written(section: str, wrong: object, told: list[str]) -> None:
    """Each once, at its place, and in no words of the library that finds them."""
    with pytest.raises(SettingsError) as caught:
        parse({**MINIMAL, section: wrong})
    assert str(caught.value).splitlines()[1:] == [f"  {each}" for each in told]


def test_refused_values_are_not_repeated() -> None:
    """An error names the setting and not its value, which may be a secret."""
    with pytest.raises(SettingsError) as caught:
        parse({**MINIMAL, "kafka": {"properties": {"sasl.password": ["hunter2"]}}})
    assert "hunter2" not in str(caught.value)


def test_environment_overrides_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWIN_SECTION__KEY wins over the file, key by key."""
    file = tmp_path / "config.yaml"
    file.write_text("programmes: [{advertiser_id: '1001'}]\ndelivery: {mode: test, max_outstanding: 7}\n")
    monkeypatch.setenv("AWIN_DELIVERY__MODE", "live")
    settings = load(file)
    assert (settings.delivery.mode, settings.delivery.max_outstanding) == ("live", 7)


def test_a_misspelt_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that names no section is an error, not a setting that silently has no effect."""
    monkeypatch.setenv("AWIN_DELIVERRY__MODE", "live")
    with pytest.raises(SettingsError, match="AWIN_DELIVERRY__MODE"):
        parse(MINIMAL)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A file that cannot be read is named, with the reason."""
    with pytest.raises(SettingsError, match=r"nowhere\.yaml.*No such file"):
        load(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize("text", ["[1, 2]", "a: [", "just words"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    """Something other than a mapping of sections is refused, naming the file."""
    file = tmp_path / "config.yaml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=r"config\.yaml"):
        load(file)


def test_cut_over_needs_a_time_zone() -> None:
    """A cut-over without a time zone would mean another moment on another machine."""
    with pytest.raises(SettingsError, match=r"delivery\.cut_over"):
        parse({**MINIMAL, "delivery": {"cut_over": "2026-01-01T00:00:00"}})


def test_rules_carry_the_settings() -> None:
    """The attribution is told what the settings say."""
    settings = parse({**MINIMAL, "attribution": {"window": "7d", "grace": "2s"}, "channels": {"none": "none"}})
    rules = rulebook(settings).shop
    assert (rules.window_ms, rules.grace_ms, rules.channel_none) == (7 * 86_400_000, 2_000, "none")


def test_every_setting_is_described() -> None:
    """Every field has a description for the reference page."""
    nameless = [
        name
        for model in _models(Settings)
        for name, field in model.model_fields.items()
        if not (field.description or "").endswith(".")
    ]
    assert nameless == []


def test_settings_cannot_be_changed() -> None:
    """The tree is frozen once parsed."""
    settings = parse(MINIMAL)
    with pytest.raises(ValueError, match="frozen"):
        settings.attribution.grace = timedelta(seconds=1)  # type: ignore[misc]  # what the test is about


def _models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for field in model.model_fields.values():
        for inner in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from _models(inner)


@pytest.mark.parametrize(
    ("section", "wrong", "told"),
    [
        ("delivery", {"drain_budget": "2m"}, "less than a quarter"),
        ("delivery", {"retry": {"cap": "31s"}}, "retry.cap"),
        ("delivery", {"dedupe_window": "1h"}, "dedupe_window"),
        ("delivery", {"endpoint": "https://awin.example/sread.php?x=1"}, "endpoint"),
        ("delivery", {"endpoint": "https://awin.example/a b"}, "endpoint"),
        ("delivery", {"endpoint": "https://?x"}, "endpoint"),
        ("delivery", {"endpoint": "https://awin.example:65536/sread.php"}, "endpoint"),
        ("delivery", {"endpoint": "https://awin.example:0/sread.php"}, "endpoint"),
        ("delivery", {"endpoint": "https://awin.example:no/sread.php"}, "endpoint"),
        ("delivery", {"endpoint": "https://:443/sread.php"}, "endpoint"),
        ("kafka", {"properties": {"session.timeout.ms": 6000}}, "is set by kafka.session_timeout"),
        ("kafka", {"properties": {"bootstrap.servers": "x:1"}}, "is set by kafka.bootstrap_servers"),
        ("deliverie", {}, "there is no such setting"),
        ("delivery", {"breaker": {"cooldown": "2m"}}, "max_cooldown must not be less"),
        ("delivery", {"deferred": {"delay": "20m"}}, "max_delay must not be less"),
        ("attribution", {"windows": {"ppcgogle": "7d"}}, "gives the channel ppcgogle; they give affiliate, aw,"),
        ("programmes", [{"advertiser_id": "1", "windows": {"na": "7d"}}], "gives the channel na"),
    ],
)
def test_what_would_break_a_promise_is_refused(section: str, wrong: object, told: str) -> None:
    """At start, by name."""
    with pytest.raises(SettingsError, match=told):
        parse({**MINIMAL, section: wrong})


def test_a_key_that_comes_twice_is_refused(tmp_path: Path) -> None:
    """YAML would take the last one without a word."""
    file = tmp_path / "config.yaml"
    file.write_text("delivery: {mode: shadow}\nprogrammes: [{advertiser_id: '1'}]\ndelivery: {mode: live}\n", "utf-8")
    with pytest.raises(SettingsError, match="delivery comes twice"):
        load(file)


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("AWIN_DELIVERY_MODE", "live", "AWIN_DELIVERY__MODE"),
        ("AWIN_DELIVERY_RETRY_CAP", "5s", "AWIN_DELIVERY__RETRY__CAP"),
        ("AWIN_OPS_PORT", "tcp://10.0.0.1:80", None),
        ("AWIN_SERVICE_HOST", "10.0.0.1", None),
    ],
)
def test_a_variable_that_means_a_setting_is_not_passed_over(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, meant: str | None
) -> None:
    """A single underscore is a slip; what Kubernetes sets for a service called awin is not."""
    monkeypatch.setenv(name, value)
    if meant is None:
        assert parse(MINIMAL).delivery.mode == "shadow"
    else:
        with pytest.raises(SettingsError, match=f"is {meant} meant"):
            parse(MINIMAL)


def test_a_stall_must_be_told_before_liveness_fails() -> None:
    """By default it is, however short the interval; a longer time would never be reached."""
    short = parse({**MINIMAL, "kafka": {"max_poll_interval": "20s"}, "delivery": {"drain_budget": "4s"}})
    assert short.ops.stall_after is None
    with pytest.raises(SettingsError, match=r"ops\.stall_after"):
        parse({**MINIMAL, "ops": {"stall_after": "6m"}})
