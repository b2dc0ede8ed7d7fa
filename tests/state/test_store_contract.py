"""What every `KeyedStore` promises, tried on each adapter."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from consumer.errors import StateError
from consumer.state.memory import MemoryStore
from consumer.state.rocksdb import RocksMemory, RocksStore
from consumer.state.store import Change, KeyedStore, prefix_end

TINY_MEMTABLE = 64 << 10

# Few distinct bytes, so that keys meet, share prefixes and touch the ends of their range.
KEYS = st.binary(min_size=1, max_size=4).map(lambda raw: bytes((0, 1, 0x74, 0xFE, 0xFF)[byte % 5] for byte in raw))
CHANGES = st.lists(st.tuples(KEYS, st.none() | st.binary(max_size=20)), max_size=8)


class StoreMachine(RuleBasedStateMachine):
    """Any sequence of calls leaves a store with the same content as a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.model: dict[bytes, bytes] = {}
        self.store = self.open()

    def open(self) -> KeyedStore:
        """Open a new store."""
        raise NotImplementedError

    def reopen(self) -> KeyedStore:
        """Open the closed store again."""
        raise NotImplementedError

    @rule(changes=CHANGES, prefix=st.just(b"") | KEYS)
    def apply(self, changes: list[Change], prefix: bytes) -> None:
        """A batch leaves the last value of each key."""
        self.store.apply(iter(changes), prefix)
        for key, value in changes:
            if value is None:
                self.model.pop(prefix + key, None)
            else:
                self.model[prefix + key] = value

    @rule(prefix=KEYS | st.just(b""))
    def drop(self, prefix: bytes) -> None:
        """Dropping takes the keys below a prefix and no others."""
        self.store.drop(prefix)
        self.model = {key: value for key, value in self.model.items() if not key.startswith(prefix)}

    @rule()
    def flush(self) -> None:
        """Flushing changes nothing that can be read."""
        self.store.flush()

    @rule()
    def close_and_reopen(self) -> None:
        """Closing keeps everything."""
        self.store.close()
        self.store = self.reopen()

    @rule(key=KEYS)
    def get(self, key: bytes) -> None:
        """A key has the value last written."""
        assert self.store.get(key) == self.model.get(key)

    @rule(prefix=KEYS | st.just(b""))
    def scan(self, prefix: bytes) -> None:
        """A scan gives the pairs below a prefix in key order."""
        assert list(self.store.scan(prefix)) == sorted(
            (key, value) for key, value in self.model.items() if key.startswith(prefix)
        )

    @invariant()
    def same_content(self) -> None:
        """Nothing else is there."""
        assert dict(self.store.scan(b"")) == self.model

    def teardown(self) -> None:
        """Let go of the store."""
        self.store.close()


class MemoryMachine(StoreMachine):
    """The memory adapter."""

    def open(self) -> MemoryStore:
        """Open a new store."""
        return MemoryStore()

    def reopen(self) -> MemoryStore:
        """Open what the closed store left."""
        assert isinstance(self.store, MemoryStore)
        return self.store.survivor()


class RocksMachine(StoreMachine):
    """The disk adapter, without expiry."""

    ttl_s: int | None = None

    def open(self) -> RocksStore:
        """Open a new database."""
        self.folder = Path(tempfile.mkdtemp(prefix="store-contract-"))
        return self.reopen()

    def reopen(self) -> RocksStore:
        """Open the same database again."""
        return RocksStore(self.folder, memtable_bytes=TINY_MEMTABLE, ttl_s=self.ttl_s)

    def teardown(self) -> None:
        """Let go of the database and its folder."""
        super().teardown()
        rmtree(self.folder)


class ExpiringRocksMachine(RocksMachine):
    """The disk adapter, with expiry that never comes."""

    ttl_s = 10_000_000


TestMemoryStore = MemoryMachine.TestCase
TestRocksStore = RocksMachine.TestCase
TestExpiringRocksStore = ExpiringRocksMachine.TestCase
TestRocksStore.settings = TestExpiringRocksStore.settings = settings(stateful_step_count=20)


