"""Following a small topic on Kafka without a group."""

from __future__ import annotations

from confluent_kafka import Consumer, KafkaError
from confluent_kafka import TopicPartition as KafkaPartition

from consumer.errors import TopicError
from consumer.stream.changelog_kafka import record_of
from consumer.stream.log import Record
from consumer.stream.properties import Properties, describe, merge, open_client

_MOST = 1_000
_DEFAULTS: Properties = {
    "fetch.queue.backoff.ms": 10,
    "log.connection.close": False,
}
_FIXED: Properties = {
    "isolation.level": "read_committed",
    "enable.partition.eof": True,
    "enable.auto.commit": False,
    "auto.offset.reset": "earliest",
}
_LASTING = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001 - librdkafka's own error codes begin like this
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
    }
)


class KafkaFeed:
    """See `consumer.delivery.control.Feed`. While the broker does not answer there is nothing new.

    Args:
        connection: librdkafka properties for connecting, and any others.
        name: a name for librdkafka's ``group.id``, which it demands; the group is neither joined nor written to.
        topic: the topic.
    """

    def __init__(self, connection: Properties, name: str, topic: str) -> None:
        properties = merge(connection, _DEFAULTS, {**_FIXED, "group.id": name})
        self._topic = topic
        self._consumer = open_client(Consumer, {**properties, "error_cb": _reported_elsewhere})
        self._consumer.assign([KafkaPartition(topic, 0, 0)])
        self._caught_up = False

    @property
    def caught_up(self) -> bool:
        """See `consumer.delivery.control.Feed.caught_up`."""
        return self._caught_up

    def advance(self) -> list[Record]:
        """See `consumer.delivery.control.Feed.advance`."""
        records = []
        for message in self._consumer.consume(_MOST, 0):
            error = message.error()
            if error is None:
                records.append(record_of(message))
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
                self._caught_up = True
            elif error.code() in _LASTING:
                raise TopicError(
                    f"{self._topic}: {describe(error)}. Run `awin-consumer topics create`, and check the access rights"
                )
        return records

    def close(self) -> None:
        """See `consumer.delivery.control.Feed.close`."""
        self._consumer.close()


def _reported_elsewhere(_: KafkaError) -> None:
    """Connection troubles: the stage's own clients tell of them."""
