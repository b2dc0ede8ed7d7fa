"""An audit finds nothing in a world where nothing is lost, and exactly what is wrong in any other."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import assume, given
from hypothesis import strategies as st

from consumer.attribution.rules import Rulebook
from consumer.events import Conversion, DeadLetter, Position, Receipt
from consumer.inspect.audit import Audit
from consumer.inspect.findings import MAX_LISTED, Finding, Findings, Report
from consumer.state import orders
from consumer.stream.avro import ConversionDecoder, DeadLetterDecoder, ReceiptDecoder
from consumer.stream.log import Committed, Record, TopicPartition
from tests.inspect.world import ATTRIBUTE, BEFORE_OURS, DELIVER, RULES, TOPICS, Fate, How, World, schemas

PARTITIONS = 2
COUNTS = ("orders", "decided", "duplicates", "conflicts", "before_cut_over", "dead_letters")
FATES: tuple[Fate, ...] = (
    "accepted",
    "accepted",
    "duplicate",
    "repeat_elsewhere",
    "conflict_elsewhere",
    "conflict",
    "before_cut_over",
    "undecodable",
    "too_late",
)
HOWS: tuple[How, ...] = (
    "delivered",
    "delivered",
    "shadow",
    "rejected",
    "too_old",
    "for_export",
    "for_export",
    "deferred",
)
ENDINGS = ("delivered", "shadow", "for_export", "dead_letter", "repeat", "silent_repeat")

partitions = st.integers(0, PARTITIONS - 1)
_steps = (
    st.tuples(st.just("order"), partitions, st.sampled_from(FATES)),
    st.tuples(st.just("decide"), partitions),
    st.tuples(st.just("deliver"), partitions, st.integers(0, 2), st.sampled_from(HOWS)),
    st.tuples(st.just("try_again"), partitions, st.sampled_from(HOWS)),
    st.tuples(st.just("export"), partitions),
)
steps = st.lists(st.one_of(*_steps), max_size=60)
steps_with_replays = st.lists(st.one_of(*_steps, st.tuples(st.just("replay"), st.integers(0, 9))), max_size=80)
Steps = Sequence[tuple[object, ...]]
Place = tuple[str, str, int, int | None]


def step(world: World, action: tuple[object, ...]) -> None:
    """Let one thing happen."""
    name, *arguments = action
    getattr(world, str(name))(*arguments)


def built(actions: Steps) -> World:
    """Return a world in which all of this has happened, after some orders of which others come again elsewhere."""
    world = World(PARTITIONS)
    first: tuple[tuple[int, Fate], ...] = (
        (0, "accepted"),
        (1, "repeat_elsewhere"),
        (1, "accepted"),
        (0, "conflict_elsewhere"),
    )
    for partition, fate in first:
        world.order(partition, fate)
        world.decide(partition)
        for outbox in range(PARTITIONS):
            world.deliver(outbox, 0, "delivered")
    for action in actions:
        step(world, action)
    return world


def audited(world: World) -> Report:
    """Return the report on a world."""
    return Audit(world.topics, schemas(), TOPICS, (ATTRIBUTE, DELIVER), Rulebook((RULES,))).run()


def places(report: Report) -> list[Place]:
    """Return what was found, and where."""
    return [(each.what, each.topic, each.partition, each.offset) for each in report.findings]


def conversion_of(record: Record) -> Conversion:
    """Decode a conversion."""
    return ConversionDecoder(schemas())(record.value)


def receipt_of(record: Record) -> Receipt:
    """Decode a receipt."""
    return ReceiptDecoder(schemas())(record.value)


def letter_of(record: Record) -> DeadLetter:
    """Decode a dead letter."""
    return DeadLetterDecoder(schemas())(record.value)


def chosen(data: st.DataObject, records: Sequence[Record]) -> Record:
    """Return one of the records; there must be any."""
    assume(records)
    return data.draw(st.sampled_from(records))


@given(steps_with_replays)
def test_a_world_without_losses_adds_up(actions: Steps) -> None:
    """Whatever happened, nothing is found, every order is looked at and all counts are compared."""
    world = built(actions)
    report = audited(world)
    assert (report.ok, places(report), report.notes) == (True, [], ())
    assert all(each.compared and each.checked == each.read for each in report.orders)
    assert sum(each.read for each in report.orders) == sum(ledger.orders for ledger in world.ledgers.values())


@given(steps_with_replays, steps_with_replays)
def test_a_world_that_goes_on_meanwhile_adds_up(actions: Steps, later: Steps) -> None:
    """Stages at work during the audit leave nothing that looks like a loss."""
    world = built(actions)
    coming = iter(later)

    def go_on() -> None:
        for action in (next(coming, None), next(coming, None)):
            if action is not None:
                step(world, action)

    world.topics.before_reading = go_on
    assert places(audited(world)) == []


@given(steps, st.data())
def test_a_dropped_receipt_is_found(actions: Steps, data: st.DataObject) -> None:
    """Its conversions are named, if delivery has passed them; else the counts are."""
    world = built(actions)
    receipt = chosen(data, world.topics.records(TOPICS.receipt))
    for record in world.topics.records(TOPICS.receipt):
        if record.key == receipt.key:
            world.topics.remove(record)
    number, source = receipt.partition, receipt_of(receipt).source.offset
    refused = {letter_of(each).source for each in world.topics.records(TOPICS.dead_letter)}
    lost: list[Place] = [
        ("no_receipt", TOPICS.conversion, number, record.offset)
        for record in world.topics.records(TOPICS.conversion)
        if record.key == receipt.key and record.offset < world.delivered_to(number)
        if Position(record.topic, number, record.offset) not in refused
    ]
    report = audited(world)
    if receipt_of(receipt).ending == "dead_letter" or receipt_of(receipt).reason == "too_old":
        assert places(report) == lost  # its dead letter is as good an ending
    else:
        in_order = source < world.delivered_to(number)
        assert places(report) == (lost if in_order else [("counts", TOPICS.conversion, number, None)])


@given(steps, st.data())
def test_a_dropped_conversion_is_found(actions: Steps, data: st.DataObject) -> None:
    """The order record that it should have ended is named, with its reference."""
    world = built(actions)
    record = chosen(data, world.topics.records(TOPICS.conversion))
    world.topics.remove(record)
    conversion = conversion_of(record)
    source = conversion.source
    report = audited(world)
    assert places(report) == [("no_conversion", source.topic, source.partition, source.offset)]
    assert report.findings[0].order_ref == conversion.order_ref


@given(steps, st.data())
def test_a_doubled_conversion_is_found(actions: Steps, data: st.DataObject) -> None:
    """The second one is named."""
    world = built(actions)
    record = chosen(data, world.topics.records(TOPICS.conversion))
    second = world.topics.append(record.topic, record.key, record.value)
    report = audited(world)
    assert places(report) == [("told_twice", second.topic, second.partition, second.offset)]


@given(steps, st.data())
def test_a_dropped_dead_letter_is_found(actions: Steps, data: st.DataObject) -> None:
    """The record that it was about is named, or, where a receipt says the same, the counts are."""
    world = built(actions)
    record = chosen(data, world.topics.records(TOPICS.dead_letter))
    world.topics.remove(record)
    letter = letter_of(record)
    source = letter.source
    expected: Place
    told_by_receipt = letter.stage == "deliver" and letter.reason != "conflict"
    if told_by_receipt or (letter.stage == "deliver" and source.offset >= world.delivered_to(source.partition)):
        expected = ("counts", source.topic, source.partition, None)
    else:
        what = "no_ending" if letter.stage == "attribute" else "no_receipt"
        expected = (what, source.topic, source.partition, source.offset)
    assert places(audited(world)) == [expected]


@given(steps, st.data())
def test_a_dropped_pending_order_is_found(actions: Steps, data: st.DataObject) -> None:
    """Its order record is named."""
    world = built(actions)
    world.order(0, "accepted")
    newest = {record.key: record for record in world.topics.records(TOPICS.orders) if record.partition == 0}
    pending = [each for each in newest.values() if each.key and each.key[:1] == b"p" and each.value is not None]
    record = chosen(data, pending)
    world.topics.remove(record)
    offset = orders.decode_pending(record.value or b"").offset
    report = audited(world)
    assert ("no_ending", TOPICS.order_completed, 0, offset) in places(report)
    assert {each.what for each in report.findings} == {"no_ending"}


@given(steps, partitions, st.sampled_from(COUNTS), st.sampled_from((-1, 1)))
def test_a_wrong_count_of_orders_is_found(actions: Steps, partition: int, name: str, error: int) -> None:
    """The partition is named, and what does not fit."""
    world = built(actions)
    ledger = world.ledgers[partition]
    setattr(ledger, name, getattr(ledger, name) + error)
    world.topics.append(TOPICS.orders, orders.LEDGER_KEY, orders.encode(ledger), partition)
    report = audited(world)
    assert places(report) == [("counts", TOPICS.order_completed, partition, None)]
    assert "are pending" in report.findings[0].detail


@given(steps, partitions, st.permutations(("decided", "duplicates", "conflicts", "before_cut_over")))
def test_counts_that_are_wrong_together_are_found(actions: Steps, partition: int, names: Sequence[str]) -> None:
    """Though they add up, they are held against the records one by one."""
    world = built(actions)
    ledger = world.ledgers[partition]
    setattr(ledger, names[0], getattr(ledger, names[0]) + 1)
    setattr(ledger, names[1], getattr(ledger, names[1]) - 1)
    world.topics.append(TOPICS.orders, orders.LEDGER_KEY, orders.encode(ledger), partition)
    assert places(audited(world)) == [("counts", TOPICS.order_completed, partition, None)]


@given(steps, partitions, st.sampled_from(ENDINGS), st.sampled_from((-1, 1)))
def test_a_wrong_count_of_endings_is_found(actions: Steps, partition: int, ending: str, error: int) -> None:
    """The outbox partition is named, and the ending."""
    world = built(actions)
    world.counts(partition)[ending] += error
    world.commit_outbox(partition)
    report = audited(world)
    assert places(report) == [("counts", TOPICS.conversion, partition, None)]
    assert report.findings[0].detail.startswith(ending.replace("_", " "))


@given(steps_with_replays)
def test_what_has_expired_is_not_judged(actions: Steps) -> None:
    """Conversions and dead letters that retention took are no losses, and a note says that they were not looked at."""
    world = built(actions)
    for topic in (TOPICS.conversion, TOPICS.dead_letter):
        for partition, span in world.topics.spans(topic).items():
            world.topics.expire(topic, partition, span.end)
    report = audited(world)
    assert places(report) == []
    assert len(report.notes) >= 1


@given(steps_with_replays)
def test_expired_orders_are_not_missed(actions: Steps) -> None:
    """An order topic that keeps less than ours changes nothing, but that counts are not compared with records."""
    world = built(actions)
    world.topics.expire(TOPICS.order_completed, 0, BEFORE_OURS + 1)
    report = audited(world)
    assert places(report) == []
    assert [each.compared for each in report.orders] == [False, True]


@given(steps_with_replays)
def test_expired_dead_letters_are_not_missed(actions: Steps) -> None:
    """They live half as long as conversions: one that was replayed accounts for its conversion no longer."""
    world = built(actions)
    for partition, span in world.topics.spans(TOPICS.dead_letter).items():
        world.topics.expire(TOPICS.dead_letter, partition, span.end)
    assert places(audited(world)) == []


def test_a_replay_supersedes_its_dead_letter() -> None:
    """Of an order as of a conversion: letters and what came again are counted, and nothing is told twice."""
    world = World(1, 1)
    world.order(0, "too_late")
    world.replay(0)
    world.decide(0)
    world.deliver(0, 0, "rejected")
    world.replay(1)
    world.deliver(0, 0, "delivered")
    report = audited(world)
    (orders_found,), (outbox,) = report.orders, report.outbox
    assert report.ok
    assert (orders_found.read, orders_found.dead_letters, orders_found.replayed, orders_found.decided) == (2, 1, 1, 1)
    assert (outbox.conversions, outbox.dead_letters, outbox.replayed, outbox.delivered) == (2, 1, 1, 1)


def test_a_replay_that_is_on_its_way_is_outstanding() -> None:
    """It is read, but has no ending yet."""
    world = World(1, 1)
    world.order(0, "accepted")
    world.decide(0)
    world.deliver(0, 0, "rejected")
    world.replay(0)
    report = audited(world)
    assert (report.ok, report.outbox[0].outstanding, report.outbox[0].replayed) == (True, 1, 1)


def test_a_replay_without_receipt_is_found() -> None:
    """That its dead letter has one does not account for it."""
    world = World(1, 1)
    world.order(0, "accepted")
    world.decide(0)
    world.deliver(0, 0, "rejected")
    world.replay(0)
    world.deliver(0, 0, "delivered")
    world.topics.remove(world.topics.records(TOPICS.receipt)[-1])
    assert ("no_receipt", TOPICS.conversion, 0, 1) in places(audited(world))


def test_the_time_of_a_replay_says_nothing_of_its_neighbours() -> None:
    """It is that of the first time: what a topic still has is not taken to begin then."""
    world = World(1, 1)
    world.order(0, "accepted")
    world.decide(0)
    world.deliver(0, 0, "rejected")
    for _ in range(2_000):
        world.order(0, "before_cut_over")
    world.order(0, "accepted")
    world.decide(0)
    world.deliver(0, 0, "delivered")
    world.replay(0)
    world.order(0, "accepted")
    world.decide(0)
    world.topics.expire(TOPICS.conversion, 0, 2)
    assert audited(world).ok


def test_state_without_position_is_found() -> None:
    """A partition with a ledger and no committed offset, or the other way round, is named."""
    world = World(PARTITIONS)
    for record in world.topics.records(TOPICS.orders):
        if record.partition == 1:
            world.topics.remove(record)
    assert places(audited(world)) == [("no_state", TOPICS.order_completed, 1, None)]


def test_what_is_left_to_files_is_outstanding_for_them() -> None:
    """Until it is exported; neither that nor a repeat afterwards, which no receipt counts, looks like a loss."""
    world = World(2, 1)
    world.order(0, "accepted")
    world.decide(0)
    world.deliver(0, 0, "for_export")
    (waiting,) = audited(world).outbox
    assert (waiting.for_export, waiting.exported, waiting.outstanding) == (1, 0, 0)
    world.export(0)
    world.order(1, "repeat_elsewhere")
    world.decide(1)
    world.deliver(0, 0, "delivered")
    report = audited(world)
    (done,) = report.outbox
    assert (done.for_export, done.exported, done.repeats) == (0, 1, 1)
    assert report.ok


def test_a_sale_too_old_to_be_sent_stays_a_dead_letter_when_it_is_exported() -> None:
    """Its letter is still there, and the order is among the exported ones."""
    world = World(1, 1)
    world.order(0, "accepted")
    world.decide(0)
    world.deliver(0, 0, "too_old")
    world.export(0)
    report = audited(world)
    (totals,) = report.outbox
    assert (totals.dead_letters, totals.exported, totals.for_export) == (1, 1, 0)
    assert report.ok


def test_expired_conversions_take_silent_repeats_with_them() -> None:
    """Their count is then no longer held against what is found."""
    world = World(2, 1)
    for partition in range(2):
        world.order(partition, "repeat_elsewhere")
        world.decide(partition)
        world.deliver(0, 0, "for_export")
    world.topics.expire(TOPICS.conversion, 0, 2)
    assert audited(world).ok


def test_an_order_that_nobody_knows_is_found() -> None:
    """A record below the committed offset that left no trace at all is named with its reference."""
    world = World(PARTITIONS)
    world.order(0, "accepted")
    (record,) = (each for each in world.topics.records(TOPICS.orders) if each.key and each.key[:1] == b"p")
    world.topics.remove(record)
    (finding,) = audited(world).findings
    assert (finding.what, finding.offset, finding.order_ref) == ("no_ending", BEFORE_OURS, "R-1")


def test_a_position_set_by_hand_is_no_count() -> None:
    """Without the mark of deliver there is nothing to compare with, and nothing is found."""
    world = built([])
    for partition in range(PARTITIONS):
        position = Committed(world.delivered_to(partition), "")
        world.topics.commit(DELIVER, TopicPartition(TOPICS.conversion, partition), position)
    report = audited(world)
    assert report.ok
    assert not any(each.compared for each in report.outbox)


def test_a_partition_that_starts_meanwhile_is_no_loss() -> None:
    """State that comes after the first question for positions, together with its position, is not found fault with."""
    world = World(1)
    at = TopicPartition(TOPICS.order_completed, 0)
    position = world.topics.committed(ATTRIBUTE, at.topic)[0]
    world.topics.commit(ATTRIBUTE, at, Committed(-1, ""))
    asked = iter(range(100))

    def start() -> None:
        if next(asked) == 1:
            world.topics.commit(ATTRIBUTE, at, position)

    world.topics.before_reading = start
    assert audited(world).ok


def test_an_unreadable_output_is_noted() -> None:
    """It is counted, and the rest is judged."""
    world = built([])
    world.topics.append(TOPICS.dead_letter, b"v", b"junk", 0)
    world.topics.append(TOPICS.conversion, b"1001:X", b"junk", 0)
    assert audited(world).notes == (
        "1 records of awin.dead-letter cannot be decoded",
        "1 records of awin.conversion cannot be decoded",
    )


def test_an_untouched_cluster_adds_up() -> None:
    """Before the first start there is nothing, and nothing wrong."""
    topics = World(PARTITIONS).topics
    for topic in (TOPICS.orders, TOPICS.order_completed):
        for record in topics.records(topic):
            topics.remove(record)
    report = Audit(topics, schemas(), TOPICS, ("nobody", "nobody"), Rulebook((RULES,))).run()
    assert (report.ok, report.orders) == (True, ())


def test_many_findings_are_counted_and_the_first_listed() -> None:
    """A catastrophe does not fill the memory."""
    findings = Findings()
    for offset in range(MAX_LISTED + 5):
        findings.add(Finding(what="no_ending", topic="t", partition=0, offset=offset))
    assert (findings.total, len(findings.listed), findings.listed[-1].offset) == (
        MAX_LISTED + 5,
        MAX_LISTED,
        MAX_LISTED - 1,
    )


def test_what_is_put_off_is_counted_until_it_has_an_ending() -> None:
    """It is outstanding, for how ever long and however often."""
    world = World(1, 1)
    world.order(0, "accepted")
    world.decide(0)
    found: list[tuple[int, int]] = []
    hows: tuple[How, ...] = ("deferred", "deferred", "delivered")
    for how in hows:
        world.deliver(0, 0, how)
        if found:
            world.try_again(0, how)
        report = audited(world)
        assert (report.ok, places(report)) == (True, [])
        (totals,) = report.outbox
        found.append((totals.deferred, totals.delivered))
    assert found == [(1, 0), (1, 0), (0, 1)]


def test_a_lost_deferral_is_found() -> None:
    """The receipt says that it will be tried again, but nobody can."""
    world = World(1, 1)
    world.order(0, "accepted")
    world.decide(0)
    world.deliver(0, 0, "deferred")
    (record,) = world.topics.records(TOPICS.deferred)
    world.topics.remove(record)
    assert places(audited(world)) == [("not_deferred", TOPICS.conversion, 0, 0)]
