"""The promises of `consumer.stream.log`, asked of the in-memory log and of a real broker."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest
from confluent_kafka import murmur2
from msgspec.structs import replace

from consumer.errors import Fenced, OffsetsLost, Rebalanced, RecordTooLarge
from consumer.stream.log import Committed, Record, Source, TopicPartition
from tests.stream.logs import InMemory, Log, OnKafka, Recorder, poll_until, read


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.kafka)])
def log(request: pytest.FixtureRequest, topic_names: Callable[[str], str]) -> Iterator[Log]:
    """The log under test."""
    made: Log
    if request.param == "memory":
        made = InMemory()
    else:
        made = OnKafka(request.getfixturevalue("kafka").bootstrap_servers, topic_names)
    yield made
    made.close()


def joined(log: Log, *topics: str, recorder: Recorder | None = None) -> Source:
    """A group of one member that has all of these topics' partitions."""
    listener = recorder or Recorder()
    source = log.source(topics, listener)
    log.share(topics, {"a": source}, {"a": listener})
    return source


def test_nothing_is_delivered_before_start(log: Log) -> None:
    """An assigned partition stays silent until it is started."""
    topic = log.topic("in", 2)
    for number in range(4):
        log.produce(topic, b"%d" % number, b"value")
    source = joined(log, topic)
    source.start(TopicPartition(topic, 1), 0)
    records = read(source, 1)
    records += source.poll(1000, 0.5)
    assert {record.partition for record in records} == {1}
    with pytest.raises(LookupError, match="not started"):
        source.next_offset(TopicPartition(topic, 0))
    with pytest.raises(LookupError, match="not assigned"):
        source.start(TopicPartition(topic, 2), 0)


def test_reads_from_the_offset_given(log: Log) -> None:
    """Reading starts at the offset that `start` names, and goes back when it is called again."""
    at = TopicPartition(log.topic("in"), 0)
    for number in range(5):
        log.produce(at.topic, b"k", b"%d" % number)
    source = joined(log, at.topic)
    source.start(at, 3)
    assert [(record.offset, record.value) for record in read(source, 2)] == [(3, b"3"), (4, b"4")]
    assert source.next_offset(at) == 5
    source.start(at, 1)
    assert source.next_offset(at) == 1
    assert [record.offset for record in read(source, 4)] == [1, 2, 3, 4]


def test_a_record_is_delivered_as_it_was_written(log: Log) -> None:
    """Key, value, time and headers come back, null ones as None."""
    at = TopicPartition(log.topic("in"), 0)
    written = [
        log.produce(at.topic, b"k", b"v", timestamp_ms=1_700_000_000_123),
        log.produce(
            at.topic, None, None, timestamp_ms=1_700_000_000_124, headers=[("a", b"1"), ("b", None), ("a", b"2")]
        ),
    ]
    source = joined(log, at.topic)
    source.start(at, 0)
    assert read(source, 2) == written


def test_a_record_is_sent_as_it_is(log: Log) -> None:
    """To its own partition whatever its key, with its headers and its time."""
    out = log.topic("out", 2)
    headers = (("a", b"1"), ("b", None), ("a", b"2"))
    sent = [
        Record(out, 1, 99, 1_700_000_000_123, b"k", b"v", headers),
        Record(out, 1, 99, 1_700_000_000_122, None, None),
    ]
    writer = log.writer("writer")
    for record in sent:
        writer.send_record(record)
    writer.commit_alone()
    source, at = joined(log, out), TopicPartition(out, 1)
    source.start(at, 0)
    assert read(source, 2) == [replace(record, offset=offset) for offset, record in enumerate(sent)]


def test_a_record_too_large_with_its_headers_is_refused(log: Log) -> None:
    """Nothing of it is added, and the others go on."""
    out = log.topic("out")
    writer = log.writer("writer")
    with pytest.raises(RecordTooLarge):
        writer.send_record(Record(out, 0, 0, 1, b"k", b"v", (("large", b"x" * 1_000_000),)))
    writer.send_record(Record(out, 0, 0, 1, b"k", b"v"))
    writer.commit_alone()
    assert log.visible(out) == [(b"k", b"v")]


