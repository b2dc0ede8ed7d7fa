"""Records of dead letters are appended again as they were, once, where that makes sense."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from consumer.events import Position
from consumer.letters.asked import Asked
from consumer.letters.judgement import Decisions
from consumer.replay_header import Replay, replay_in
from tests.delivery.conversions import T0_MS, codecs, key_of, sale
from tests.export.memory_folder import Dying, MemoryFolder
from tests.export.shop import HOUR_MS, WRITER
from tests.letters.office import EVERYTHING, TRACE, Office

FORCE = Decisions(force=True)
SEND = Decisions(send_too_old=True)


@pytest.fixture
def office() -> Office:
    """An hour after the orders."""
    made = Office()
    made.now_ms = T0_MS + HOUR_MS
    return made


def only(order_ref: str) -> Asked:
    """Return what asks for the letters about one order."""
    return Asked(order_ref=order_ref)


def test_a_record_comes_again_as_it_was(office: Office) -> None:
    """Key, value, headers and time, in its partition, with one header more; the letter is noted to be replayed."""
    records = {ref: office.refuse_order(ref) for ref in ("A-1", "A-2", "A-3")}
    judged = office.replay()
    assert (judged.replayed, judged.refused) == ({"no_programme": 3}, {})
    for ref, record in records.items():
        at = office.place_of(ref)
        (again,) = office.replayed()[at]
        assert (again.topic, again.partition, again.key, again.value) == (
            record.topic,
            record.partition,
            record.key,
            record.value,
        )
        assert (again.timestamp_ms, again.headers[:-1]) == (T0_MS + 5, (TRACE,))
        assert replay_in(again.headers) == Replay(
            letter=at, source=Position("order.completed", record.partition, record.offset)
        )
        assert office.noted()[at] == 1


def test_a_conversion_goes_back_to_the_outbox(office: Office) -> None:
    """Also one that deliver had put off meanwhile; a session goes to its own topic."""
    office.put_aside(sale("A-1"), "rejected")
    letter = office.letters()[office.place_of("A-1")]
    deferred = replace(letter, source=replace(letter.source, topic=office.names.deferred), order_ref=None)
    office.log.produce(office.names.dead_letter, b"k", codecs().write_dead_letter(deferred))
    session = office.log.produce(office.names.session_landed, b"v", b"?")
    office.letter_about(session, "unknown_schema", programme=None, order_ref=None)
    assert office.replay(Asked(reasons=frozenset({"rejected", "unknown_schema"}))).replayed == {
        "rejected": 1,
        "unknown_schema": 1,
    }
    went = sorted((record.topic, record.partition) for (record,) in office.replayed().values())
    assert went == [("awin.conversion", letter.source.partition), ("session.landed", session.partition)]


def test_a_letter_is_replayed_once(office: Office) -> None:
    """A second time it is refused, unless forced; then the stages see that it is the same again."""
    office.refuse_order("A-1")
    office.replay()
    second = office.replay()
    assert (second.replayed, second.refused) == ({}, {"replayed": 1})
    forced = office.replay(EVERYTHING, FORCE)
    assert (forced.replayed, forced.refused) == ({"no_programme": 1}, {})
    assert {at: len(records) for at, records in office.replayed().items()} == {office.place_of("A-1"): 2}


def test_planning_changes_nothing(office: Office) -> None:
    """It says what would be done, and leaves a replay that is at work in peace."""
    office.refuse_order("A-1")
    office.refuse_order("A-2", "null_value")
    judged = office.replays().plan()
    assert (judged.replayed, judged.refused) == ({"no_programme": 1}, {"pointless": 1})
    assert (office.replayed(), office.noted()) == ({}, {})
    with pytest.raises(KeyError):
        office.log.epoch(WRITER)


def test_letters_that_come_after_the_plan_wait_for_another(office: Office) -> None:
    """Somebody agreed to what was shown."""
    office.refuse_order("A-1")
    replays = office.replays()
    replays.plan()
    office.refuse_order("A-2")
    assert replays.run().replayed == {"no_programme": 1}
    assert set(office.replayed()) == {office.place_of("A-1")}


def test_what_was_done_since_the_plan_is_seen(office: Office) -> None:
    """Another replay, a delivery, and letters that expire."""
    for ref in ("A-1", "A-2", "A-3"):
        office.refuse_order(ref)
    replays = office.replays()
    replays.plan()
    office.replay(only("A-1"))
    office.deliver(sale("A-2"))
    gone = office.place_of("A-3")
    office.log.truncate(gone.topic, gone.partition, gone.offset + 1)
    judged = replays.run()
    assert judged.refused["replayed"] == 1
    assert judged.refused["dealt_with"] == 1
    assert judged.refused["gone"] == 1
    assert judged.replayed == {}


def test_an_order_that_was_dealt_with_is_not_replayed(office: Office) -> None:
    """Delivered, exported, waiting for files or in shadow; by force neither."""
    for ref in ("A-1", "A-2", "A-3"):
        office.refuse_order(ref)
    office.deliver(sale("A-1"))
    office.put_aside(sale("A-2"))
    office.leave(replace(sale("A-3"), method="offline"))
    office.now_ms = T0_MS + 48 * HOUR_MS
    office.export(MemoryFolder())
    judged = office.replay(EVERYTHING, Decisions(force=True, send_too_old=True))
    assert (judged.replayed, judged.refused) == ({}, {"dealt_with": 4})


def test_a_rejected_order_may_have_been_refused_before(office: Office) -> None:
    """Its receipt is no obstacle to the letter that it is about, nor to one of attribute's."""
    office.refuse_order("A-1", programme="1001")
    office.put_aside(sale("A-1"), "rejected")
    assert office.replay().replayed == {"no_programme": 1, "rejected": 1}


