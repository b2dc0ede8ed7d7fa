"""What the settings say about topics: those that we own, and the inputs for trying things out."""

from __future__ import annotations

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from consumer.errors import SettingsError, Unavailable
from consumer.settings import Settings, milliseconds
from consumer.stream.properties import describe
from consumer.stream.topics import TopicPlan, TopicSpec

DAY_MS = 86_400_000


def touch_retention_ms(settings: Settings) -> int:
    """Return how long touches are kept: as long as an order that may still come can see them, and a day."""
    attribution = settings.attribution
    return milliseconds(attribution.window) + milliseconds(attribution.max_order_delay) + DAY_MS


def plan(settings: Settings) -> TopicPlan:
    """Return the names and sizes of all topics."""
    topics = settings.topics
    return TopicPlan(
        session_landed=topics.session_landed,
        order_completed=topics.order_completed,
        conversion=topics.conversion,
        receipt=topics.receipt,
        deferred=topics.deferred,
        dead_letter=topics.dead_letter,
        control=topics.control,
        touches=topics.touches,
        orders=topics.orders,
        outbox_partitions=topics.outbox_partitions,
        replication=topics.replication,
        min_insync_replicas=topics.min_insync_replicas,
        max_message_bytes=topics.max_message_bytes,
        outbox_retention_ms=milliseconds(topics.outbox_retention),
        dead_letter_retention_ms=milliseconds(topics.dead_letter_retention),
        touches_retention_ms=touch_retention_ms(settings),
        orders_retention_ms=milliseconds(settings.state.order_retention),
        delete_retention_ms=milliseconds(topics.delete_retention),
    )


def inputs(settings: Settings, partitions: int) -> tuple[TopicSpec, TopicSpec]:
    """Return what the input topics had best be like; in earnest their producer makes them."""
    topics = settings.topics
    config = {
        "cleanup.policy": "delete",
        "message.timestamp.type": "LogAppendTime",
        "min.insync.replicas": str(topics.min_insync_replicas),
        "max.message.bytes": str(topics.max_message_bytes // 2),
    }
    return (
        TopicSpec(topics.session_landed, partitions, topics.replication, config),
        TopicSpec(topics.order_completed, partitions, topics.replication, config),
    )


def check_replication(admin: AdminClient, settings: Settings, timeout_s: float = 10.0) -> None:
    """Make sure that the cluster can hold as many replicas as the settings want.

    Raises:
        SettingsError: it has fewer brokers.
        Unavailable: no answer in time.
    """
    try:
        brokers = len(admin.list_topics(timeout=timeout_s).brokers)
    except KafkaException as error:
        raise Unavailable(f"{settings.kafka.bootstrap_servers}: {describe(error.args[0])}") from error
    topics = settings.topics
    if brokers < topics.replication:
        raise SettingsError(
            f"topics.replication is {topics.replication}, but the cluster has {brokers} "
            f"broker{'' if brokers == 1 else 's'}: for trying out, set topics.replication and "
            f"topics.min_insync_replicas to {brokers}"
        )
