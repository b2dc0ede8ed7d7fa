"""What a refused transaction means for the caller, by librdkafka's error code."""

from __future__ import annotations

from confluent_kafka import KafkaError

from consumer.errors import Rebalanced, TopicError, Unavailable
from consumer.stream.properties import describe

# ruff: noqa: SLF001  # librdkafka's own codes begin with an underscore and are public

MISCONFIGURED = (
    KafkaError.MSG_SIZE_TOO_LARGE,
    KafkaError.RECORD_LIST_TOO_LARGE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
    KafkaError.INVALID_RECORD,
    KafkaError.OFFSET_METADATA_TOO_LARGE,
)
NOT_ALLOWED = (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED)
NO_ANSWER = (
    KafkaError._TIMED_OUT,
    KafkaError._MSG_TIMED_OUT,
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError.REQUEST_TIMED_OUT,
)


def is_fatal(error: KafkaError) -> bool:
    """Whether the client is of no further use. `produce` says so by code only."""
    return error.fatal() or error.code() in {KafkaError._FATAL, KafkaError._FENCED}


def refusal(what: str, error: KafkaError) -> Rebalanced | Unavailable | TopicError:
    """Return what a caller can do about an error after which the transaction is aborted.

    A wrong set-up would be refused again and stops the stage; without an answer it waits. Everything else, above all
    ``ILLEGAL_GENERATION`` and ``UNKNOWN_MEMBER_ID``, is safely answered by reading again from the committed offsets.
    """
    text = f"{what}: {describe(error)}"
    if error.code() in MISCONFIGURED:
        return TopicError(f"{text}; run `awin-consumer topics check`")
    if error.code() in NOT_ALLOWED:
        return TopicError(f"{text}; allow the user what docs/security.md lists for its role")
    if error.code() in NO_ANSWER:
        return Unavailable(text)
    return Rebalanced(text)