def test_keys_are_partitioned_as_java_does(log: Log) -> None:
    """A transaction sends a keyed record to the partition that murmur2 gives, or to the one it is told."""
    at, out = TopicPartition(log.topic("in"), 0), log.topic("out", 7)
    source = joined(log, at.topic)
    transaction = log.transaction("writer", source)
    keys = [b"visitor-%d" % number for number in range(50)]
    for key in keys:
        transaction.send(out, key, None)
    transaction.send(out, b"told", b"x", partition=3)
    transaction.commit({at: Committed(0, "")})
    found = {number: [key for key, _ in log.visible(out, number)] for number in range(7)}
    assert b"told" in found[3]
    assert all(key in found[murmur2(key, 7)] for key in keys)


def test_a_commit_is_atomic(log: Log) -> None:
    """Records and offsets of a transaction are seen together, and not before the commit."""
    at, outs = TopicPartition(log.topic("in"), 0), [log.topic("out-1"), log.topic("out-2")]
    log.produce(at.topic, b"k", b"v")
    source = joined(log, at.topic)
    transaction = log.transaction("writer", source)
    for out in outs:
        transaction.send(out, b"k", b"1")
        transaction.send(out, b"k", b"2")
    assert [log.visible(out, ended=False) for out in outs] == [[], []]
    assert source.committed([at], 10) == {}
    ends = transaction.commit({at: Committed(1, "")})
    assert ends == {TopicPartition(out, 0): 2 for out in outs}
    assert [log.visible(out) for out in outs] == [[(b"k", b"1"), (b"k", b"2")]] * 2
    assert source.committed([at], 10) == {at: Committed(1, "")}


def test_a_transaction_sends_headers(log: Log) -> None:
    """They come back as they were sent, and count towards the size of a record."""
    at = TopicPartition(log.topic("in"), 0)
    source = joined(log, at.topic)
    transaction = log.transaction("writer", source)
    headers = (("a", b"1"), ("b", None), ("a", b"2"))
    transaction.send(at.topic, b"k", b"v", 0, headers)
    with pytest.raises(RecordTooLarge):
        transaction.send(at.topic, b"k", b"v", 0, [("a", b"x" * 100_000)])
    transaction.commit({at: Committed(0, "")})
    source.start(at, 0)
    assert [(record.value, record.headers) for record in read(source, 1)] == [(b"v", headers)]


def test_what_is_aborted_is_never_seen(log: Log) -> None:
    """An aborted transaction leaves nothing behind, and the next one is untouched by it."""
    at, out = TopicPartition(log.topic("in"), 0), log.topic("out")
    source = joined(log, at.topic)
    transaction = log.transaction("writer", source)
    transaction.abort()
    transaction.send(out, b"k", b"aborted")
    transaction.abort()
    transaction.send(out, b"k", b"kept")
    ends = transaction.commit({at: Committed(0, "")})
    assert log.visible(out) == [(b"k", b"kept")]
    (end,) = ends.values()
    assert end > 1


def test_next_offset_passes_what_is_not_delivered(log: Log) -> None:
    """Positions end after transaction markers and aborted records, so that they can reach the log's end."""
    at, out = TopicPartition(log.topic("in"), 0), TopicPartition(log.topic("out"), 0)
    source = joined(log, at.topic, out.topic)
    transaction = log.transaction("writer", source)
    transaction.send(out.topic, b"k", b"1")
    transaction.commit({at: Committed(0, "")})
    transaction.send(out.topic, b"k", b"2")
    transaction.abort()
    source.start(out, 0)
    assert [record.value for record in read(source, 1)] == [b"1"]
    answer = source.ask_ends([out])
    poll_until(lambda: answer() is not None, source)
    ends = answer()
    assert ends is not None
    poll_until(lambda: source.next_offset(out) == ends[out], source)


