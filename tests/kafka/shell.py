"""A configuration of a test's own on the shared broker, and the commands with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import yaml
from confluent_kafka import Consumer, Producer
from confluent_kafka import TopicPartition as KafkaPartition

from consumer.demo.broker import EmbeddedKafka
from consumer.settings import Settings, Topics, parse
from consumer.stream import topics
from consumer.stream.log import Record
from consumer.stream.properties import open_admin
from consumer.wiring import clients
from consumer.wiring.topics import inputs, plan
from tests.cli.commands import Ran, run
from tests.inspect.world import ATTRIBUTE, DELIVER, World

NAMES = tuple(name for name, field in Topics.model_fields.items() if isinstance(field.default, str))
PARTITIONS = 2


class Shell:
    """A configuration of this test's own, and the commands with it."""

    def __init__(self, kafka: EmbeddedKafka, topic_names: Callable[[str], str], folder: Path) -> None:
        self.kafka = kafka
        self.config = folder / "config.yaml"
        self.values = {
            "kafka": {"bootstrap_servers": kafka.bootstrap_servers, "group": topic_names("group")},
            "topics": {
                **{name: topic_names(name) for name in NAMES},
                "replication": 1,
                "min_insync_replicas": 1,
            },
            "programmes": [{"advertiser_id": "1001"}],
            "state": {"directory": str(folder / "state")},
            "delivery": {"endpoint": "http://127.0.0.1:9/"},
        }
        self.write()

    @property
    def settings(self) -> Settings:
        """The configuration as the program reads it."""
        return parse(self.values)

    def write(self) -> None:
        """Write the configuration down."""
        self.config.write_text(yaml.safe_dump(self.values), "utf-8")

    def hurry(self) -> None:
        """Wait no ten seconds for sessions, on a port of its own, and log errors alone; written down."""
        self.values["attribution"] = {"grace": "200ms"}
        self.values["ops"] = {"host": "127.0.0.1", "port": 0, "log_level": "error"}
        self.write()

    def __call__(self, *arguments: object) -> Ran:
        """Run a command."""
        return run(*arguments, "--config", self.config)

    def create(self) -> None:
        """Make all topics."""
        admin = open_admin(clients.connection(self.settings), "test")
        wanted = plan(self.settings)
        topics.create(admin, (*inputs(self.settings, PARTITIONS), *topics.owned(wanted, PARTITIONS)))

    def produce(self, topic: str, key: bytes | None, value: bytes | None, partitioner: str = "murmur2_random") -> None:
        """Add a record as a producer does."""
        producer = Producer(
            {"bootstrap.servers": self.kafka.bootstrap_servers, "partitioner": partitioner, "log_level": 0}
        )
        producer.produce(topic, value, key)
        assert producer.flush(30) == 0

    def append(self, records: Iterable[Record]) -> None:
        """Add records where they stood elsewhere."""
        producer = Producer({"bootstrap.servers": self.kafka.bootstrap_servers, "log_level": 0})
        for record in records:
            producer.produce(record.topic, record.value, record.key, record.partition, timestamp=record.timestamp_ms)
        assert producer.flush(30) == 0

    def copy(self, world: World) -> None:
        """Bring a world to the broker, offsets and positions as they are."""
        names = world.names
        for topic in (names.order_completed, names.orders, names.conversion, names.receipt, names.dead_letter):
            self.append(world.topics.records(topic))
        roles = (("attribute", ATTRIBUTE, names.order_completed), ("deliver", DELIVER, names.conversion))
        for role, group, topic in roles:
            member_of = clients.group(self.settings, role)  # type: ignore[arg-type]  # a role by its name
            servers = {"bootstrap.servers": self.kafka.bootstrap_servers, "group.id": member_of}
            with closing(Consumer(servers)) as member:
                for number, at in world.topics.committed(group, topic).items():
                    position = KafkaPartition(topic, number, at.offset, at.metadata)
                    member.commit(offsets=[position], asynchronous=False)
