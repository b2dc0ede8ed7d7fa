"""The embedded broker: real, survives what it should, leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from consumer.demo.broker import BrokerError, EmbeddedKafka

TopicNames = Callable[[str], str]

OWNER = """
import json, os, sys, time
from consumer.demo.broker import EmbeddedKafka
kafka = EmbeddedKafka()
kafka.start()
print(json.dumps({"pid": kafka.pid(), "folder": str(kafka.folder)}), flush=True)
time.sleep(600)
"""


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for a condition, and fail if it does not come about."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come about"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    """Whether the process runs; one that only waits to be collected does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")


def create_topic(kafka: EmbeddedKafka, topic: str, partitions: int = 1) -> None:
    """Create a topic and wait until it is there."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    admin.create_topics([NewTopic(topic, partitions)])[topic].result(30)


def producer(kafka: EmbeddedKafka, **settings: str | int) -> Producer:
    """A producer that waits for all replicas."""
    return Producer({"bootstrap.servers": kafka.bootstrap_servers, "acks": "all", **settings})


def produce(kafka: EmbeddedKafka, topic: str, *values: str) -> None:
    """Produce and wait until all replicas have it."""
    client = producer(kafka)
    for value in values:
        client.produce(topic, value)
    assert client.flush(60) == 0


def consumer(kafka: EmbeddedKafka, group: str) -> Consumer:
    """A consumer that sees committed transactions only, from the start."""
    return Consumer(
        {
            "bootstrap.servers": kafka.bootstrap_servers,
            "group.id": group,
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )


def read(kafka: EmbeddedKafka, topic: str, count: int) -> list[str]:
    """The first ``count`` committed values of a topic of one partition."""
    client = consumer(kafka, f"{topic}-reader")
    try:
        client.assign([TopicPartition(topic, 0, 0)])
        values: list[str] = []
        deadline = time.monotonic() + 60
        while len(values) < count:
            assert time.monotonic() < deadline, f"only {values} came"
            message = client.poll(0.2)
            if message is not None and message.error() is None:
                values.append(text(message))
        return values
    finally:
        client.close()


def text(message: Message) -> str:
    """The value of a message."""
    value = message.value()
    assert value is not None
    return value.decode()


def test_records_come_back(kafka: EmbeddedKafka, topic_names: TopicNames) -> None:
    """What is produced is read, in order."""
    topic = topic_names("records")
    create_topic(kafka, topic)

    produce(kafka, topic, "a", "b", "c")

    assert read(kafka, topic, 3) == ["a", "b", "c"]


def test_committed_transactions_show_and_aborted_ones_do_not(kafka: EmbeddedKafka, topic_names: TopicNames) -> None:
    """A committed transaction carries records and offsets; an aborted one neither."""
    source, sink, group = topic_names("source"), topic_names("sink"), topic_names("group")
    create_topic(kafka, source)
    create_topic(kafka, sink)
    produce(kafka, source, "in")
    client = consumer(kafka, group)
    client.subscribe([source])
    wait_until(lambda: (message := client.poll(0.2)) is not None and message.error() is None)
    writer = producer(kafka, **{"transactional.id": topic_names("writer")})
    writer.init_transactions(30)

    for value, offset, end in (("aborted", 7, writer.abort_transaction), ("kept", 1, writer.commit_transaction)):
        writer.begin_transaction()
        writer.produce(sink, value)
        assert writer.flush(30) == 0
        writer.send_offsets_to_transaction([TopicPartition(source, 0, offset)], client.consumer_group_metadata(), 30)
        end(30)

    assert read(kafka, sink, 1) == ["kept"]
    assert client.committed([TopicPartition(source, 0)], 10)[0].offset == 1
    client.close()


def test_missing_topics_are_not_made(kafka: EmbeddedKafka, topic_names: TopicNames) -> None:
    """A misspelt topic is an error, as in production."""
    client = producer(kafka, **{"message.timeout.ms": 2000})

    assert client.list_topics(topic_names("nowhere"), 10).topics[topic_names("nowhere")].error is not None


@pytest.mark.slow
def test_killed_broker_comes_back_with_its_data() -> None:
    """After SIGKILL and after an orderly stop the same address serves the same records."""
    with EmbeddedKafka() as kafka:
        address, first = kafka.bootstrap_servers, kafka.pid()
        create_topic(kafka, "orders")
        produce(kafka, "orders", "before")

        kafka.kill()
        assert not alive(first)
        with pytest.raises(BrokerError, match="node 0 does not run"):
            kafka.pid()
        kafka.start_node(0)
        produce(kafka, "orders", "after the crash")
        kafka.stop_node(0)
        kafka.start_node(0)

        assert kafka.bootstrap_servers == address
        assert read(kafka, "orders", 2) == ["before", "after the crash"]


@pytest.mark.slow
def test_stop_leaves_nothing_but_a_folder_that_was_given(tmp_path: Path) -> None:
    """A data folder of the caller's is kept and can be started from; a temporary one goes."""
    with EmbeddedKafka(data_dir=tmp_path / "data") as kafka:
        create_topic(kafka, "orders")
        produce(kafka, "orders", "kept")
    with EmbeddedKafka(data_dir=tmp_path / "data") as kafka:
        assert read(kafka, "orders", 1) == ["kept"]
    with EmbeddedKafka() as kafka:
        folder, pid = kafka.folder, kafka.pid()
        assert folder.is_dir()

    kafka.stop()

    assert not folder.exists()
    assert not alive(pid)
    assert (tmp_path / "data" / "node-0" / "kafka.log").is_file()
    with pytest.raises(BrokerError, match="not started"):
        _ = kafka.bootstrap_servers


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_broker_does_not_outlive_its_owner(number: signal.Signals) -> None:
    """An owner that is ended without a word takes the broker and its folder with it."""
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        try:
            told = json.loads(owner.stdout.readline())
            assert alive(told["pid"])
        finally:
            owner.send_signal(number)
    try:
        wait_until(lambda: not alive(told["pid"]))
        wait_until(lambda: not Path(told["folder"]).exists())
    finally:
        if alive(told["pid"]):
            os.kill(told["pid"], signal.SIGKILL)


@pytest.mark.slow
def test_refused_setting_is_shown_with_the_end_of_the_log(tmp_path: Path) -> None:
    """A broker that cannot start says why, and nothing of it is left running."""
    kafka = EmbeddedKafka(data_dir=tmp_path, properties={"num.io.threads": "none"})

    with pytest.raises(BrokerError, match=r"(?s)none.*num\.io\.threads.*kafka\.log"):
        kafka.start()
    with pytest.raises(BrokerError, match="not started"):
        _ = kafka.bootstrap_servers


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_three_nodes_serve_on_when_one_is_killed() -> None:
    """With three nodes a topic has three replicas, and writing goes on with two of them."""
    with EmbeddedKafka(nodes=3) as kafka:
        create_topic(kafka, "orders")
        produce(kafka, "orders", "all three")
        client = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
        partition = client.list_topics("orders", 10).topics["orders"].partitions[0]
        assert len(partition.replicas) == 3

        kafka.kill(partition.leader)
        produce(kafka, "orders", "two left")
        assert read(kafka, "orders", 2) == ["all three", "two left"]

        kafka.start_node(partition.leader)

        def in_sync() -> bool:
            try:
                return len(client.list_topics("orders", 10).topics["orders"].partitions[0].isrs) == 3
            except KafkaException:
                return False

        wait_until(in_sync)
