"""The reference page and the example configuration say what the settings say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from consumer.cli.reference import markdown, settings
from consumer.settings import Settings, load, parse

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config.example.yaml"
EXAMPLES_ONLY = {
    *(
        "instance",
        "properties",
        "property_files",
        "outbox_partitions",
        "idle_wait",
        "cut_over",
        "directory",
        "advertiser_id",
    ),
    *("windows", "rules", "markets", "when", "currencies", "field", "codes", "voucher_codes", "custom", "exclude"),
    *("url", "username", "username_file", "password_file", "ca_file", "certificate_file", "key_file"),
    *("api_key_file", "requests_per_second", "concurrency"),
}
"""Settings whose commented value is an example, not the default."""


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of whoever runs the tests out."""
    monkeypatch.delenv("AWIN_CONFIG", raising=False)


def uncommented() -> str:
    """Return the example with every commented setting switched on."""
    setting = re.compile(r"^(\s*)# (\s*(?:- )?[a-z_.]+:(?: .*)?|\s*- [a-z]+)$", re.MULTILINE)
    return setting.sub(r"\1\2", EXAMPLE.read_text("utf-8"))


def leaves(value: object, prefix: str = "") -> dict[str, object]:
    """Return the values of a nested mapping by their dotted names."""
    if isinstance(value, dict) and value:
        return {key: leaf for name, each in value.items() for key, leaf in leaves(each, f"{prefix}{name}.").items()}
    if isinstance(value, list | tuple) and value and isinstance(value[0], dict):
        return leaves(value[0], prefix[:-1] + "[].")
    return {prefix[:-1]: value}


def test_the_page_is_up_to_date() -> None:
    """docs/configuration.md is what `awin-consumer settings reference` prints; if not, make it anew with that."""
    assert (ROOT / "docs" / "configuration.md").read_text("utf-8") == markdown()


def test_every_setting_is_described() -> None:
    """Each row has a type and a description, and top-level environment variables that settings are read from."""
    for setting in settings():
        assert setting.description, setting.key
        assert setting.type, setting.key
    assert len({setting.key for setting in settings()}) == len(settings())


def test_a_variable_of_the_page_sets_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of environment variables are those that the settings read."""
    variables = {setting.key: setting.variable for setting in settings()}
    monkeypatch.setenv(variables["delivery.retry.max_attempts"], "3")
    monkeypatch.setenv(variables["programmes"], '[{"advertiser_id": "77"}]')
    found = parse({})
    assert (found.delivery.retry.max_attempts, found.programmes[0].advertiser_id) == (3, "77")


def test_defaults_are_written_as_the_settings_take_them() -> None:
    """A default copied from the page gives the default."""
    by_key = {setting.key: setting for setting in settings()}
    assert by_key["attribution.window"].default == "`30d`"
    assert by_key["delivery.retry.base"].default == "`500ms`"
    assert by_key["programmes"].default == "**required**"
    assert by_key["delivery.mode"].type == "`shadow` or `test` or `live`"
    assert by_key["delivery.max_outstanding"].type == "integer, at least 2, at most 10000"


def test_the_example_loads() -> None:
    """It is a working configuration that sends nothing."""
    assert load(EXAMPLE).delivery.mode == "shadow"


def test_the_example_has_every_setting() -> None:
    """With every comment switched on it loads still, and names every setting there is."""
    values = yaml.safe_load(uncommented())
    parse(values)
    mappings = [setting.key for setting in settings() if setting.type.endswith("mapping")]
    named = {
        next((each for each in mappings if key.startswith((f"{each}.", f"{each}[]."))), key) for key in leaves(values)
    }
    assert named == {setting.key for setting in settings()} - {"programmes", "channels.rules"}


def test_the_example_comments_show_defaults() -> None:
    """What is commented out is the default, unless it is plainly an example."""
    shown = leaves(parse(yaml.safe_load(uncommented())).model_dump())
    default = leaves(Settings(**yaml.safe_load("programmes: [{advertiser_id: '1001'}]")).model_dump())
    differing = {key for key in default if shown.get(key) != default[key]}
    assert {re.sub(r".*[.\]]", "", key) or key for key in differing} <= EXAMPLES_ONLY
