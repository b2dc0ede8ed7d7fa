"""The whole tree, and reading it from a YAML file and ``AWIN_…`` environment variables, once."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from consumer import __version__
from consumer.attribution.rules import Rules
from consumer.errors import SettingsError
from consumer.settings.decision import Attribution, Channels, Programme
from consumer.settings.delivery import Delivery
from consumer.settings.infrastructure import Kafka, Ops, Schemas, State, Topics
from consumer.settings.types import milliseconds

_PREFIX = "AWIN_"
_NESTED = "__"


class Settings(BaseSettings):
    """Everything the consumer can be told."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_nested_delimiter=_NESTED,
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    instance: str | None = Field(
        None, description="Stable name of this instance (in Kubernetes the pod's); default: kept in the state folder."
    )
    kafka: Kafka = Field(default_factory=Kafka, description="Broker.")
    topics: Topics = Field(default_factory=Topics, description="Topics.")
    schemas: Schemas = Field(default_factory=Schemas, description="Schemas.")
    state: State = Field(default_factory=State, description="Local state.")
    attribution: Attribution = Field(default_factory=Attribution, description="Attribution.")
    channels: Channels = Field(default_factory=Channels, description="Channels.")
    programmes: tuple[Programme, ...] = Field(
        min_length=1, max_length=1, description="The advertiser accounts (one, in this version)."
    )
    delivery: Delivery = Field(default_factory=Delivery, description="Delivery.")
    ops: Ops = Field(default_factory=Ops, description="Operation.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  # pydantic calls it with all five
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment first, then the file's values, which `load` passes as arguments."""
        return env_settings, init_settings

    def rules(self) -> Rules:
        """Return what the attribution needs to know."""
        (programme,) = self.programmes
        attribution = self.attribution
        return Rules(
            advertiser_id=programme.advertiser_id,
            method=programme.method,
            mode=self.delivery.mode,
            model=attribution.model,
            order_channel=attribution.order_channel,
            channel_none=self.channels.none,
            channel_unknown=self.channels.unknown,
            own_domains=self.channels.own_domains,
            window_ms=milliseconds(attribution.window),
            grace_ms=milliseconds(attribution.grace),
            click_delay_ms=milliseconds(attribution.click_delay),
            max_clock_skew_ms=milliseconds(attribution.max_clock_skew),
            max_order_delay_ms=milliseconds(attribution.max_order_delay),
            sender=f"awin-s2s-consumer/{__version__}",
        )


def load(path: Path | None = None) -> Settings:
    """Read the settings from a YAML file and the environment.

    Raises:
        SettingsError: the file cannot be read, or a setting is unknown or wrong; every one is named.
    """
    return parse(_read(path) if path is not None else {}, origin=str(path) if path is not None else "the environment")


def parse(values: dict[str, Any], origin: str = "the given values") -> Settings:
    """Build the settings from a nested dictionary, overridden by the environment.

    Raises:
        SettingsError: a setting is unknown or wrong; every one is named, without its value.
    """
    _check_environment(os.environ)
    try:
        return Settings(**values)
    except ValidationError as error:
        lines = (f"  {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
        raise SettingsError(f"{origin}: the configuration is refused:\n" + "\n".join(lines)) from None


def _check_environment(names: Iterable[str]) -> None:
    """Refuse variables that look like settings and are none: pydantic would pass over a misspelt section."""
    sections = {f"{_PREFIX}{section.upper()}{_NESTED}" for section in Settings.model_fields}
    unknown = [
        name
        for name in names
        if name.upper().startswith(_PREFIX) and _NESTED in name and not name.upper().startswith(tuple(sections))
    ]
    if unknown:
        raise SettingsError(f"the environment has no such settings: {', '.join(sorted(unknown))}")


def _read(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot read the configuration: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not valid YAML: {error}") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise SettingsError(f"{path}: the configuration must be a mapping of sections")
    return values
