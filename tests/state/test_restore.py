"""Restoring: what tables hold and what the stage is told, whatever happens on the way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.errors import RestoreStalled, TopicError, Unavailable
from consumer.state.changelog import Batch, ChangelogReader
from consumer.state.memory import MemoryStore
from consumer.state.restore import Progress, Restored, Restorer
from consumer.state.store import Change
from consumer.state.table import Table
from consumer.stream.changelog_memory import MemoryChangelogReader
from consumer.stream.log import Committed, Record, TopicPartition
from consumer.stream.memory_log import MemoryLog

INPUTS = ("session.landed", "order.completed")
WRITER = "writer"


def entry(record: Record) -> list[Change]:
    """Take a changelog record for the entry itself."""
    assert record.key is not None
    return [(record.key, record.value)]


def new_log() -> MemoryLog:
    """A log with two inputs, two changelogs and a writer."""
    log = MemoryLog(dict.fromkeys((*INPUTS, "touches", "orders"), 4))
    log.take_over(WRITER)
    return log


def new_table(
    topic: str, store: MemoryStore | None = None, changes_of: Callable[[Record], Iterable[Change]] = entry
) -> Table:
    """A table in memory whose checkpoints do not age."""
    return Table(store or MemoryStore(), topic, "id", changes_of, max_checkpoint_age_ms=10**15, now_ms=lambda: 0)


def append(log: MemoryLog, topic: str, *changes: Change, state: Literal["committed", "aborted"] = "committed") -> None:
    """Write one transaction into partition 0 of a changelog."""
    transaction = log.begin(WRITER)
    for key, value in changes:
        log.append(transaction, topic, key, value, 0)
    log.finish(transaction, state)


def inline(log: MemoryLog, *tables: Table, batch_records: int = 2) -> Restorer:
    """A restorer that works when it is asked for results."""
    return Restorer(tables, INPUTS, partial(MemoryChangelogReader, log, batch_records=batch_records), background=False)


@pytest.fixture
def in_background() -> Iterator[Callable[..., Restorer]]:
    """Maker of restorers with a thread, which ends with the test."""
    made = []

    def make(tables: Sequence[Table], open_reader: Callable[[], ChangelogReader]) -> Restorer:
        made.append(Restorer(tables, INPUTS, open_reader))
        return made[-1]

    yield make
    for restorer in made:
        restorer.close()


def wait_for(restorer: Restorer) -> list[Restored]:
    """Ask until something is finished."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        finished = restorer.finished()
        if finished:
            return finished
        time.sleep(0.005)
    raise TimeoutError


def content(table: Table, number: int = 0) -> dict[bytes, bytes]:
    """Everything that a table holds of a partition."""
    return dict(table.scan(number, b""))


def test_every_table_is_brought_to_its_end() -> None:
    """All tables hold what their changelogs do, and the result has the positions committed for that partition."""
    log, touches, orders = new_log(), new_table("touches"), new_table("orders")
    append(log, "touches", (b"t1", b"1"), (b"t2", b"2"))
    append(log, "orders", (b"o1", b"1"), (b"o2", b"2"), (b"o1", None))
    log.group().committed.update(
        {
            TopicPartition("session.landed", 0): Committed(7, "mark"),
            TopicPartition("session.landed", 1): Committed(9, ""),
        }
    )
    restorer = inline(log, touches, orders)
    restorer.begin(0)
    [restored] = restorer.finished()
    assert content(touches) == {b"t1": b"1", b"t2": b"2"}
    assert content(orders) == {b"o2": b"2"}
    assert restored.committed == {TopicPartition("session.landed", 0): Committed(7, "mark")}
    assert (restored.partition, restored.records, restored.changes) == (0, 5, 5)
    assert touches.checkpoint(0) == log.end_offset("touches", 0)
    assert restorer.finished() == []


def test_only_what_is_new_is_read() -> None:
    """A partition with a good checkpoint goes on from it."""
    log, orders = new_log(), new_table("orders")
    append(log, "orders", (b"o1", b"1"))
    restorer = inline(log, orders)
    restorer.begin(0)
    restorer.finished()
    append(log, "orders", (b"o2", b"2"))
    restorer.begin(0)
    [restored] = restorer.finished()
    assert restored.records == 1
    assert content(orders) == {b"o1": b"1", b"o2": b"2"}


def test_an_empty_changelog_restores_to_nothing() -> None:
    """A partition that nobody ever wrote to is restored, with nothing in it and nothing committed."""
    restorer = inline(new_log(), orders := new_table("orders"))
    restorer.begin(2)
    [restored] = restorer.finished()
    assert restored[:4] == (2, {}, 0, 0)
    assert content(orders, 2) == {}
    assert orders.checkpoint(2) == 0


