"""A table: partitions of a changelog in one store, each with its checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from consumer.errors import StateError
from consumer.state.memory import MemoryStore
from consumer.state.rocksdb import RocksStore
from consumer.state.store import Change, KeyedStore
from consumer.state.table import Table
from consumer.stream.log import Record

MAX_AGE_MS = 1_000


class Clock:
    """A wall clock that stands where it is put."""

    def __init__(self) -> None:
        self.now_ms = 1_700_000_000_000

    def __call__(self) -> int:
        return self.now_ms


def entry(record: Record) -> list[Change]:
    """Take a changelog record for the entry itself."""
    assert record.key is not None
    return [(record.key, record.value)]


@pytest.fixture(params=["memory", "rocks"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KeyedStore]:
    """An empty store of each kind."""
    store: KeyedStore = MemoryStore() if request.param == "memory" else RocksStore(tmp_path / "database")
    yield store
    store.close()


@pytest.fixture
def clock() -> Clock:
    """The wall clock."""
    return Clock()


def table_on(store: KeyedStore, clock: Clock, topic_id: str = "id-1") -> Table:
    """A table as an instance of the software makes it."""
    return Table(store, "orders", topic_id, entry, max_checkpoint_age_ms=MAX_AGE_MS, now_ms=clock)


def test_a_commit_stores_content_and_checkpoint(store: KeyedStore, clock: Clock) -> None:
    """After a commit the changes are there and the checkpoint is the next changelog offset."""
    table = table_on(store, clock)
    table.commit(3, [(b"b", b"2"), (b"a", b"1"), (b"a", b"3"), (b"c", b"4"), (b"c", None)], 17)
    assert table.get(3, b"a") == b"3"
    assert table.get(3, b"c") is None
    assert list(table.scan(3, b"")) == [(b"a", b"3"), (b"b", b"2")]
    assert table.checkpoint(3) == 17


def test_partitions_do_not_see_each_other(store: KeyedStore, clock: Clock) -> None:
    """Partitions of one store have their own content and checkpoint, and are dropped alone."""
    table = table_on(store, clock)
    for partition in (0, 1, 255, 256):
        table.commit(partition, [(b"key", str(partition).encode())], partition + 1)
    table.drop(255)
    assert list(table.scan(255, b"")) == []
    assert table.checkpoint(255) is None
    assert {n: (table.get(n, b"key"), table.checkpoint(n)) for n in (0, 1, 256)} == {
        0: (b"0", 1),
        1: (b"1", 2),
        256: (b"256", 257),
    }


def test_a_scan_stays_below_its_prefix(store: KeyedStore, clock: Clock) -> None:
    """A scan gives the keys that start with its prefix, without the partition and without the checkpoint."""
    table = table_on(store, clock)
    table.commit(0, [(key, b"") for key in (b"a", b"a\xff", b"a\xff\xff", b"ab", b"b")], 1)
    assert [key for key, _ in table.scan(0, b"a")] == [b"a", b"ab", b"a\xff", b"a\xff\xff"]
    assert [key for key, _ in table.scan(0, b"a\xff")] == [b"a\xff", b"a\xff\xff"]
    assert [key for key, _ in table.scan(0, b"")][-1] == b"b"


def test_an_old_checkpoint_is_none(store: KeyedStore, clock: Clock) -> None:
    """A checkpoint serves up to its greatest age, and no longer."""
    table = table_on(store, clock)
    table.commit(0, [], 5)
    clock.now_ms += MAX_AGE_MS
    assert table.checkpoint(0) == 5
    clock.now_ms += 1
    assert table.checkpoint(0) is None


def test_a_checkpoint_from_the_far_future_is_none(store: KeyedStore, clock: Clock) -> None:
    """A checkpoint written while the clock was far ahead says nothing about its age."""
    table = table_on(store, clock)
    table.commit(0, [], 5)
    clock.now_ms -= MAX_AGE_MS + 1
    assert table.checkpoint(0) is None


def test_catching_up_makes_nothing_younger(store: KeyedStore, clock: Clock) -> None:
    """Content that is being caught up is as old as where it began, until a commit says that it is complete."""
    table = table_on(store, clock)
    table.catch_up(0, [(b"a", b"1")], 5)
    clock.now_ms += MAX_AGE_MS
    table.catch_up(0, [(b"b", b"2")], 6)
    assert table.checkpoint(0) == 6
    clock.now_ms += 1
    assert table.checkpoint(0) is None
    table.commit(0, [], 7)
    assert table.checkpoint(0) == 7


def test_a_re_created_topic_has_no_checkpoint(store: KeyedStore, clock: Clock) -> None:
    """A checkpoint of a topic with another id does not count."""
    table_on(store, clock, "id-1").commit(0, [], 5)
    assert table_on(store, clock, "id-2").checkpoint(0) is None
    assert table_on(store, clock, "id-1").checkpoint(0) == 5


def test_a_later_version_stops(store: KeyedStore, clock: Clock) -> None:
    """A checkpoint of a later version is refused with the topic, the partition and what to do."""
    store.apply([(bytes(4), b"\x02and then something new")])
    with pytest.raises(StateError, match=r"orders partition 0 was written by a later version.*delete the state folder"):
        table_on(store, clock).checkpoint(0)


@pytest.mark.parametrize("value", [b"", b"\x00", b"\x01", b"\x01short"])
def test_an_unreadable_checkpoint_is_none(store: KeyedStore, clock: Clock, value: bytes) -> None:
    """A checkpoint that makes no sense counts as missing."""
    store.apply([(bytes(4), value)])
    assert table_on(store, clock).checkpoint(0) is None