def test_offsets_carry_metadata(log: Log) -> None:
    """Metadata committed with an offset is read back; partitions without an offset are left out."""
    topic = log.topic("in", 2)
    source = joined(log, topic)
    transaction = log.transaction("writer", source)
    transaction.commit({TopicPartition(topic, 0): Committed(7, "clean " + "x" * 4000)})
    both = [TopicPartition(topic, 0), TopicPartition(topic, 1)]
    assert source.committed(both, 10) == {both[0]: Committed(7, "clean " + "x" * 4000)}
    assert source.committed([], 10) == {}


def test_a_commit_needs_valid_offsets(log: Log) -> None:
    """Without a valid offset the group would not check the member: refused, and nothing is seen."""
    at, out = TopicPartition(log.topic("in"), 0), log.topic("out")
    source = joined(log, at.topic)
    transaction = log.transaction("writer", source)
    transaction.send(out, b"k", b"v")
    for offsets in ({}, {at: Committed(-1001, "")}):
        with pytest.raises(ValueError, match="next offsets"):
            transaction.commit(offsets)
    assert log.visible(out, ended=False) == []


def test_a_stale_member_cannot_commit(log: Log) -> None:
    """A member that stalled and lost its partitions commits nothing, is told, and may go on after joining again."""
    at, out = TopicPartition(log.topic("in"), 0), log.topic("out")
    log.produce(at.topic, b"k", b"v")
    recorder, other = Recorder(), Recorder()
    stale = joined(log, at.topic, recorder=recorder)
    stale.start(at, 0)
    read(stale, 1)
    transaction = log.transaction("writer-a", stale)
    transaction.send(out, b"k", b"stale")
    heir = log.source([at.topic], other, "b")
    log.take_over([at.topic], "a", "b", heir, other)
    with pytest.raises(Rebalanced):
        transaction.commit({at: Committed(1, "")})
    assert stale.committed([at], 10) == {}
    heirs = log.transaction("writer-b", heir)
    heirs.send(out, b"k", b"heir")
    heirs.commit({at: Committed(1, "")})
    assert log.visible(out) == [(b"k", b"heir")]
    poll_until(lambda: recorder.lost == [at], stale, heir)


def test_revoked_partitions_can_still_be_committed(log: Log) -> None:
    """From within `on_revoked` the old member commits, and the new one finds that."""
    topic, out = log.topic("in", 2), log.topic("out")
    log.produce(topic, b"k", b"v")

    def finish(partitions: Sequence[TopicPartition]) -> None:
        if len(partitions) < 2:
            return
        transaction.send(out, b"k", b"last")
        transaction.commit({TopicPartition(topic, number): Committed(number + 5, "") for number in (0, 1)})

    listeners = {"a": Recorder(finish), "b": Recorder()}
    first = joined(log, topic, recorder=listeners["a"])
    before = first.generation()
    transaction = log.transaction("writer", first)
    second = log.source([topic], listeners["b"], "b")
    log.share([topic], {"a": first, "b": second}, listeners)
    assert first.generation() > before
    assert set(listeners["a"].revoked) == {TopicPartition(topic, 0), TopicPartition(topic, 1)}
    assert log.visible(out) == [(b"k", b"last")]
    (has,) = listeners["b"].current
    assert second.committed([has], 10) == {has: Committed(has.partition + 5, "")}
    (kept,) = listeners["a"].current
    transaction.send(out, b"k", b"foreign")
    with pytest.raises(Rebalanced, match="not assigned"):
        transaction.commit({has: Committed(9, ""), kept: Committed(9, "")})