def test_records_that_hold_many_changes_are_stored_whole() -> None:
    """Records may each hold thousands of changes, and a checkpoint never stands inside one."""
    log, checkpoints = new_log(), []

    def many(record: Record) -> Iterator[Change]:
        checkpoints.append(orders.checkpoint(0) if record.offset else 0)
        for number in range(1_500):
            yield b"%d-%d" % (record.offset, number), record.value

    orders = new_table("orders", changes_of=many)
    append(log, "orders", *[(b"", b"%d" % number) for number in range(5)])
    restorer = inline(log, orders, batch_records=10)
    restorer.begin(0)
    [restored] = restorer.finished()
    assert (restored.records, restored.changes) == (5, 7_500)
    assert len(content(orders)) == 7_500
    assert set(checkpoints) <= {None, 0, 2, 4}


@pytest.mark.parametrize("checkpoint", [3, 50])
def test_a_checkpoint_outside_the_changelog_starts_anew(checkpoint: int) -> None:
    """Content whose checkpoint the changelog no longer has, or not yet, is dropped and read again from its start."""
    log, orders = new_log(), new_table("orders")
    for number in range(10):
        append(log, "orders", (b"o%d" % number, b""))
    log.truncate("orders", 0, 8)
    orders.commit(0, [(b"stale", b"")], checkpoint)
    orders.commit(1, [(b"other", b"")], 0)
    restorer = inline(log, orders)
    restorer.begin(0)
    restorer.finished()
    assert content(orders) == {b"o%d" % number: b"" for number in range(4, 10)}
    assert content(orders, 1) == {b"other": b""}


def test_content_without_a_checkpoint_starts_anew() -> None:
    """What lies in the store under no checkpoint is not believed."""
    log, store = new_log(), MemoryStore({bytes(4) + b"stale": b""})
    append(log, "orders", (b"o1", b"1"))
    restorer = inline(log, orders := new_table("orders", store))
    restorer.begin(0)
    restorer.finished()
    assert content(orders) == {b"o1": b"1"}


def test_a_cancelled_restore_is_not_handed_out() -> None:
    """Whether cancelled before, during or after, a partition is not handed out; begun again it goes on where it was."""
    log = new_log()
    append(log, "orders", *[(b"o%d" % number, b"") for number in range(5)])

    def cancelling(record: Record) -> list[Change]:
        if record.offset == 2 and not orders.get(0, b"o2"):
            restorer.cancel(0)
        return entry(record)

    orders = new_table("orders", changes_of=cancelling)
    restorer = inline(log, orders, batch_records=1)
    restorer.begin(0)
    restorer.cancel(0)
    assert restorer.finished() == []
    restorer.begin(0)
    assert restorer.finished() == []
    assert orders.checkpoint(0) == 3
    restorer.begin(0)
    [restored] = restorer.finished()
    assert restored.records == 2
    assert len(content(orders)) == 5


def test_an_outage_is_waited_out() -> None:
    """While the broker gives no answer nothing is finished and nothing fails; afterwards the restore goes on."""
    log, orders = new_log(), new_table("orders")
    append(log, "orders", (b"o1", b"1"))
    restorer = inline(log, orders)
    restorer.begin(0)
    log.available = False
    assert restorer.finished() == []
    log.available = True
    assert [restored.partition for restored in restorer.finished()] == [0]


def test_one_partition_does_not_hold_up_another() -> None:
    """While one partition waits for an open transaction, others are restored."""
    log, orders = new_log(), new_table("orders")
    transaction = log.begin(WRITER)
    log.append(transaction, "orders", b"o1", b"1", 0)
    restorer = inline(log, orders)
    restorer.begin(0)
    restorer.begin(1)
    assert [restored.partition for restored in restorer.finished()] == [1]
    log.finish(transaction, "committed")
    assert [restored.partition for restored in restorer.finished()] == [0]
    assert content(orders) == {b"o1": b"1"}


