"""The whole tree, and reading it from a YAML file and ``AWIN_…`` environment variables, once."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from consumer.errors import SettingsError
from consumer.settings.decision import Attribution, Channels, Consent, Orders, Programme
from consumer.settings.delivery import Delivery
from consumer.settings.infrastructure import Kafka, Ops, Schemas, State, Topics

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
    consent: Consent = Field(default_factory=Consent, description="Consent.")
    programmes: tuple[Programme, ...] = Field(min_length=1, description="The advertiser accounts.")
    orders: Orders = Field(default_factory=Orders, description="Orders.")
    delivery: Delivery = Field(default_factory=Delivery, description="Delivery.")
    ops: Ops = Field(default_factory=Ops, description="Operation.")

    @model_validator(mode="after")
    def _fits_together(self) -> Settings:
        names = [programme.advertiser_id for programme in self.programmes]
        if len(set(names)) < len(names):
            raise ValueError("programmes: an advertiser_id comes twice")
        for windows in (self.attribution.windows, *(programme.windows for programme in self.programmes)):
            for channel, window in windows.items():
                if window > self.attribution.window:
                    raise ValueError(f"the window of {channel} is longer than attribution.window, which bounds state")
        return self

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