def test_a_new_instance_fences_the_old_one(log: Log) -> None:
    """Of two writers with one id the older may commit nothing any more, and what it had open is aborted."""
    at, out = TopicPartition(log.topic("in"), 0), log.topic("out")
    source = joined(log, at.topic)
    old = log.transaction("writer", source)
    old.send(out, b"k", b"old")
    new = log.transaction("writer", source)
    new.send(out, b"k", b"new")
    new.commit({at: Committed(1, "")})
    with pytest.raises(Fenced):
        old.commit({at: Committed(2, "")})
    assert log.visible(out) == [(b"k", b"new")]
    assert source.committed([at], 10) == {at: Committed(1, "")}


def test_a_writer_of_no_group_commits_without_offsets(log: Log) -> None:
    """What it sent is seen together, and not before; offsets it has none to commit."""
    out = log.topic("out", 2)
    writer = log.writer("writer")
    for number in (0, 1):
        writer.send(out, b"k", b"v", number)
    assert log.visible(out, ended=False) == []
    assert writer.commit_alone() == {TopicPartition(out, 0): 1, TopicPartition(out, 1): 1}
    assert [log.visible(out, number) for number in (0, 1)] == [[(b"k", b"v")]] * 2
    with pytest.raises(ValueError, match="of no group"):
        writer.commit({TopicPartition(out, 0): Committed(0, "")})
    with pytest.raises(ValueError, match="valid next offsets"):
        writer.commit({})


def test_a_writer_of_no_group_is_fenced_by_its_id(log: Log) -> None:
    """A new one aborts what the old one had open, before it is there itself; the old one can do nothing more."""
    out = log.topic("out")
    old = log.writer("writer")
    old.send(out, b"k", b"1")
    old.commit_alone()
    old.send(out, b"k", b"2")
    log.writer("writer")
    assert log.visible(out) == [(b"k", b"1")]
    with pytest.raises(Fenced):
        old.commit_alone()
    assert log.visible(out) == [(b"k", b"1")]


def test_ends_include_what_came_before_the_question(log: Log) -> None:
    """The answer counts every record written before, those of an open transaction included."""
    at, out = TopicPartition(log.topic("in"), 0), TopicPartition(log.topic("out"), 0)
    source = joined(log, at.topic)
    log.produce(out.topic, b"k", b"v")
    transaction = log.transaction("writer", source)
    transaction.send(out.topic, b"k", b"v")
    transaction.commit({at: Committed(0, "")})
    answer = source.ask_ends([at, out])
    poll_until(lambda: answer() is not None, source)
    ends = answer()
    assert ends is not None
    assert ends[at] == 0
    assert ends[out] >= 2


def test_offsets_are_found_by_time(log: Log) -> None:
    """A time gives the first record at or after it, or the end."""
    at = TopicPartition(log.topic("in"), 0)
    for time_ms in (1_700_000_001_000, 1_700_000_002_000, 1_700_000_003_000):
        log.produce(at.topic, b"k", b"v", timestamp_ms=time_ms)
    source = joined(log, at.topic)
    for time_ms, offset in ((0, 0), (1_700_000_001_001, 1), (1_700_000_003_000, 2), (1_700_000_003_001, 3)):
        assert source.offsets_at({at: time_ms}, 10) == {at: offset}


def test_a_paused_partition_is_silent(log: Log) -> None:
    """Between `pause` and `resume` nothing of a partition is delivered; then it goes on where it was."""
    topic = log.topic("in", 2)
    source = joined(log, topic)
    both = [TopicPartition(topic, 0), TopicPartition(topic, 1)]
    for each in both:
        source.start(each, 0)
    first = log.produce(topic, b"k", b"1")
    paused = TopicPartition(topic, first.partition)
    assert [record.value for record in read(source, 1)] == [b"1"]
    source.pause([paused])
    log.produce(topic, b"k", b"2")
    awake = next(key for key in (b"%d" % n for n in range(99)) if murmur2(key, 2) != paused.partition)
    log.produce(topic, awake, b"other")
    assert [record.value for record in read(source, 1)] == [b"other"]
    assert source.poll(100, 0.3) == []
    assert source.next_offset(paused) == 1
    source.resume([paused])
    assert [record.value for record in read(source, 1)] == [b"2"]