def test_progress_shows_every_begun_partition() -> None:
    """Progress counts changelog offsets, knows no total for a waiting partition, and ends when the result is taken."""
    log, seen = new_log(), list[Progress]()

    def watching(record: Record) -> list[Change]:
        seen.extend(restorer.progress())
        return entry(record)

    append(log, "orders", (b"o1", b"1"), (b"o2", b"2"), (b"o3", b"3"))
    restorer = inline(log, new_table("orders", changes_of=watching), batch_records=2)
    restorer.begin(0)
    (waiting,) = restorer.progress()
    assert (waiting.partition, waiting.done, waiting.total, waiting.remaining) == (0, 0, None, None)
    restorer.finished()
    assert [(each.done, each.total, each.remaining) for each in seen] == [(0, 4, 4), (0, 4, 4), (2, 4, 2)]
    ages_s = [each.age_s for each in (waiting, *seen)]
    assert ages_s == sorted(ages_s)
    assert restorer.progress() == []


def test_beginning_twice_is_a_mistake() -> None:
    """A partition that was begun is neither begun nor restored a second time at once."""
    restorer = inline(new_log(), new_table("orders"))
    restorer.begin(0)
    with pytest.raises(ValueError, match="partition 0"):
        restorer.begin(0)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["committed", "aborted"]), st.lists(st.integers(0, 9), min_size=1, max_size=4)),
        st.sampled_from(["restore", "interrupted", "flush", "crash", "stale"]),
    ),
    max_size=30,
)


@given(steps=STEPS)
def test_a_restored_table_equals_its_changelog(
    steps: list[tuple[Literal["committed", "aborted"], list[int]] | str],
) -> None:
    """Whatever was aborted, interrupted, lost in a crash or put back from a copy: restored is what was committed."""
    log, store, copy = new_log(), MemoryStore(), MemoryStore()
    expected: dict[bytes, bytes] = {}
    for at, step in enumerate([*steps, "restore"]):
        if isinstance(step, tuple):
            state, numbers = step
            changes = [(b"%d" % number, None if number % 3 == at % 3 else b"%d" % at) for number in numbers]
            append(log, "orders", *changes, state=state)
            if state == "committed":
                expected |= {key: value or b"" for key, value in changes}
                expected = {key: value for key, value in expected.items() if value}
        elif step == "flush":
            store.flush()
            copy = store.survivor()
        elif step == "crash":
            store = store.survivor()
        elif step == "stale":
            store = copy.survivor()
        else:
            restore(log, store, give_up_after=1 if step == "interrupted" else 10**9)
            if step == "restore":
                assert content(new_table("orders", store)) == expected


def restore(log: MemoryLog, store: MemoryStore, *, give_up_after: int) -> None:
    """Restore partition 0, or give up after so many records."""
    seen = 0

    def counting(record: Record) -> list[Change]:
        nonlocal seen
        seen += 1
        if seen == give_up_after:
            restorer.cancel(0)
        return entry(record)

    restorer = inline(log, new_table("orders", store, counting))
    restorer.begin(0)
    restorer.finished()
    restorer.close()


def test_the_background_restores_many(in_background: Callable[..., Restorer]) -> None:
    """All partitions begun come back from the background, each once, restored."""
    log, orders = new_log(), new_table("orders")
    append(log, "orders", (b"o1", b"1"))
    restorer = in_background([orders], partial(MemoryChangelogReader, log))
    for number in range(4):
        restorer.begin(number)
    finished: list[Restored] = []
    while len(finished) < 4:
        finished += wait_for(restorer)
    assert [restored.partition for restored in finished] == [0, 1, 2, 3]
    assert content(orders) == {b"o1": b"1"}


def test_a_partition_begun_again_at_once_is_restored_after_the_first_try_has_ended(
    in_background: Callable[..., Restorer],
) -> None:
    """Cancelled in the middle and begun again, two restores of one partition never overlap, and one result comes."""
    log, busy, go, running, most = new_log(), threading.Event(), threading.Event(), [0], [0]
    append(log, "orders", (b"o1", b"1"), (b"o2", b"2"))

    def slow(record: Record) -> list[Change]:
        running[0] += 1
        most[0] = max(most[0], running[0])
        busy.set()
        go.wait(30)
        running[0] -= 1
        return entry(record)

    restorer = in_background([new_table("orders", changes_of=slow)], partial(MemoryChangelogReader, log))
    restorer.begin(0)
    assert busy.wait(30)
    restorer.cancel(0)
    log.group().committed[TopicPartition("session.landed", 0)] = Committed(5, "")
    restorer.begin(0)
    assert restorer.finished() == []
    go.set()
    [restored] = wait_for(restorer)
    assert restored.committed == {TopicPartition("session.landed", 0): Committed(5, "")}
    assert most == [1]


