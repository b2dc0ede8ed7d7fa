"""The topics we own (DESIGN 6): what they must be like, what they are like, and how they are made."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.admin._topic import TopicDescription
from confluent_kafka.cimpl import NewTopic
from msgspec import Struct

from consumer.errors import TopicError, Unavailable
from consumer.stream import properties
from consumer.stream.refusals import NO_ANSWER

_POLL_S = 0.1
_FORBIDDEN = frozenset({KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED})
Answer = TypeVar("Answer")


class TopicPlan(Struct, frozen=True, kw_only=True):
    """Names and sizes, as the settings have them. ``touches`` and ``orders`` are the changelogs."""

    session_landed: str
    order_completed: str
    conversion: str
    receipt: str
    deferred: str
    dead_letter: str
    control: str
    touches: str
    orders: str
    outbox_partitions: int | None
    """Of conversion, receipt and deferred; ``None``: as many as the inputs have."""
    replication: int
    min_insync_replicas: int
    max_message_bytes: int
    outbox_retention_ms: int
    dead_letter_retention_ms: int
    touches_retention_ms: int
    orders_retention_ms: int
    delete_retention_ms: int


class TopicSpec(Struct, frozen=True):
    """What one topic must be like."""

    name: str
    partitions: int
    replication: int
    config: dict[str, str]


class TopicFacts(Struct, frozen=True):
    """What one topic is like. A topic that was deleted and made again has another ``topic_id``."""

    topic_id: str
    partitions: int
    replication: int


def owned(plan: TopicPlan, input_partitions: int) -> tuple[TopicSpec, ...]:
    """Return what our topics must be like, given how many partitions the inputs have."""
    outbox = plan.outbox_partitions or input_partitions
    every = {
        "min.insync.replicas": str(plan.min_insync_replicas),
        "unclean.leader.election.enable": "false",
        "max.message.bytes": str(plan.max_message_bytes),
        "retention.bytes": "-1",
    }
    compacted = {"cleanup.policy": "compact,delete", "delete.retention.ms": str(plan.delete_retention_ms)}
    delete = {"cleanup.policy": "delete"}
    kept = (
        (plan.conversion, outbox, delete, plan.outbox_retention_ms),
        (plan.receipt, outbox, compacted, plan.outbox_retention_ms),
        (plan.deferred, outbox, delete, plan.outbox_retention_ms),
        (plan.dead_letter, input_partitions, delete, plan.dead_letter_retention_ms),
        (plan.touches, input_partitions, delete, plan.touches_retention_ms),
        (plan.orders, input_partitions, compacted, plan.orders_retention_ms),
    )
    specs = [
        TopicSpec(name, partitions, plan.replication, {**every, **cleanup, "retention.ms": str(retention_ms)})
        for name, partitions, cleanup, retention_ms in kept
    ]
    return (*specs, TopicSpec(plan.control, 1, plan.replication, {**every, "cleanup.policy": "compact"}))


def describe(admin: AdminClient, names: Iterable[str], timeout_s: float = 10.0) -> dict[str, TopicFacts]:
    """Return what these topics are like; those that do not exist are left out.

    Raises:
        Unavailable: no answer in time.
    """
    facts = {}
    futures: dict[str, Future[TopicDescription]] = admin.describe_topics(
        TopicCollection(list(names)), request_timeout=timeout_s
    )
    for name, future in futures.items():
        answer = answer_of(future, timeout_s, f"topic {name}", unless=KafkaError.UNKNOWN_TOPIC_OR_PART)
        if answer is not None:
            replication = min(len(partition.replicas) for partition in answer.partitions)
            facts[name] = TopicFacts(str(answer.topic_id), len(answer.partitions), replication)
    return facts


def configs(admin: AdminClient, names: Iterable[str], timeout_s: float = 10.0) -> dict[str, dict[str, str]]:
    """Return the configuration of these topics, which exist.

    Raises:
        Unavailable: no answer in time.
        TopicError: the broker refuses to tell.
    """
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
    futures = admin.describe_configs(resources, request_timeout=timeout_s) if resources else {}
    found = {}
    for resource, future in futures.items():
        entries: dict[str, ConfigEntry] | None = answer_of(
            future, timeout_s, f"settings of topic {resource.name}", unless=KafkaError.NO_ERROR
        )
        found[resource.name] = {key: str(entry.value) for key, entry in (entries or {}).items()}
    return found


def copartitioned(facts: Mapping[str, TopicFacts], names: Sequence[str]) -> int:
    """Return the number of partitions that these topics have in common.

    Raises:
        TopicError: one is missing, or their numbers differ.
    """
    missing = [name for name in names if name not in facts]
    if missing:
        raise TopicError(
            f"topic {', '.join(missing)} does not exist: the producer makes the inputs, "
            "`awin-consumer topics create` makes ours"
        )
    if len({facts[name].partitions for name in names}) != 1:
        counts = ", ".join(f"{name} has {facts[name].partitions}" for name in names)
        raise TopicError(
            f"these topics must have equally many partitions, but {counts}: records that belong together would not "
            "meet. If nothing was read yet, make the smaller one anew (`awin-consumer topics create` if it is ours); "
            "else see docs/operations.md, 'Changing the number of partitions'"
        )
    return facts[names[0]].partitions


def delete(admin: AdminClient, names: Sequence[str], timeout_s: float = 30.0) -> None:
    """Delete those of these topics that exist.

    Raises:
        Unavailable: the broker did not do it in time.
        TopicError: it may not be done.
    """
    for name, future in admin.delete_topics(list(names), operation_timeout=timeout_s).items():
        answer_of(future, timeout_s, f"deleting topic {name}", unless=KafkaError.UNKNOWN_TOPIC_OR_PART)


def create(admin: AdminClient, specs: Sequence[TopicSpec], timeout_s: float = 30.0) -> list[str]:
    """Create the topics that do not exist yet, wait until all can be used, and return the new ones' names.

    Several processes may do this at once. A topic that exists is left as it is: see `check`.

    Raises:
        TopicError: the broker refuses one.
        Unavailable: not done in time.
    """
    deadline = time.monotonic() + timeout_s
    topics = [NewTopic(spec.name, spec.partitions, spec.replication, config=spec.config) for spec in specs]
    futures = admin.create_topics(topics, request_timeout=timeout_s, operation_timeout=timeout_s)
    made = []
    for spec in specs:
        what = f"topic {spec.name} with {spec.partitions} partitions and {spec.replication} replicas"
        answer_of(futures[spec.name], timeout_s, what, unless=KafkaError.TOPIC_ALREADY_EXISTS)
        if futures[spec.name].exception() is None:
            made.append(spec.name)
    while missing := {spec.name for spec in specs} - describe(admin, [spec.name for spec in specs]).keys():
        if time.monotonic() > deadline:
            raise Unavailable(f"topic {', '.join(sorted(missing))} was created but cannot be seen yet")
        time.sleep(_POLL_S)
    return made


def answer_of(future: Future[Answer], timeout_s: float, what: str, *, unless: int) -> Answer | None:
    """Wait for an answer about a topic; ``None`` if it is the error with code ``unless``.

    Raises:
        TopicError: the broker refuses.
        Unavailable: no answer in time.
    """
    try:
        return future.result(timeout_s)
    except TimeoutError as late:
        raise Unavailable(f"{what}: the broker did not answer in {timeout_s:g} s") from late
    except KafkaException as refused:
        error: KafkaError = refused.args[0]
        if error.code() == unless:
            return None
        text = f"{what}: {properties.describe(error)}"
        if error.retriable() or error.code() in NO_ANSWER:
            raise Unavailable(text) from refused
        if error.code() in _FORBIDDEN:
            text = f"{text.rstrip('.')}: allow the user what docs/security.md lists for its role"
        raise TopicError(text) from refused
