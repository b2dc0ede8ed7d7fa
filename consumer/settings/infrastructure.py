"""Broker, topics, schemas, local state and the ops port."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, model_validator

from consumer.settings.types import Duration, Section

Property = str | int | float | bool


def _property(value: object) -> Property:
    if not isinstance(value, Property):
        raise ValueError("must be text, a number, true or false")  # noqa: TRY004  # pydantic's contract
    return value


_SETTINGS = {
    "bootstrap.servers": "bootstrap_servers",
    "metadata.broker.list": "bootstrap_servers",
    "session.timeout.ms": "session_timeout",
    "max.poll.interval.ms": "max_poll_interval",
    "transaction.timeout.ms": "transaction_timeout",
}
"""librdkafka's names of what has a setting of its own."""

SECRETS = frozenset(
    {
        "sasl.password",
        "sasl.oauthbearer.assertion.private.key.passphrase",
        "sasl.oauthbearer.assertion.private.key.pem",
        "sasl.oauthbearer.client.credentials.client.secret",
        "sasl.oauthbearer.client.secret",
        "sasl.oauthbearer.config",
        "ssl.key.password",
        "ssl.key.pem",
        "ssl.keystore.password",
    }
)
"""librdkafka's names of what may stand in a file of its own only (`Kafka.property_files`)."""


class Kafka(Section):
    """Where the broker is and how to talk to it."""

    bootstrap_servers: str = Field("localhost:9092", description="Comma-separated host:port of the brokers.")
    properties: dict[str, Annotated[Property, BeforeValidator(_property)]] = Field(
        default_factory=dict,
        description="Further librdkafka settings for every client (security.protocol, sasl.*, ssl.*, …). Those that "
        "would break a promise, such as enable.auto.commit, are refused, and so are secrets: docs/security.md lists "
        "both.",
    )
    property_files: dict[str, Path] = Field(
        default_factory=dict,
        description="librdkafka settings that are secret: the file that holds each, such as a mounted secret "
        "(sasl.username, sasl.password, ssl.key.password). When the content of one changes, or of a file that an "
        "ssl.….location names, the consumer leaves in order with code 0, for its supervisor to start it anew.",
    )
    group: str = Field("awin-s2s", min_length=1, description="Prefix of consumer groups and transactional ids.")
    session_timeout: Duration = Field(
        timedelta(seconds=45), description="After how long without a sign of life the group gives our partitions away."
    )
    max_poll_interval: Duration = Field(
        timedelta(minutes=5),
        description="After how long without a poll we leave the group, and `/livez` fails. While a broker does not "
        "answer a loop may stand for up to 100 seconds: with less than 2 minutes such an outage may fail liveness.",
    )
    transaction_timeout: Duration = Field(
        timedelta(seconds=10), description="How long a dead writer's transaction may keep readers waiting."
    )

    @model_validator(mode="after")
    def _has_settings_of_its_own(self) -> Kafka:
        for name, setting in _SETTINGS.items():
            if name in self.properties or name in self.property_files:
                raise ValueError(f"properties: {name} is set by kafka.{setting}")
        for name in sorted(self.properties.keys() & self.property_files.keys()):
            raise ValueError(f"property_files: {name} also stands in properties")
        return self

    @model_validator(mode="after")
    def _has_secrets_in_files(self) -> Kafka:
        if found := sorted(SECRETS & self.properties.keys()):
            raise ValueError(
                f"properties: {', '.join(found)} is secret: write it into a file of its own and name that file in "
                "kafka.property_files"
            )
        return self


class Topics(Section):
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


def _together(section: Section, one: str, other: str) -> None:
    if bool(getattr(section, one)) != bool(getattr(section, other)):
        raise ValueError(f"{one} and {other} go together")


class Registry(Section):
    """A Confluent-compatible schema registry, for producers that frame their values with its ids."""

    url: str | None = Field(
        None,
        description="Base URL of the registry, several with commas between; for Apicurio it ends in "
        "`/apis/ccompat/v7`. Without it, values framed with an id or GUID are dead letters.",
    )
    username: str | None = Field(
        None, description="User's name (Confluent Cloud: the API key) for basic authentication."
    )
    password_file: Path | None = Field(
        None, description="File with the user's password, such as a mounted secret; read again each time."
    )
    ca_file: Path | None = Field(
        None, description="PEM file of the authorities to trust; default: those of the package certifi."
    )
    certificate_file: Path | None = Field(None, description="PEM file of our certificate, for mTLS.")
    key_file: Path | None = Field(None, description="PEM file of its key.")
    timeout: Duration = Field(timedelta(seconds=5), description="How long each request may take.")

    @model_validator(mode="after")
    def _fits_together(self) -> Registry:
        for url in self.urls:
            parts = urlsplit(url)
            if parts.scheme not in {"http", "https"} or not parts.hostname:
                raise ValueError("url: each begins with http:// or https:// and a host")
            if "@" in parts.netloc:
                raise ValueError("url: the user belongs into username, the password into password_file")
        _together(self, "username", "password_file")
        _together(self, "certificate_file", "key_file")
        if self.username and any(url.startswith("http:") for url in self.urls):
            raise ValueError("url: a password is sent over https:// only")
        return self

    @property
    def urls(self) -> tuple[str, ...]:
        """The base URLs, in the order in which they are tried."""
        return tuple(each.strip() for each in (self.url or "").split(",") if each.strip())


class Schemas(Section):
    """How values are encoded."""

    registry: Registry = Field(default_factory=Registry, description="Schema registry.")

    directory: Path | None = Field(
        None, description="Folder of .avsc files; default: those that come with the package."
    )


class State(Section):
    """Local state. It can be deleted at any time and comes back from the changelogs."""

    directory: Path = Field(Path("state"), description="Folder for local state; one process at a time.")
    order_retention: Duration = Field(
        timedelta(days=400), description="How long an order reference is remembered against repeats."
    )
    memory_mib: int = Field(256, ge=16, description="Memory for the stores' caches and write buffers, MiB.")


class Ops(Section):
    """The port for metrics and health."""

    host: str = Field("0.0.0.0", description="Address to listen on.")  # noqa: S104  # in a pod the kubelet comes from outside
    port: int = Field(9108, ge=0, le=65_535, description="Port of /metrics and the health pages; 0 picks a free one.")
    certificate_file: Path | None = Field(
        None,
        description="PEM file of the port's certificate, with its chain: all pages are then https. Read again "
        "when it changes.",
    )
    key_file: Path | None = Field(None, description="PEM file of its key.")
    username_file: Path | None = Field(
        None, description="File with the name of the user who may see `/metrics`; the health pages stay open to probes."
    )
    password_file: Path | None = Field(None, description="File with that user's password; needs a certificate.")
    stall_after: Duration | None = Field(
        None,
        description="A loop that has not turned for so long is logged with the stacks of all threads; less than "
        "`kafka.max_poll_interval`, after which `/livez` fails. Default: a tenth of that.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Lowest level that is logged.")

    @model_validator(mode="after")
    def _fits_together(self) -> Ops:
        _together(self, "certificate_file", "key_file")
        _together(self, "username_file", "password_file")
        if self.password_file is not None and self.certificate_file is None:
            raise ValueError("password_file: a password goes over TLS only; set certificate_file and key_file")
        return self