def test_the_background_waits_out_an_outage(in_background: Callable[..., Restorer]) -> None:
    """The background tries again by itself until the broker is back."""
    log, asked = new_log(), threading.Event()
    log.available = False

    class Watched(MemoryChangelogReader):
        def committed(self, partitions: Sequence[TopicPartition], timeout_s: float) -> dict[TopicPartition, Committed]:
            asked.set()
            return super().committed(partitions, timeout_s)

    restorer = in_background([new_table("orders")], partial(Watched, log))
    restorer.begin(0)
    assert asked.wait(30)
    assert restorer.finished() == []
    log.available = True
    assert [restored.partition for restored in wait_for(restorer)] == [0]


def test_a_lasting_failure_is_raised_where_results_are_asked_for(in_background: Callable[..., Restorer]) -> None:
    """What cannot be restored at all is raised by `finished`, at every call."""
    restorer = in_background([new_table("missing")], partial(MemoryChangelogReader, new_log()))
    restorer.begin(0)
    for _ in range(2):
        with pytest.raises(TopicError, match="missing"):
            wait_for(restorer)


def test_closing_stops_a_restore_that_waits(in_background: Callable[..., Restorer]) -> None:
    """Closing does not wait for an outage to end, and lets go of the reader."""
    log, asked, closed = new_log(), threading.Event(), threading.Event()
    log.available = False

    class Watched(MemoryChangelogReader):
        def committed(self, partitions: Sequence[TopicPartition], timeout_s: float) -> dict[TopicPartition, Committed]:
            asked.set()
            return super().committed(partitions, timeout_s)

        def close(self) -> None:
            closed.set()

    restorer = in_background([new_table("orders")], partial(Watched, log))
    restorer.begin(0)
    assert asked.wait(30)
    restorer.close()
    assert closed.is_set()
    assert restorer.progress() == []
    assert restorer.finished() == []


class Stuck:
    """A reader whose changelog ends at 10 and gives nothing after 4, on a clock that it moves."""

    def __init__(self, *, reachable: bool) -> None:
        self.now_s = 0.0
        self._reachable = reachable

    def committed(self, *_: Any, **__: Any) -> dict[TopicPartition, Committed]:
        """Nothing was committed."""
        return {}

    def bounds(self, *_: Any, **__: Any) -> tuple[int, int]:
        """Answer; the second time only if reachable."""
        if self.now_s and not self._reachable:
            raise Unavailable("nobody there")
        return 0, 10

    def read(self, *_: Any, **__: Any) -> Generator[Batch]:
        """Get to 4 and no further."""
        yield Batch([Record("orders", 0, 3, 0, b"o", b"")], 4)
        while True:
            self.now_s += 1
            yield Batch((), 4)

    def close(self) -> None:
        """Nothing to do."""


def restorer_on(reader: Stuck) -> Restorer:
    """A restorer that lives by the reader's clock."""
    restorer = Restorer(
        [new_table("orders")],
        INPUTS,
        lambda: reader,
        stall_after_s=20,
        background=False,
        monotonic=lambda: reader.now_s,
    )
    restorer.begin(0)
    return restorer


def test_a_changelog_that_does_not_go_on_stops_the_stage() -> None:
    """When the broker answers and yet gives nothing past the deadline, the error says where it stands."""
    reader = Stuck(reachable=True)
    restorer = restorer_on(reader)
    with pytest.raises(RestoreStalled, match="orders partition 0 stands at offset 4 of 10 since 20 s"):
        restorer.finished()
    assert reader.now_s == 21


def test_an_outage_is_no_stall() -> None:
    """When the broker does not answer at the deadline, it is waited for."""
    reader = Stuck(reachable=False)
    restorer = restorer_on(reader)
    assert restorer.finished() == []
    assert [each.partition for each in restorer.progress()] == [0]


def test_a_reader_that_asks_in_vain_for_long_is_replaced() -> None:
    """The client may be stuck although the broker is back: another one gets its answers."""
    log, orders = new_log(), new_table("orders")
    append(log, "orders", (b"o1", b"1"))
    opened: list[ChangelogReader] = []

    class Stuck(MemoryChangelogReader):
        """Gets no answer, ever."""

        def committed(self, partitions: Sequence[TopicPartition], timeout_s: float) -> dict[TopicPartition, Committed]:
            raise Unavailable(f"no answer about {partitions} in {timeout_s} s")

    def open_reader() -> ChangelogReader:
        opened.append(MemoryChangelogReader(log) if opened else Stuck(log))
        return opened[-1]

    restorer = Restorer([orders], INPUTS, open_reader, background=False)
    restorer.begin(0)
    for _ in range(10):
        if restorer.finished():
            break
    assert len(opened) == 2
    assert content(orders) == {b"o1": b"1"}
