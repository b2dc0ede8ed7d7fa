"""librdkafka properties: what the operator may set, and what the promises need.

Operators pass anything librdkafka knows (security, timeouts, sizes). A property that a promise depends on is refused by
name if it is given another value.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from consumer.errors import SettingsError

Value = str | int | float | bool
Properties = Mapping[str, Value]
_INTERVAL_S = 10.0
Client = TypeVar("Client")

client_log = logging.getLogger("consumer.stream.librdkafka")
"""Where librdkafka's own log lines go. They name brokers and topics, never records."""


class _Seldom(logging.Filter):
    """Passes each kind of line of a client once per 10 s: without a broker it writes dozens a second."""

    def __init__(self) -> None:
        super().__init__()
        self._passed: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        kind = " ".join(record.getMessage().split(maxsplit=2)[:2])
        now = time.monotonic()
        if record.levelno < logging.INFO or now - self._passed.get(kind, -math.inf) >= _INTERVAL_S:
            self._passed[kind] = now
            return True
        return False


client_log.addFilter(_Seldom())

_ALIASES = {
    "metadata.broker.list": "bootstrap.servers",
    "request.required.acks": "acks",
    "delivery.timeout.ms": "message.timeout.ms",
    "compression.codec": "compression.type",
    "queue.buffering.max.ms": "linger.ms",
    "fetch.message.max.bytes": "max.partition.fetch.bytes",
}


def merge(given: Properties, defaults: Properties, fixed: Properties) -> dict[str, Value]:
    """Return ``defaults`` overridden by ``given``, with ``fixed`` on top.

    Raises:
        SettingsError: ``given`` has another value for a fixed property, or one that only code can set.
    """
    properties = {_ALIASES.get(name, name): value for name, value in given.items()}
    for name, value in properties.items():
        if name.endswith("_cb"):
            raise SettingsError(f"kafka.properties: {name} cannot be set: callbacks are the program's own")
        if name in fixed and _text(value) != _text(fixed[name]):
            raise SettingsError(
                f"kafka.properties: {name} must stay {_text(fixed[name])!r}, delivery depends on it; remove the setting"
            )
    return {**defaults, **properties, **fixed}


def open_client(kind: Callable[..., Client], config: Mapping[str, object]) -> Client:
    """Make a Consumer, Producer or AdminClient whose log lines go to `client_log` when it is polled.

    Raises:
        SettingsError: librdkafka does not know a property or refuses its value.
    """
    try:
        return kind(dict(config), logger=client_log)
    except (KafkaException, ValueError, TypeError) as error:
        raise SettingsError(f"kafka.properties: {error}") from error


def open_admin(given: Properties, client_id: str) -> AdminClient:
    """Make an admin client. It is silent: nothing polls it, so its log lines would pile up in memory.

    Raises:
        SettingsError: as `open_client`.
    """
    return open_client(AdminClient, {**merge(given, {"client.id": client_id}, {}), "log_level": 0})


def describe(error: KafkaError) -> str:
    """Return an error's code and text for a message."""
    return f"{error.name()}: {error.str()}"


class ErrorReports:
    """Passes client errors on as text, each kind at most once per ``interval_s``, since they come in floods."""

    def __init__(
        self, report: Callable[[str], None] | None, monotonic: Callable[[], float], interval_s: float = _INTERVAL_S
    ) -> None:
        self._report = report
        self._monotonic = monotonic
        self._interval_s = interval_s
        self._last: dict[int, float] = {}

    def __call__(self, error: KafkaError) -> None:
        """Report an error, unless one of its kind was reported a moment ago."""
        if self._report is None:
            return
        now = self._monotonic()
        if now - self._last.get(error.code(), -math.inf) >= self._interval_s:
            self._last[error.code()] = now
            self._report(describe(error))


def _text(value: Value) -> str:
    return str(value).lower()