def test_pausing_and_starting_again_in_any_order(log: Log) -> None:
    """What was paused before it was read, or started anew while paused, is read from the right place afterwards."""
    topic = log.topic("in", 2)
    one, two = TopicPartition(topic, 0), TopicPartition(topic, 1)
    for number in range(20):
        log.produce(topic, b"%d" % number, b"v")
    source = joined(log, topic)
    source.start(one, 0)
    source.pause([one])
    source.start(two, 1)
    records = poll_until(lambda: source.next_offset(two) > 1, source)[source]
    assert {(record.partition, min(r.offset for r in records)) for record in records} == {(1, 1)}
    source.start(two, 0)
    source.pause([two])
    assert source.poll(100, 0.3) == []
    source.resume([one, two])
    again = read(source, 20)
    assert {record.partition: record.offset for record in reversed(again)} == {0: 0, 1: 0}
    assert len({(record.partition, record.offset) for record in again}) == 20


@pytest.mark.parametrize("offset", [3, 99])
def test_a_position_outside_the_log_stops(log: Log, offset: int) -> None:
    """An offset beyond the end is an error with the numbers, never a silent jump; the end itself is fine."""
    at = TopicPartition(log.topic("in"), 0)
    log.produce(at.topic, b"k", b"v")
    source = joined(log, at.topic)
    source.start(at, 1)
    assert source.poll(10, 0.3) == []
    source.start(at, offset)
    with pytest.raises(OffsetsLost, match=rf"\[0\]: offset {offset} .* 0 to 1"):
        poll_until(lambda: False, source)


def test_a_record_that_is_too_large_is_refused_alone(log: Log) -> None:
    """The caller is told at once, and the transaction goes on without that record."""
    at, out = TopicPartition(log.topic("in"), 0), log.topic("out")
    source = joined(log, at.topic)
    transaction = log.transaction("writer", source)
    transaction.send(out, b"k", b"small")
    with pytest.raises(RecordTooLarge) as caught:
        transaction.send(out, b"k", b"x" * 100_001)
    assert (caught.value.topic, caught.value.size, caught.value.limit) == (out, 100_002, 100_000)
    transaction.commit({at: Committed(0, "")})
    assert log.visible(out) == [(b"k", b"small")]


def test_a_pause_does_not_outlive_the_assignment(log: Log) -> None:
    """A partition that was paused when it went, or when others were started, is read on once it is wanted again."""
    topic = log.topic("in", 2)
    both = [TopicPartition(topic, 0), TopicPartition(topic, 1)]
    keys = [next(key for key in (b"%d" % n for n in range(99)) if murmur2(key, 2) == each.partition) for each in both]
    listeners = {name: Recorder() for name in ("a", "b")}
    first = log.source([topic], listeners["a"], "a")
    log.share([topic], {"a": first}, {"a": listeners["a"]})
    for each in both:
        first.start(each, 0)
    offset = 0
    for _ in range(3):
        log.produce(topic, keys[0], b"v")
        log.produce(topic, keys[1], b"v")
        assert len(read(first, 2)) == 2
        offset += 1
        assert first.high_watermarks()[both[0]] >= offset
        first.pause(both[:1])
        first.start(both[1], 0)
        assert len(read(first, offset)) == offset
        first.resume(both[:1])
        log.produce(topic, keys[0], b"v")
        assert len(read(first, 1)) == 1
        log.produce(topic, keys[1], b"v")
        assert len(read(first, 1)) == 1
        offset += 1
        first.pause(both)
        second = log.source([topic], listeners["b"], "b")
        log.share([topic], {"a": first, "b": second}, listeners)
        second.close()
        log.share([topic], {"a": first}, {"a": listeners["a"]})
        for each in both:
            first.start(each, offset)
    log.produce(topic, keys[0], b"last")
    log.produce(topic, keys[1], b"last")
    assert [record.value for record in read(first, 2)] == [b"last", b"last"]
