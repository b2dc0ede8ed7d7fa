"""Restoring from a real broker into databases on disk."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka import TopicPartition as KafkaPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined] # public, yet not in __all__

from consumer.demo.broker import EmbeddedKafka
from consumer.state.restore import Restored, Restorer
from consumer.state.rocksdb import RocksStore
from consumer.state.store import Change
from consumer.state.table import Table
from consumer.stream.changelog_kafka import KafkaChangelogReader
from consumer.stream.log import Committed, Record, TopicPartition

pytestmark = pytest.mark.kafka

TIMEOUT_S = 20.0
TRANSACTION_TIMEOUT_S = 3


def entry(record: Record) -> list[Change]:
    """Take a changelog record for the entry itself."""
    assert record.key is not None
    return [(record.key, record.value)]


class Stage:
    """What a stage is to restoring: a writer of its changelog, its group's positions, a folder."""

    def __init__(self, kafka: EmbeddedKafka, name: Callable[[str], str], folder: Path) -> None:
        self._connection = {"bootstrap.servers": kafka.bootstrap_servers}
        self._group, self._writer = name("group"), name("writer")
        self.changelog, self.input = name("changelog"), TopicPartition(name("input"), 0)
        self.folder = folder
        self._admin = AdminClient({**self._connection})
        self._consumer = Consumer({**self._connection, "group.id": self._group})

    def create_topics(self, **configs: str) -> None:
        """Make both topics, the changelog with these settings."""
        topics = [NewTopic(self.changelog, 1, 1, config=configs), NewTopic(self.input.topic, 1, 1)]
        for created in self._admin.create_topics(topics).values():
            created.result()

    def start_writer(self) -> Producer:
        """A new incarnation of the writer, which ends the transactions of the one before."""
        settings = {"transactional.id": self._writer, "transaction.timeout.ms": TRANSACTION_TIMEOUT_S * 1_000}
        producer = Producer({**self._connection, **settings, "retry.backoff.ms": 5})
        producer.init_transactions(TIMEOUT_S)
        return producer

    def write(self, producer: Producer, changes: Mapping[bytes, bytes | None]) -> None:
        """Write changes in a transaction that stays open."""
        producer.begin_transaction()
        for key, value in changes.items():
            producer.produce(self.changelog, value, key, partition=0)
        assert producer.flush(TIMEOUT_S) == 0

    def send_position(self, producer: Producer, offset: int) -> None:
        """Add the input's next offset to the open transaction."""
        producer.send_offsets_to_transaction(
            [KafkaPartition(*self.input, offset)], self._consumer.consumer_group_metadata(), TIMEOUT_S
        )

    def commit(self, changes: Mapping[bytes, bytes | None], offset: int) -> None:
        """Write one transaction and commit it."""
        producer = self.start_writer()
        self.write(producer, changes)
        self.send_position(producer, offset)
        producer.commit_transaction(TIMEOUT_S)

    def restore(self) -> tuple[Restored, dict[bytes, bytes]]:
        """Restore in the background, as a starting process does; return what came of it."""
        store = RocksStore(self.folder)
        table = self.table(store)
        restorer = self.begin(table)
        try:
            return wait_for(restorer), dict(table.scan(0, b""))
        finally:
            restorer.close()
            store.close()

    def reader(self) -> KafkaChangelogReader:
        """Return what restores read with."""
        return KafkaChangelogReader({**self._connection}, self._group)

    def begin(self, table: Table) -> Restorer:
        """Begin to restore partition 0."""
        restorer = Restorer([table], [self.input.topic], self.reader)
        restorer.begin(0)
        return restorer

    def table(self, store: RocksStore) -> Table:
        """The changelog's table."""
        return Table(
            store,
            self.changelog,
            "id",
            entry,
            max_checkpoint_age_ms=3_600_000,
            now_ms=lambda: time.time_ns() // 1_000_000,
        )

    def close(self) -> None:
        """Let go of the group."""
        self._consumer.close()


