"""A real Kafka on this machine, with nothing but pip: for tests, benchmarks and the demo.

::

    with EmbeddedKafka() as kafka:
        producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})

It listens on the loopback address only. Its settings are those of quick tests: group sessions down to a second, no
rebalance delay, few partitions for the internal topics, no automatic topic creation.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from consumer.demo.cluster import Cluster
from consumer.demo.jars import BrokerError
from consumer.demo.java import warmed_java

__all__ = ["BrokerError", "EmbeddedKafka"]


class EmbeddedKafka(Cluster):
    """A `Cluster` on the Java and the jars that it gets itself, from the cache after the first time.

    Args:
        nodes: how many; three survive the loss of one.
        data_dir: kept after the end, and may be started from again; without it, a temporary folder.
        properties: broker settings that override any of ours.
        secured: ports of further listeners of a single node, by security protocol (``SASL_SSL``); ``properties`` say
            who may come in there.
    """

    def __init__(
        self,
        *,
        nodes: int = 1,
        data_dir: Path | None = None,
        properties: Mapping[str, str] | None = None,
        secured: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(warmed_java, nodes=nodes, data_dir=data_dir, properties=properties, secured=secured)