def test_a_letter_that_has_a_successor_is_not_replayed(office: Office) -> None:
    """The record became a dead letter again: that one can be replayed."""
    office.put_aside(sale("A-1"), "rejected")
    office.replay()
    office.put_aside(sale("A-1"), "rejected")
    judged = office.replay(EVERYTHING, FORCE)
    assert (judged.replayed, judged.refused) == ({"rejected": 1}, {"superseded": 1})


def test_what_would_be_refused_again_has_to_be_asked_for(office: Office) -> None:
    """By its reason; that it is among several does not matter."""
    office.refuse_order("A-1", "null_value")
    office.refuse_order("A-2", "conflict")
    office.refuse_order("A-3", "undecodable")
    assert office.replay(Asked(stage="attribute")).refused == {"pointless": 2}
    assert office.replay(Asked(reasons=frozenset({"null_value"}))).replayed == {"null_value": 1}


def test_a_sale_too_old_needs_a_decision(office: Office) -> None:
    """Also one that was refused for something else, and has become too old since."""
    office.put_aside(sale("A-1"), "too_old")
    office.put_aside(sale("A-2"), "rejected")
    assert office.replays().plan().refused == {"too_old": 1}
    office.now_ms = T0_MS + 25 * HOUR_MS
    assert office.replay().refused == {"too_old": 2}
    sent = office.replay(EVERYTHING, SEND)
    assert (sent.replayed, sent.notes) == ({"too_old": 1, "rejected": 1}, {"dated_today": 2})
    replays = [replay_in(record.headers) for (record,) in office.replayed().values()]
    assert [each is not None and each.send_too_old for each in replays] == [True, True]


def test_what_is_to_be_known_is_told(office: Office) -> None:
    """Of what may have arrived, and of orders that are late by now."""
    office.put_aside(sale("A-1"), "unknown_outcome")
    receipt = replace(office.receipts()["A-1"], unknown_attempts=1)
    office.receipt(receipt.source.partition, key_of(sale("A-1")), codecs().write_receipt(receipt))
    office.refuse_order("A-2")
    assert office.replays().plan().notes == {"may_have_arrived": 1}
    office.now_ms = T0_MS + 8 * 24 * HOUR_MS
    assert office.replays(only("A-2")).plan().notes == {"will_be_too_old": 1, "past_order_delay": 1}


def test_half_a_record_is_not_replayed(office: Office) -> None:
    """Nor one from a topic that is not ours, or a partition that there is not, whatever is asked for."""
    office.refuse_order("A-1", cut=True)
    office.refuse_order("A-2")
    letter = office.letters()[office.place_of("A-2")]
    for source in (Position("orders.old", 0, 1), Position("order.completed", 7, 1)):
        elsewhere = replace(letter, source=source)
        office.log.produce(office.names.dead_letter, b"k", codecs().write_dead_letter(elsewhere))
    judged = office.replay(Asked(reasons=frozenset({"no_programme"})))
    assert (judged.replayed, judged.refused) == ({"no_programme": 1}, {"elsewhere": 2, "truncated": 1})


def test_a_record_too_large_stops_no_other(office: Office) -> None:
    """With its header it no longer fits; it is counted, and not noted as replayed."""
    office.refuse_order("A-1", value=b"\x00" * 400)
    office.refuse_order("A-2")
    replays = office.replays(max_record_bytes=500)
    replays.plan()
    judged = replays.run()
    assert (judged.replayed, judged.refused) == ({"no_programme": 1}, {"too_large": 1})
    assert set(office.noted()) == set(office.replayed()) == {office.place_of("A-2")}


def test_a_replay_names_only_its_own_letter(office: Office) -> None:
    """A record that was replayed before, and refused again, carries one header of ours."""
    office.refuse_order("A-1")
    office.replay()
    ((again,),) = office.replayed().values()
    office.letter_about(again, "no_programme", programme="1001", order_ref="A-1")
    judged = office.replay()
    assert (judged.replayed, judged.refused) == ({"no_programme": 1}, {"replayed": 1})
    third = next(records[0] for at, records in office.replayed().items() if at != office.place_of("A-1"))
    assert [name for name, _ in third.headers] == ["trace", "awin-replay"]


def test_transactions_are_bounded(office: Office) -> None:
    """By records and by bytes: what was committed before a death is done."""
    for number in range(7):
        office.refuse_order(f"A-{number}")
    commits: list[int] = []

    class Counting(Dying):
        def step(self) -> None:
            commits.append(office.noted().total())

    replays = office.replays(dying=Counting(0), records=100, value_bytes=1)
    replays.plan()
    replays.run()
    assert set(commits) == set(range(8))


def test_a_run_is_complete_when_nothing_is_left_to_be_done(office: Office) -> None:
    """What was replayed before counts only where that is all there is."""
    assert office.replay().is_complete
    office.refuse_order("A-1")
    assert office.replay().is_complete
    assert not office.replay().is_complete
    office.refuse_order("A-2")
    assert office.replay().is_complete
    office.refuse_order("A-3")
    office.refuse_order("A-4", "null_value")
    assert not office.replay().is_complete