@pytest.fixture(params=["memory", "rocks"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> KeyedStore:
    """An empty store of each kind."""
    return MemoryStore() if request.param == "memory" else RocksStore(tmp_path / "database")


def test_a_scan_may_be_written_under(store: KeyedStore) -> None:
    """A scan under way gives every pair that nobody writes to, whatever happens to the others."""
    store.apply([(bytes([n]), b"before") for n in range(100)])
    pairs = store.scan(b"")
    first = next(pairs)
    store.apply([(bytes([n]), None) for n in range(1, 100, 2)])
    seen = dict([first, *pairs])
    assert {bytes([n]) for n in range(0, 100, 2)} <= seen.keys()


def test_a_failing_batch_writes_nothing(store: KeyedStore) -> None:
    """When the changes cannot be produced to the last one, none of them is written."""

    def changes() -> Iterator[Change]:
        yield b"a", b"1"
        yield b"b", bytes([1 // 0])

    with pytest.raises(ZeroDivisionError):
        store.apply(changes())
    assert list(store.scan(b"")) == []


def test_the_size_grows_with_the_content(store: KeyedStore) -> None:
    """The size tells much from little."""
    empty = store.size_bytes()
    store.apply([(n.to_bytes(4, "big"), n.to_bytes(100, "big")) for n in range(20_000)])
    assert store.size_bytes() - empty > 200_000


@pytest.mark.parametrize(
    ("prefix", "end"), [(b"a", b"b"), (b"a\xff\xff", b"b"), (b"\x00", b"\x01"), (b"\xff\xff", None), (b"", None)]
)
def test_the_end_of_a_prefix_is_the_next_key_of_its_length(prefix: bytes, end: bytes | None) -> None:
    """The end is the least key that sorts after all keys below a prefix, if there is one."""
    assert prefix_end(prefix) == end


def test_a_database_is_for_one_at_a_time(tmp_path: Path) -> None:
    """Opening a database a second time is refused with its folder and what to do."""
    first = RocksStore(tmp_path)
    with pytest.raises(StateError, match=str(tmp_path)):
        RocksStore(tmp_path)
    first.close()
    RocksStore(tmp_path).close()


def test_a_damaged_database_is_refused(tmp_path: Path) -> None:
    """A database that cannot be opened names its folder, which may be deleted."""
    RocksStore(tmp_path).close()
    (tmp_path / "CURRENT").write_text("nonsense")
    with pytest.raises(StateError, match="delete the folder"):
        RocksStore(tmp_path)


def test_databases_share_their_memory(tmp_path: Path) -> None:
    """What several databases hold unwritten goes to disk when it passes the budget that they share."""
    memory = RocksMemory(cache_bytes=1 << 20, memtable_bytes=6 << 20)
    stores = [RocksStore(tmp_path / str(n), memory=memory, memtable_bytes=16 << 20) for n in range(2)]
    for batch in range(50):
        for store in stores:
            store.apply([(f"{batch}-{n}".encode(), bytes(1_000)) for n in range(100)])
    deadline = time.monotonic() + 30
    while not any(store._db.live_files() for store in stores) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert any(store._db.live_files() for store in stores)
    for store in stores:
        store.close()


def test_expiry_keeps_what_is_young_when_opened_again(tmp_path: Path) -> None:
    """Compaction after any number of openings takes nothing that is younger than its time."""
    for opening in range(3):
        store = RocksStore(tmp_path, ttl_s=10_000_000)
        store.apply([(bytes([opening]), b"1")])
        store.flush()
        store._db.compact_range(None, None)
        assert len(list(store.scan(b""))) == opening + 1
        store.close()


def test_old_entries_expire(tmp_path: Path) -> None:
    """An entry older than its time goes when files are compacted."""
    store = RocksStore(tmp_path, ttl_s=1)
    store.apply([(b"old", b"1")])
    store.flush()
    deadline = time.monotonic() + 30
    while store.get(b"old") is not None and time.monotonic() < deadline:
        store._db.compact_range(None, None)
        time.sleep(0.05)
    assert store.get(b"old") is None
    store.close()
