"""Why a broker does not answer: what librdkafka says only to a client that listens."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from consumer.errors import Unavailable
from consumer.settings import Settings
from consumer.stream import topics
from consumer.stream.properties import describe, open_client
from consumer.stream.topics import TopicFacts
from consumer.wiring import clients

_TIMEOUT_S = 2.0
_SLICE_S = 0.1
_TELLING = (KafkaError._SSL, KafkaError._AUTHENTICATION, KafkaError._RESOLVE)  # noqa: SLF001  # public, in spite of the name


def described(
    settings: Settings, admin: AdminClient, names: Iterable[str], timeout_s: float = 10.0
) -> dict[str, TopicFacts]:
    """Return what `consumer.stream.topics.describe` does, and when nobody answers, say why if that can be found out.

    Raises:
        Unavailable: the broker does not answer.
        TopicError: it refuses to tell.
    """
    try:
        return topics.describe(admin, names, timeout_s)
    except Unavailable as error:
        reason = _reason(settings)
        raise Unavailable(f"{error}: {reason}" if reason else str(error)) from error


def _reason(settings: Settings) -> str:
    """Ask with a client of its own: in one that lives on, errors that nobody takes would pile up."""
    told: list[str] = []

    def note(error: KafkaError) -> None:
        if error.code() in _TELLING:
            told.append(describe(error))

    quiet = {**clients.connection(settings), "error_cb": note, "log_level": 0}
    admin = open_client(AdminClient, quiet)
    with suppress(KafkaException):
        admin.list_topics(timeout=_TIMEOUT_S)
    # One call takes one of the errors that have come; most tell nothing, and they go on coming.
    deadline_s = time.monotonic() + _TIMEOUT_S
    while not told and admin.poll(_SLICE_S) and time.monotonic() < deadline_s:
        pass
    return told[0] if told else ""
