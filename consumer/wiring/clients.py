"""librdkafka properties from the settings, and the names under which an instance is known."""

from __future__ import annotations

from typing import Literal

from consumer.settings import Settings, milliseconds
from consumer.stream.properties import Value
from consumer.wiring import secrets

Role = Literal["attribute", "deliver"]

FACTS_TIMEOUT_S = 2.0
"""Longest wait of a polling thread for the broker to tell about topics; after it, it polls and asks again."""


def connection(settings: Settings) -> dict[str, Value]:
    """Return what every client needs.

    Raises:
        SettingsError: a file with a secret cannot be read.
    """
    given = {**settings.kafka.properties, **secrets.read(settings.kafka.property_files)}
    return {**given, "bootstrap.servers": settings.kafka.bootstrap_servers}


def member(settings: Settings) -> dict[str, Value]:
    """Return what a group member needs."""
    session_ms = milliseconds(settings.kafka.session_timeout)
    given = connection(settings)
    interval = {"max.poll.interval.ms": max(session_ms, milliseconds(settings.kafka.max_poll_interval))}
    if given.get("group.protocol") == "consumer":
        return {**given, **interval}  # the broker sets the timeouts of this protocol (KIP-848)
    return {
        **given,
        **interval,
        "session.timeout.ms": session_ms,
        "heartbeat.interval.ms": min(3_000, session_ms // 4),
    }


def writer(settings: Settings) -> dict[str, Value]:
    """Return what a transactional writer needs."""
    return {**connection(settings), "transaction.timeout.ms": milliseconds(settings.kafka.transaction_timeout)}


def group(settings: Settings, role: Role) -> str:
    """Return the consumer group of a stage."""
    return f"{settings.kafka.group}-{role}"


def transactional_id(settings: Settings, role: Role, instance: str) -> str:
    """Return the id that is fenced when an instance is started twice."""
    return f"{group(settings, role)}-{instance}"
