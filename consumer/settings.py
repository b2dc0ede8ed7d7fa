"""The frozen settings tree: a YAML file and ``AWIN_…`` environment variables, parsed once.

Every field has a description; the reference page (docs/configuration.md) is generated from them. Unknown keys are
refused.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from consumer import __version__
from consumer.attribution.rules import Rules
from consumer.errors import SettingsError

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_PREFIX = "AWIN_"
_NESTED = "__"
_CHANNEL = re.compile(r"[A-Za-z0-9]{1,20}")


def _duration(value: object) -> object:
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.strip())
        if match is None:
            raise ValueError("a duration is a number with a unit: 250ms, 10s, 5m, 24h or 30d")
        return timedelta(seconds=float(Decimal(match[1]) * Decimal(str(_UNITS[match[2]]))))
    if not isinstance(value, timedelta):
        raise ValueError("a duration is a number with a unit: 250ms, 10s, 5m, 24h or 30d")  # noqa: TRY004  # pydantic's contract
    return value


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("must be longer than nothing")
    return value


def _channel_name(value: str) -> str:
    if _CHANNEL.fullmatch(value) is None:
        raise ValueError("a channel name has 1 to 20 letters and digits (Awin's limit for `ch`)")
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration), AfterValidator(_positive)]
ChannelName = Annotated[str, AfterValidator(_channel_name)]


def milliseconds(duration: timedelta) -> int:
    """Return a duration in whole milliseconds."""
    return duration // timedelta(milliseconds=1)


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Kafka(_Section):
    """Where the broker is and how to talk to it."""

    bootstrap_servers: str = Field("localhost:9092", description="Comma-separated host:port of the brokers.")
    properties: dict[str, str | int | float | bool] = Field(
        default_factory=dict,
        description="Further librdkafka settings for every client (security.protocol, sasl.*, ssl.*, …). Those that "
        "would break a promise, such as enable.auto.commit, are refused.",
    )
    group: str = Field("awin-s2s", min_length=1, description="Prefix of consumer groups and transactional ids.")
    session_timeout: Duration = Field(
        timedelta(seconds=45), description="After how long without a sign of life the group gives our partitions away."
    )
    max_poll_interval: Duration = Field(
        timedelta(minutes=5), description="After how long without a poll we leave the group."
    )
    transaction_timeout: Duration = Field(
        timedelta(seconds=10), description="How long a dead writer's transaction may keep readers waiting."
    )


class Topics(_Section):
    """Names and sizes of the topics."""

    session_landed: str = Field("session.landed", description="Input: a visitor landed on the shop.")
    order_completed: str = Field("order.completed", description="Input: an order was placed.")
    conversion: str = Field("awin.conversion", description="Outbox: what will be told to Awin.")
    receipt: str = Field("awin.receipt", description="What became of every conversion.")
    deferred: str = Field("awin.deferred", description="Conversions to be tried later.")
    dead_letter: str = Field("awin.dead-letter", description="Records that could not be processed.")
    control: str = Field("awin.control", description="Pause and resume of programmes.")
    touches: str = Field("awin.attribute.touches", description="Changelog of the touches.")
    orders: str = Field("awin.attribute.orders", description="Changelog of pending orders, order links and counts.")
    replication: int = Field(3, ge=1, description="Replication factor of the topics we create.")
    min_insync_replicas: int = Field(2, ge=1, description="min.insync.replicas of the topics we create.")
    outbox_partitions: int | None = Field(
        None, ge=1, description="Partitions of conversion, receipt and deferred; default: as many as the inputs have."
    )
    outbox_retention: Duration = Field(
        timedelta(days=30), description="Retention of conversions, receipts and deferred conversions (30 days or more)."
    )
    dead_letter_retention: Duration = Field(timedelta(days=14), description="Retention of dead letters.")
    delete_retention: Duration = Field(
        timedelta(days=1),
        description="delete.retention.ms of compacted topics; local state older than half is rebuilt.",
    )
    max_message_bytes: int = Field(
        2_097_152, ge=65_536, description="max.message.bytes of the topics we create: twice the inputs'."
    )


class Schemas(_Section):
    """How values are encoded."""

    directory: Path | None = Field(
        None, description="Folder of .avsc files; default: those that come with the package."
    )


class State(_Section):
    """Local state. It can be deleted at any time and comes back from the changelogs."""

    directory: Path = Field(Path("state"), description="Folder for local state; one process at a time.")
    order_retention: Duration = Field(
        timedelta(days=400), description="How long an order reference is remembered against repeats."
    )
    memory_mib: int = Field(256, ge=16, description="Memory for the stores' caches and write buffers, MiB.")


class Attribution(_Section):
    """How an order gets its channel; see docs/attribution.md."""

    model: Literal["last_click", "none"] = Field(
        "last_click", description="`none`: always report `aw`, for shops that judge no last click."
    )
    order_channel: Literal["trust", "touch"] = Field(
        "trust", description="Whether an order's own `channel` is the decision or one more touch."
    )
    window: Duration = Field(timedelta(days=30), description="How far back a click or landing counts.")
    grace: Duration = Field(timedelta(seconds=10), description="How long sessions may come after the order.")
    idle_wait: Duration | None = Field(
        None, description="On a quiet partition: how long without a session before deciding; default: `grace`."
    )
    max_hold: Duration = Field(
        timedelta(seconds=60), description="Longest wait of an order once everything before it has been read."
    )
    click_delay: Duration = Field(
        timedelta(minutes=5), description="A landing within this time after its click sets the click's time."
    )
    max_clock_skew: Duration = Field(
        timedelta(minutes=5), description="An event time further ahead of its record's is bad input."
    )
    max_order_delay: Duration = Field(
        timedelta(days=7), description="An order that enters Kafka later than this after completion is a dead letter."
    )
    flood_share: float = Field(
        0.5,
        gt=0,
        le=1,
        description="Share of bad records among the last 1,000 of a topic that stops a stage.",
    )


class Channels(_Section):
    """Names of channels that no touch decides, and what belongs to the shop itself."""

    none: ChannelName = Field("na", description="`ch` when only direct landings were seen.")
    unknown: ChannelName = Field("aw", description="`ch` when no landing of the customer is known.")
    own_domains: tuple[str, ...] = Field((), description="The shop's own hosts; referrers below them are internal.")


class Programme(_Section):
    """One Awin advertiser account."""

    advertiser_id: str = Field(pattern=r"^[0-9]{1,12}$", description="Awin's number of the programme.")
    method: Literal["sread"] = Field("sread", description="How orders are reported.")


class Retry(_Section):
    """When and how often a failed attempt is repeated."""

    base: Duration = Field(timedelta(milliseconds=500), description="First back-off; doubles, with full jitter.")
    cap: Duration = Field(timedelta(seconds=30), description="Longest back-off.")
    max_attempts: int = Field(
        8, ge=1, description="Attempts before a dead letter, counted only while other orders of the programme succeed."
    )


class Delivery(_Section):
    """How conversions reach Awin."""

    mode: Literal["shadow", "test", "live"] = Field(
        "shadow",
        description="`shadow`: decide and record, send nothing. `test`: send with testmode=1. `live`: report sales.",
    )
    cut_over: AwareDatetime | None = Field(
        None, description="Orders completed earlier are not ours to report; default: the first start."
    )
    endpoint: str = Field(
        "https://www.awin1.com/sread.php", pattern=r"^https?://", description="Where sread requests go."
    )
    max_outstanding: int = Field(64, ge=2, le=10_000, description="Conversions unfinished at once, per instance.")
    connect_timeout: Duration = Field(timedelta(seconds=10), description="Longest wait for a connection.")
    read_timeout: Duration = Field(timedelta(seconds=20), description="Longest wait for an answer.")
    write_timeout: Duration = Field(timedelta(seconds=10), description="Longest wait for the request to leave.")
    pool_timeout: Duration = Field(timedelta(seconds=10), description="Longest wait for a free connection.")
    max_age: Duration = Field(
        timedelta(hours=24), description="Older sales are not sent, since Awin dates them at receipt: dead letter."
    )
    drain_budget: Duration = Field(
        timedelta(seconds=5), description="Time for calls in flight to end when partitions go or we stop."
    )
    dedupe_window: Duration = Field(timedelta(days=30), description="How long deliver remembers what it finished.")
    unknown_outcome: Literal["retry", "park"] = Field(
        "retry", description="After an attempt that may have reached Awin: send again, or keep as a dead letter."
    )
    retry: Retry = Field(default_factory=Retry, description="Back-off and attempts.")


class Ops(_Section):
    """The port for metrics and health."""

    host: str = Field("0.0.0.0", description="Address to listen on.")  # noqa: S104  # in a pod the kubelet comes from outside
    port: int = Field(9108, ge=0, le=65_535, description="Port of /metrics, /livez and /readyz; 0 picks a free one.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Lowest level that is logged.")


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