def wait_for(restorer: Restorer) -> Restored:
    """Ask until the partition is finished."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for restored in restorer.finished():
            return restored
        time.sleep(0.01)
    raise TimeoutError


@pytest.fixture
def stage(kafka: EmbeddedKafka, topic_names: Callable[[str], str], tmp_path: Path) -> Iterator[Stage]:
    """A stage on the shared broker."""
    stage = Stage(kafka, topic_names, tmp_path / "table")
    yield stage
    stage.close()


def test_restored_is_what_was_committed(stage: Stage) -> None:
    """The table equals the committed changes in order, and the positions are those committed with them."""
    stage.create_topics()
    producer = stage.start_writer()
    expected: dict[bytes, bytes] = {}
    for number in range(1, 41):
        changes: dict[bytes, bytes | None] = {
            b"k%d" % (number * step % 17): None if number % 7 == step else b"v%d" % number for step in range(1, 6)
        }
        stage.write(producer, changes)
        if number % 4 == 0:
            producer.abort_transaction(TIMEOUT_S)
            continue
        stage.send_position(producer, number)
        producer.commit_transaction(TIMEOUT_S)
        for key, value in changes.items():
            if value is None:
                expected.pop(key, None)
            else:
                expected[key] = value
    restored, content = stage.restore()
    assert content == expected
    assert restored.committed == {stage.input: Committed(39, "")}


@pytest.mark.parametrize("with_position", [True, False])
def test_a_dead_writers_transaction_is_waited_out(stage: Stage, *, with_position: bool) -> None:
    """What a dead writer left open is neither restored nor overlooked: restoring waits until the broker aborts it."""
    stage.create_topics()
    stage.commit({b"a": b"1"}, 5)
    dead = stage.start_writer()
    stage.write(dead, {b"a": b"2", b"b": b"2"})
    if with_position:
        stage.send_position(dead, 6)
    restored, content = stage.restore()
    assert content == {b"a": b"1"}
    assert restored.committed == {stage.input: Committed(5, "")}
    assert restored.seconds > 0.5


def test_a_transaction_that_commits_in_time_is_restored(stage: Stage) -> None:
    """A transaction that is open when restoring begins and commits soon after is restored with its positions."""
    stage.create_topics()
    stage.commit({b"a": b"1"}, 5)
    alive = stage.start_writer()
    stage.write(alive, {b"a": b"2"})
    stage.send_position(alive, 6)
    store = RocksStore(stage.folder)
    table = stage.table(store)
    restorer = stage.begin(table)
    assert restorer.finished() == []
    alive.commit_transaction(TIMEOUT_S)
    restored = wait_for(restorer)
    restorer.close()
    assert table.get(0, b"a") == b"2"
    assert restored.committed == {stage.input: Committed(6, "")}
    store.close()


def test_an_old_copy_of_the_folder_is_brought_up_to_date(stage: Stage, tmp_path: Path) -> None:
    """State put back from a copy is not believed to be more than it was: the changes since are read again."""
    stage.create_topics()
    stage.commit({b"a": b"1", b"b": b"1"}, 1)
    stage.restore()
    shutil.copytree(stage.folder, tmp_path / "copy")
    stage.commit({b"a": None, b"c": b"2"}, 2)
    assert stage.restore()[1] == {b"b": b"1", b"c": b"2"}
    shutil.rmtree(stage.folder)
    shutil.move(tmp_path / "copy", stage.folder)
    restored, content = stage.restore()
    assert content == {b"b": b"1", b"c": b"2"}
    assert restored.records == 2


def test_state_of_a_longer_changelog_is_dropped(stage: Stage) -> None:
    """State that claims more than the changelog has is dropped, since it is of another one."""
    stage.create_topics()
    stage.commit({b"a": b"1"}, 1)
    store = RocksStore(stage.folder)
    stage.table(store).commit(0, [(b"stale", b"")], 100)
    store.close()
    assert stage.restore()[1] == {b"a": b"1"}


@pytest.fixture(scope="module")
def own_kafka() -> Iterator[EmbeddedKafka]:
    """A broker of our own, which looks for something to compact all the time."""
    with EmbeddedKafka(properties={"log.cleaner.backoff.ms": "100"}) as kafka:
        yield kafka


@pytest.mark.slow
def test_a_compacted_changelog_restores_to_the_newest_values(
    own_kafka: EmbeddedKafka, topic_names: Callable[[str], str], tmp_path: Path
) -> None:
    """Gaps that compaction leaves, at the very start and before the end too, stop nobody."""
    stage = Stage(own_kafka, topic_names, tmp_path / "table")
    stage.create_topics(
        **{
            "cleanup.policy": "compact",
            "segment.ms": "50",
            "min.cleanable.dirty.ratio": "0.001",
            "delete.retention.ms": "0",
        }
    )
    producer = stage.start_writer()
    written = 0
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for number in range(20):
            stage.write(producer, {b"k%d" % (number % 3): b"v%d" % written, b"gone": None})
            producer.commit_transaction(TIMEOUT_S)
            written += 1
        stage.write(producer, {b"k0": b"aborted"})
        producer.abort_transaction(TIMEOUT_S)
        shutil.rmtree(stage.folder, ignore_errors=True)
        restored, content = stage.restore()
        assert content == {b"k%d" % (n % 3): b"v%d" % (written - 20 + n) for n in (17, 18, 19)}
        if restored.records < 2 * written:
            break
    else:
        pytest.fail("nothing was compacted within a minute")
    stage.close()


@pytest.mark.slow
def test_a_broker_that_is_down_is_waited_for(
    own_kafka: EmbeddedKafka, topic_names: Callable[[str], str], tmp_path: Path
) -> None:
    """Begun while the broker is down, a restore finishes after it has come back."""
    stage = Stage(own_kafka, topic_names, tmp_path / "table")
    stage.create_topics()
    stage.commit({b"a": b"1"}, 1)
    # Kafka 4.3.1 now and then forgets the markers of a transaction that it has to end while its only broker starts.
    with closing(stage.reader()) as reader:
        assert reader.committed([stage.input], 30) == {stage.input: Committed(1, "")}
    own_kafka.kill()
    store = RocksStore(stage.folder)
    table = stage.table(store)
    with closing(stage.begin(table)) as restorer:
        waiting_until = time.monotonic() + 3
        while time.monotonic() < waiting_until:
            assert restorer.finished() == []
            time.sleep(0.05)
        own_kafka.start_node(0)
        assert wait_for(restorer).committed == {stage.input: Committed(1, "")}
        assert table.get(0, b"a") == b"1"
    store.close()
    stage.close()
