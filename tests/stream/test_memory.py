"""What the in-memory log adds to the contract: tests decide what happens when."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.errors import Fenced, OffsetsLost, Rebalanced, TopicError, Unavailable
from consumer.stream.log import Committed, TopicPartition
from consumer.stream.memory import MemoryLog, MemorySource, MemoryTransaction, Shuffled
from tests.stream.logs import Recorder

IN = TopicPartition("in", 0)
OUT = TopicPartition("out", 0)


def started(log: MemoryLog, *, member: str = "a", listener: Recorder | None = None) -> MemorySource:
    """A group of one member that reads ``in`` from the start."""
    source = MemorySource(log, ["in"], listener or Recorder(), member=member)
    log.rebalance({member: log.partitions("in")})
    source.poll(1, 0)
    for each in log.partitions("in"):
        source.start(each, 0)
    return source


@given(st.integers(), st.integers(1, 5))
def test_a_chooser_changes_the_order_between_partitions_only(seed: int, max_records: int) -> None:
    """Whatever is chosen, each partition comes in order, complete, in polls no larger than asked for."""
    log = MemoryLog({"in": 3})
    for number in range(30):
        log.produce("in", None, b"%d" % number)
    listener = Recorder()
    source = MemorySource(log, ["in"], listener, chooser=Shuffled(seed))
    log.rebalance({"member": log.partitions("in")})
    source.poll(1, 0)
    for each in log.partitions("in"):
        source.start(each, 0)
    seen: dict[int, list[int]] = {0: [], 1: [], 2: []}
    while sum(map(len, seen.values())) < 30:
        records = source.poll(max_records, 0)
        assert len(records) <= max_records
        for record in records:
            seen[record.partition].append(record.offset)
    assert seen == {number: list(range(10)) for number in range(3)}


def test_the_same_seed_gives_the_same_choices() -> None:
    """A failing interleaving can be played again."""
    ready = [TopicPartition("in", number) for number in range(5)]
    seed = random.Random(3).randrange(1000)
    first, second = Shuffled(seed), Shuffled(seed)
    assert [first(ready, 9) for _ in range(20)] == [second(ready, 9) for _ in range(20)]


def test_a_rebalance_waits_until_all_members_have_given_up() -> None:
    """Nobody gets a partition while another member still has it."""
    log = MemoryLog({"in": 2})
    listeners = {"a": Recorder(), "b": Recorder()}
    first = started(log, member="a", listener=listeners["a"])
    second = MemorySource(log, ["in"], listeners["b"], member="b")
    log.rebalance({"a": [TopicPartition("in", 0)], "b": [TopicPartition("in", 1)]})
    second.poll(1, 0)
    assert listeners["b"].assigned == []
    first.poll(1, 0)
    assert listeners["a"].revoked == log.partitions("in")
    assert listeners["a"].current == {TopicPartition("in", 0)}
    second.poll(1, 0)
    assert listeners["b"].current == {TopicPartition("in", 1)}
    first.close()
    assert listeners["a"].current == set()


def test_an_expelled_member_learns_of_it_by_on_lost() -> None:
    """Until its next poll it believes to have its partitions, but cannot commit; then it may join again."""
    log = MemoryLog({"in": 1, "out": 1})
    listener = Recorder()
    source = started(log, listener=listener)
    transaction = MemoryTransaction(log, "id", source)
    log.expel("a")
    log.rebalance({"a": [IN]})
    transaction.send("out", b"k", b"v")
    with pytest.raises(Rebalanced):
        transaction.commit({IN: Committed(0, "")})
    source.poll(1, 0)
    assert (listener.lost, listener.revoked, listener.current) == ([IN], [], {IN})
    transaction.commit({IN: Committed(0, "")})
    assert log.records("out", 0) == []


def test_ends_are_those_of_the_next_poll() -> None:
    """The answer is not there before, and includes what was written until then."""
    log = MemoryLog({"in": 1})
    source = started(log)
    answer = source.ask_ends([IN])
    assert answer() is None
    log.produce("in", b"k", b"v")
    source.poll(1, 0)
    log.produce("in", b"k", b"v")
    assert answer() == {IN: 1}


def test_an_open_transaction_holds_readers_back() -> None:
    """What comes after its first record is delivered only when it has ended; its end takes an offset."""
    log = MemoryLog({"in": 1})
    source = started(log)
    writer = MemoryTransaction(log, "other", source)
    writer.send("in", None, b"1")
    log.produce("in", None, b"2")
    assert source.poll(9, 0) == []
    assert (log.stable_offset("in", 0), log.end_offset("in", 0)) == (0, 2)
    writer.abort()
    assert [record.offset for record in source.poll(9, 0)] == [1]
    assert source.next_offset(IN) == 3


def test_a_crash_leaves_a_transaction_for_the_next_instance_to_abort() -> None:
    """A writer dropped without closing holds readers back until its id is taken over."""
    log = MemoryLog({"in": 1, "out": 1})
    source = started(log)
    MemoryTransaction(log, "id", source).send("out", None, b"crashed")
    assert log.stable_offset("out", 0) == 0
    MemoryTransaction(log, "id", source)
    assert log.stable_offset("out", 0) == 2
    assert log.records("out", 0) == []


def test_while_the_broker_is_away_nothing_is_answered() -> None:
    """Polls are empty, questions and commits are unavailable; afterwards everything goes on."""
    log = MemoryLog({"in": 1, "out": 1})
    source = started(log)
    transaction = MemoryTransaction(log, "id", source)
    log.produce("in", b"k", b"v")
    answer = source.ask_ends([IN])
    log.available = False
    assert source.poll(9, 0) == []
    with pytest.raises(Unavailable):
        answer()
    with pytest.raises(Unavailable):
        source.committed([IN], 1)
    with pytest.raises(Unavailable):
        source.offsets_at({IN: 0}, 1)
    transaction.send("out", None, b"dropped")
    with pytest.raises(Unavailable):
        transaction.commit({IN: Committed(1, "")})
    log.available = True
    assert len(source.poll(9, 0)) == 1
    transaction.send("out", None, b"kept")
    transaction.commit({IN: Committed(1, "")})
    assert [record.value for record in log.records("out", 0)] == [b"kept"]


@pytest.mark.parametrize("applied", [False, True])
def test_a_commit_can_be_made_to_fail(*, applied: bool) -> None:
    """Either without effect, or after it took effect although the caller is told otherwise."""
    log = MemoryLog({"in": 1, "out": 1})
    source = started(log)
    transaction = MemoryTransaction(log, "id", source)
    transaction.send("out", None, b"v")
    transaction.fail_next_commit(Fenced("outcome not known"), applied=applied)
    with pytest.raises(Fenced):
        transaction.commit({IN: Committed(1, "")})
    assert bool(log.records("out", 0)) is applied
    assert bool(source.committed([IN], 1)) is applied
    transaction.commit({IN: Committed(2, "")})


def test_retention_can_take_what_was_not_read() -> None:
    """A position before the log's start stops the source."""
    log = MemoryLog({"in": 1})
    source = started(log)
    for _ in range(3):
        log.produce("in", None, b"v")
    log.truncate("in", 0, 2)
    assert log.start_offset("in", 0) == 2
    with pytest.raises(OffsetsLost, match="offset 0 is asked for, but the log holds 2 to 3"):
        source.poll(9, 0)


def test_unknown_topics_and_partitions_are_named() -> None:
    """A mistake in a test is told as what it is."""
    log = MemoryLog({"in": 1})
    with pytest.raises(TopicError, match="topic out does not exist"):
        log.produce("out", b"k", b"v")
    with pytest.raises(TopicError, match=r"in \[1\] does not exist"):
        log.records("in", 1)


def test_the_age_of_the_last_poll_is_told() -> None:
    """It is counted from the end of the last poll, by the clock given."""
    now = [100.0]
    log = MemoryLog({"in": 1})
    source = MemorySource(log, ["in"], Recorder(), monotonic=lambda: now[0])
    now[0] = 103.0
    assert source.last_poll_age_s() == 3.0
    source.poll(1, 0)
    assert source.last_poll_age_s() == 0.0
