"""The whole tree, and reading it from a YAML file and ``AWIN_…`` environment variables, once."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from consumer.errors import SettingsError
from consumer.settings.channels import Channels
from consumer.settings.decision import Attribution, Consent, Orders, Programme
from consumer.settings.delivery import Delivery, Offline
from consumer.settings.infrastructure import Kafka, Ops, Schemas, State, Topics
from consumer.settings.refusal import faults

DECIDING = ("attribution", "channels", "consent", "programmes", "orders")
"""The sections that decide which channel and which programme an order gets."""

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
    offline: Offline = Field(default_factory=Offline, description="Offline files.")
    ops: Ops = Field(default_factory=Ops, description="Operation.")

    @model_validator(mode="after")
    def _fits_together(self) -> Settings:
        names = [programme.advertiser_id for programme in self.programmes]
        if len(set(names)) < len(names):
            raise ValueError("programmes: an advertiser_id comes twice")
        if not all(programme.when for programme in self.programmes[:-1]):
            raise ValueError("programmes: one without `when` gets every order, so it must be the last")
        if self.delivery.drain_budget * 4 >= self.kafka.max_poll_interval:
            raise ValueError("delivery.drain_budget must be less than a quarter of kafka.max_poll_interval")
        if self.ops.stall_after is not None and self.ops.stall_after >= self.kafka.max_poll_interval:
            raise ValueError("ops.stall_after must be less than kafka.max_poll_interval")
        channels = self.channels.touched()
        for windows in (self.attribution.windows, *(programme.windows for programme in self.programmes)):
            for channel, window in windows.items():
                if window > self.attribution.window:
                    raise ValueError(f"the window of {channel} is longer than attribution.window, which bounds state")
                if channel not in channels:
                    raise ValueError(
                        f"windows: no line of channels.rules gives the channel {channel}; "
                        f"they give {', '.join(channels)}"
                    )
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


class _Given(Settings):
    """Settings that the environment has no say in."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  # as above
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Nothing but what was given."""
        return (init_settings,)


_SettingsT = TypeVar("_SettingsT", bound=Settings)


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
    return _checked(Settings, values, origin)


def with_rules_of(settings: Settings, path: Path) -> Settings:
    """Return these settings with the deciding sections (`DECIDING`) of another file.

    A file that names ``programmes`` has rules of its own: what its deciding sections do not say has its default. Any
    other is laid over the settings key by key, where lists are replaced whole. Other sections of the file and the
    environment have no say.

    Raises:
        SettingsError: the file cannot be read, or a setting is unknown or wrong; every one is named.
    """
    said = _read(path)
    unknown = sorted(map(str, set(said).difference(Settings.model_fields)))
    if unknown:
        raise SettingsError(f"{path}: the configuration is refused: there are no settings {', '.join(unknown)}")
    rules = {name: said[name] for name in DECIDING if said.get(name) is not None}
    values = settings.model_dump()
    if "programmes" in rules:
        values = {name: value for name, value in values.items() if name not in DECIDING}
    return _checked(_Given, _laid_over(values, rules), str(path))


def _laid_over(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    laid = dict(under)
    for name, value in over.items():
        below = laid.get(name)
        laid[name] = _laid_over(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return laid


def _checked(model: type[_SettingsT], values: dict[str, Any], origin: str) -> _SettingsT:
    try:
        return model(**values)
    except ValidationError as error:
        lines = "".join(f"\n  {fault}" for fault in faults(error))
        raise SettingsError(f"{origin}: the configuration is refused:{lines}") from None


def _check_environment(variables: Mapping[str, str]) -> None:
    """Refuse variables that look like settings and are none: pydantic would pass over them.

    Others that begin with our prefix may be anything; Kubernetes makes such ones for a service of that name.
    """
    sections = {f"{_PREFIX}{section.upper()}{_NESTED}" for section in Settings.model_fields}
    meant = {f"{_PREFIX}{path.upper().replace('.', '_')}": path for path in _paths(Settings)}
    unknown = []
    for name, value in variables.items():
        upper = name.upper()
        if upper in meant and not value.startswith("tcp://"):
            unknown.append(f"{name} (is {_PREFIX}{meant[upper].upper().replace('.', _NESTED)} meant?)")
        elif upper.startswith(_PREFIX) and _NESTED in name and not upper.startswith(tuple(sections)):
            unknown.append(name)
    if unknown:
        raise SettingsError(f"the environment has no such settings: {', '.join(sorted(unknown))}")


def _paths(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield the dotted names of the settings in sections."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _paths(field.annotation, f"{prefix}{name}.")
        elif prefix:
            yield prefix + name


class _Loader(yaml.SafeLoader):
    """YAML in which a key that comes twice is a mistake, not the last one's word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002  # PyYAML's own signature
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = {str(key) for key in keys if keys.count(key) > 1}
        if twice:
            raise yaml.constructor.ConstructorError(
                None, None, f"{', '.join(sorted(twice))} comes twice", node.start_mark
            )
        return super().construct_mapping(node, deep)


def _read(path: Path) -> dict[str, Any]:
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506  # it is a SafeLoader
    except OSError as error:
        raise SettingsError(f"{path}: cannot read the configuration: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not valid YAML: {error}") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise SettingsError(f"{path}: the configuration must be a mapping of sections")
    return values
