"""What is told about an order, from what the topics say of it."""

from __future__ import annotations

from decimal import Decimal
from typing import get_args, get_type_hints

import pytest
from msgspec.structs import replace

from consumer import dead_letter
from consumer.attribution.conversion import FORGOTTEN, MALFORMED_AWC
from consumer.attribution.lastclick import Reason, Verdict
from consumer.attribution.parts import DEFAULT_PART, PRO_RATA, UNKNOWN_GROUP
from consumer.attribution.rules import Condition, Rulebook
from consumer.awin.sread import SreadRequest
from consumer.events import DeadLetter, Evidence, Outcome, Part, Position, SessionLanded, outbox_key
from consumer.inspect import words
from consumer.inspect.arithmetic import Way
from consumer.inspect.consent import SaidBy
from consumer.inspect.explanation import Explanation, State, explain
from consumer.inspect.reading import EVERYTHING, Newest
from consumer.inspect.search import Search
from consumer.inspect.traces import needle, refusal
from consumer.replay_header import Replay, header
from consumer.state import orders
from consumer.state.orders import Link
from consumer.stream.avro import (
    ConversionDecoder,
    ConversionEncoder,
    DeadLetterDecoder,
    DeadLetterEncoder,
    SessionEncoder,
)
from consumer.stream.log import Record
from tests.inspect.world import ATTRIBUTE, BEFORE_OURS, DELIVER, PROGRAMME, RULES, TOPICS, Fate, World, schemas


def explained(world: World, order_ref: str, newest: Newest = EVERYTHING) -> Explanation:
    """Return what is told about an order."""
    search = Search(world.topics, schemas(), TOPICS, (ATTRIBUTE, DELIVER), Rulebook((RULES,)), newest)
    return explain(PROGRAMME, order_ref, search.traces(PROGRAMME, order_ref), Rulebook((RULES,)))


def ordered(*fates: Fate) -> World:
    """Return a world in which these orders came to the first partition: R-1, R-2 and so on."""
    world = World(1, 1)
    for fate in fates:
        world.order(0, fate)
    return world


def test_a_pending_order_waits_since_it_was_read() -> None:
    """Its record and the time at which it was taken in are told."""
    found = explained(ordered("accepted"), "R-1")
    assert found.state == "pending"
    assert found.waiting is not None
    assert found.since_ms == found.waiting.since_ms > 0
    assert found.waiting.source == Position(TOPICS.order_completed, 0, BEFORE_OURS)


def test_a_decided_order_is_outstanding_with_its_request() -> None:
    """Before delivery the request says what will be sent, in the words of the interface."""
    world = ordered("accepted")
    world.decide(0)
    found = explained(world, "R-1")
    assert (found.state, found.waiting) == ("outstanding", None)
    assert found.request["ref"] == "R-1"
    assert Decimal(found.request["amount"]) == 1
    assert found.conversion is not None
    assert found.conversion.conversion.source.offset == BEFORE_OURS


def test_a_delivered_order_has_its_receipt() -> None:
    """State and time are those of the receipt."""
    world = ordered("accepted")
    world.decide(0)
    world.deliver(0, 0, "delivered")
    found = explained(world, "R-1")
    assert found.state == "delivered"
    assert found.receipt is not None
    assert (found.receipt.attempts, found.since_ms) == (1, found.receipt.finished_at_ms)


def test_an_order_left_to_files_waits_for_the_export() -> None:
    """Afterwards the receipt names the file."""
    world = ordered("accepted")
    world.decide(0)
    world.deliver(0, 0, "for_export")
    assert explained(world, "R-1").state == "for_export"
    world.export(0)
    found = explained(world, "R-1")
    assert found.receipt is not None
    assert (found.state, found.receipt.excerpt) == ("exported", "awin.csv")


def test_a_conversion_without_receipt_behind_the_position_is_told() -> None:
    """That should not be, so it is not called outstanding."""
    world = ordered("accepted")
    world.decide(0)
    world.deliver(0, 0, "delivered")
    for record in world.topics.records(TOPICS.receipt):
        world.topics.remove(record)
    assert explained(world, "R-1").state == "unreceipted"


def test_the_newest_receipt_holds() -> None:
    """A receipt written anew with more repeats replaces the first; the repeat's conversion is named."""
    world = World(2, 1)
    first: tuple[tuple[int, Fate], ...] = ((0, "accepted"), (1, "repeat_elsewhere"))
    for partition, fate in first:
        world.order(partition, fate)
        world.decide(partition)
        world.deliver(0, 0, "delivered")
    found = explained(world, "R-1")
    assert found.receipt is not None
    assert found.receipt.repeats == 1
    assert found.conversion is not None
    assert (found.conversion.at.offset, [at.offset for at in found.repeats]) == (0, [1])


def test_a_dead_letter_is_told_with_its_reason() -> None:
    """It says why the order was refused, by which stage."""
    found = explained(ordered("too_late"), "R-1")
    assert found.state == "dead_letter"
    (letter,) = found.refusals
    assert (letter.reason, letter.stage, letter.by_content) == ("order_too_late", "attribute", False)


def test_a_conflict_stands_beside_the_order_that_was_accepted() -> None:
    """The order's own state comes first."""
    world = ordered("accepted", "conflict")
    found = explained(world, "R-1")
    assert (found.state, [each.reason for each in found.refusals]) == ("pending", ["conflict"])


def test_a_rejected_order_has_both() -> None:
    """Receipt and dead letter of deliver's are told."""
    world = ordered("accepted")
    world.decide(0)
    world.deliver(0, 0, "rejected")
    found = explained(world, "R-1")
    assert (found.state, [each.stage for each in found.refusals]) == ("dead_letter", ["deliver"])


def test_an_order_is_remembered_when_its_conversion_has_expired() -> None:
    """The link says channel and checksums."""
    world = ordered("accepted")
    world.decide(0)
    world.topics.expire(TOPICS.conversion, 0, 1)
    found = explained(world, "R-1")
    assert found.state == "remembered"
    assert found.remembered is not None
    assert found.remembered.channel == "aw"


def test_an_order_that_was_not_reported_is_not_called_expired() -> None:
    """Its programme reports only Awin's orders; the link says so."""
    world = ordered("accepted")
    world.decide(0)
    world.topics.expire(TOPICS.conversion, 0, 1)
    (record,) = (each for each in world.topics.records(TOPICS.orders) if (each.key or b"").startswith(b"o"))
    link = orders.decode_link(record.value or b"")
    unreported = Link(
        link.offset, link.fingerprint, link.completed_at_ms, link.channel, link.click_checksums, None, reported=False
    )
    world.topics.rewrite(record, orders.encode(unreported))
    assert explained(world, "R-1").state == "not_reportable"


def test_the_orders_record_is_shown_as_long_as_it_is_there() -> None:
    """With the arithmetic of its lines, and its programme's conditions; later a note says what is missing."""
    world = ordered("accepted")
    world.decide(0)
    found = explained(world, "R-1")
    assert found.order is not None
    assert found.order.order.order_ref == "R-1"
    assert found.arithmetic is not None
    assert (found.arithmetic.way, found.arithmetic.agrees) == ("no_lines", True)
    assert [(each.programme, each.holds) for each in found.programmes] == [(PROGRAMME, True)]
    assert found.consent is not None
    assert (found.consent.said_by, found.consent.statement) == ("nobody", "granted")
    assert found.notes == ()
    world.topics.expire(TOPICS.order_completed, 0, BEFORE_OURS + 1)
    later = explained(world, "R-1")
    assert (later.order, later.arithmetic, later.programmes) == (None, None, ())
    assert (later.state, later.request) == (found.state, found.request)
    (note,) = later.notes
    assert note.startswith("the order's record (order.completed[0]@2) is not there any more: its lines, ")
    assert later.consent is not None
    assert later.consent.said_by == "not_known"


def test_the_record_of_another_order_is_not_taken_for_its_own() -> None:
    """A topic that was created again has other records at the same offsets."""
    world = ordered("accepted", "accepted")
    world.decide(0)
    first, second = world.topics.records(TOPICS.order_completed)[BEFORE_OURS:]
    world.topics.rewrite(first, second.value)
    assert explained(world, "R-1").order is None


TOUCH = Evidence(
    session_offset=1,
    landed_at_ms=1_700_000_000_000,
    clicked_at_ms=1_700_000_000_000,
    channel="aw",
    rule="awc",
    awc="1001_1700000000_a",
    verdict="won",
)


def with_touches(*touches: Evidence) -> World:
    """Return a world with an order R-1 whose conversion tells of these touches, and with the records of some."""
    world = ordered("accepted")
    world.decide(0)
    (record,) = world.topics.records(TOPICS.conversion)
    decided = ConversionDecoder(schemas())(record.value)
    world.topics.rewrite(record, ConversionEncoder(schemas())(replace(decided, evidence=touches)))
    world.topics.create({TOPICS.session_landed: 1})
    url = f"https://shop.example/?awc={TOUCH.awc}&sn=1"
    for at_ms in (1, TOUCH.landed_at_ms):
        session = SessionLanded("s", "v", at_ms or 1, url, consent="denied")
        world.topics.append(TOPICS.session_landed, b"v", SessionEncoder(schemas())(session), 0)
    return world


def test_touches_are_told_with_what_their_records_say() -> None:
    """Age at the order, consent, and the kind of checksum; erased ones are told as such."""
    erased = replace(TOUCH, awc=None, session_offset=7, verdict="no_consent")
    gclid = replace(TOUCH, awc="gclid_1_x", session_offset=None, rule="order")
    found = explained(with_touches(gclid, TOUCH, erased), "R-1")
    assert found.conversion is not None
    age_ms = found.conversion.conversion.completed_at_ms - TOUCH.clicked_at_ms
    assert [(each.age_ms, each.kind, each.consent) for each in found.touches] == [
        (age_ms, "gclid", None),
        (age_ms, "strictly_necessary", "denied"),
        (age_ms, "erased", None),
    ]
    assert found.consent is not None
    assert found.consent.said_by == "not_known"


def test_whose_word_held_is_told() -> None:
    """Where all records are there."""
    found = explained(with_touches(TOUCH), "R-1").consent
    assert found is not None
    assert (found.said_by, found.statement, found.session_offset) == ("landing", "denied", 1)


def test_another_landing_is_not_taken_for_a_touchs_own() -> None:
    """By its time: the topic may have been created again."""
    (touch,) = explained(with_touches(replace(TOUCH, session_offset=0)), "R-1").touches
    assert (touch.kind, touch.consent) == (None, None)


def test_an_order_is_looked_for_in_all_programmes() -> None:
    """The one in which it was decided is taken; others that have the reference are named."""
    world = ordered("accepted", "too_late")
    world.decide(0)
    (record,) = world.topics.records(TOPICS.conversion)
    decided = ConversionDecoder(schemas())(record.value)
    other = replace(decided, programme="3003")
    search = Search(world.topics, schemas(), TOPICS, (ATTRIBUTE, DELIVER), Rulebook((RULES,)), EVERYTHING)
    programme, traces = search.find(("2002", PROGRAMME, "3003"), "R-1")
    assert (programme, len(traces.conversions), traces.others) == (PROGRAMME, 1, [])
    world.topics.append(TOPICS.conversion, outbox_key("3003", "R-1"), ConversionEncoder(schemas())(other))
    programme, traces = search.find(("2002", PROGRAMME, "3003"), "R-1")
    assert (programme, traces.others) == (PROGRAMME, ["3003"])
    assert explain(programme, "R-1", traces, Rulebook((RULES,))).notes == (
        "programme 3003 has an order of this reference too: --programme 3003",
    )
    programme, traces = search.find(("2002", PROGRAMME), "R-2")
    assert (programme, len(traces.refusals)) == (PROGRAMME, 1)
    assert search.find(("2002", PROGRAMME), "R-404")[0] == "2002"


def test_what_no_request_can_say_is_noted() -> None:
    """The rest is told still."""
    world = ordered("accepted")
    world.decide(0)
    (record,) = world.topics.records(TOPICS.conversion)
    decided = ConversionDecoder(schemas())(record.value)
    bad = replace(decided, amount=Decimal("0.001"), parts=(Part("DEFAULT", Decimal("0.001")),))
    world.topics.rewrite(record, ConversionEncoder(schemas())(bad))
    found = explained(world, "R-1")
    assert (found.state, found.request, found.url) == ("outstanding", {}, "")
    assert found.notes[-1].startswith("no request can be made: ")


def test_changed_settings_are_told() -> None:
    """An order that would be excluded by now says so."""
    world = ordered("accepted")
    world.decide(0)
    search = Search(world.topics, schemas(), TOPICS, (ATTRIBUTE, DELIVER), Rulebook((RULES,)), EVERYTHING)
    rulebook = Rulebook((RULES,), ((Condition("currency", frozenset({"EUR"})),),))
    found = explain(PROGRAMME, "R-1", search.traces(PROGRAMME, "R-1"), rulebook)
    assert found.excluded_by is not None
    (check,) = found.excluded_by.checks
    assert (check.field, check.found, check.holds, found.excluded_by.number) == ("currency", ("EUR",), True, 1)


def test_an_unknown_order_is_told_with_what_is_unread() -> None:
    """It may be among the records that are still to be read."""
    world = ordered("accepted")
    world.topics.append(TOPICS.order_completed, b"v", b"later", 0)
    found = explained(world, "R-404")
    assert (found.state, found.unread_orders) == ("unknown", 1)


def place_of(record: Record) -> Position:
    """Return where a record stands."""
    return Position(record.topic, record.partition, record.offset)


def replayed(world: World) -> Record:
    """Note that the only dead letter of a world was replayed; return it."""
    (record,) = world.topics.records(TOPICS.dead_letter)
    note = dead_letter.of_replay(DeadLetterDecoder(schemas())(record.value), place_of(record), 1_800_000_000_000)
    world.topics.append(TOPICS.dead_letter, record.key, DeadLetterEncoder(schemas())(note), record.partition)
    return record


def test_a_replayed_dead_letter_is_no_ending() -> None:
    """Until something is known of the order since, that is what is told; a letter that came since counts again."""
    world = ordered("too_late")
    record = replayed(world)
    found = explained(world, "R-1")
    assert (found.state, found.since_ms) == ("replayed", 1_800_000_000_000)
    assert [each.replayed_at_ms for each in found.refusals] == [1_800_000_000_000]
    world.topics.append(TOPICS.dead_letter, record.key, record.value, record.partition)
    assert explained(world, "R-1").state == "dead_letter"


def test_a_replayed_conversion_is_no_repeat() -> None:
    """Its receipt is about the first until the second is dealt with."""
    world = ordered("accepted")
    world.decide(0)
    world.deliver(0, 0, "rejected")
    (conversion,) = world.topics.records(TOPICS.conversion)
    letter = replayed(world)
    replay = Replay(letter=place_of(letter), source=place_of(conversion))
    world.topics.append(TOPICS.conversion, conversion.key, conversion.value, headers=[header(replay)])
    found = explained(world, "R-1")
    assert (found.state, found.repeats) == ("replayed", ())


def test_similar_references_are_others() -> None:
    """R-1 is not R-10, in either direction."""
    late: tuple[Fate, ...] = ("too_late",) * 10
    world = ordered(*late)
    assert len(explained(world, "R-1").refusals) == 1
    assert len(explained(world, "R-10").refusals) == 1


def letter(**changes: object) -> DeadLetter:
    """Return a dead letter."""
    (record,) = ordered("too_late").topics.records(TOPICS.dead_letter)
    return replace(DeadLetterDecoder(schemas())(record.value), **changes)


def test_an_unreadable_record_is_found_by_its_bytes() -> None:
    """A dead letter that names no order counts when its original bytes hold the reference as Avro writes it."""
    unreadable = letter(order_ref=None, programme=None, value=b"\x00\x00" + needle("R-1") + b"\x00")
    at = Position(TOPICS.dead_letter, 0, 0)
    found = refusal(unreadable, at, PROGRAMME, "R-1")
    assert found is not None
    assert found.by_content
    assert refusal(unreadable, at, PROGRAMME, "R-") is None


def test_another_programmes_dead_letter_is_another_orders() -> None:
    """An order is known by programme and reference."""
    at = Position(TOPICS.dead_letter, 0, 0)
    assert refusal(letter(programme="2002"), at, PROGRAMME, "R-1") is None


def test_an_unreadable_output_is_noted() -> None:
    """What cannot be decoded is said, and the rest is told."""
    world = ordered("accepted", "too_late")
    world.decide(0)
    (conversion,) = world.topics.records(TOPICS.conversion)
    world.topics.append(TOPICS.conversion, conversion.key, b"\xc3\x01garbage")
    value = needle("R-1") + b"garbage"
    world.topics.append(TOPICS.dead_letter, b"v", value, 0)
    found = explained(world, "R-1")
    assert found.state == "outstanding"
    assert found.notes == ("awin.conversion[0]@1 cannot be decoded", "awin.dead-letter[0]@1 cannot be decoded")


def test_long_topics_are_read_from_their_newest_records() -> None:
    """The search in topics without a known partition is bounded, and says so; if wanted, it is not."""
    world = ordered("too_late", "accepted", "accepted", "undecodable", "undecodable")
    bounded = Newest(dead_letters=2, state_records=2, orders=2)
    found = explained(world, "R-1", bounded)
    assert (found.state, len(found.notes)) == ("unknown", 3)
    assert all("--deep" in note for note in found.notes)
    assert explained(world, "R-2", bounded).state == "unknown"
    assert (explained(world, "R-1").state, explained(world, "R-2").state) == ("dead_letter", "pending")


@pytest.mark.parametrize(
    ("mapping", "known"),
    [
        (words.VERDICTS, {verdict.value for verdict in Verdict}),
        (words.REASONS, set(Reason.__args__)),  # type: ignore[attr-defined]
        (words.STATES, set(State.__args__)),  # type: ignore[attr-defined]
        (words.OUTCOMES, set(Outcome.__args__)),  # type: ignore[attr-defined]
        (words.WAYS, set(Way.__args__)),  # type: ignore[attr-defined]
        (words.NOTES, {DEFAULT_PART, PRO_RATA, UNKNOWN_GROUP, MALFORMED_AWC, FORGOTTEN}),
        (words.NOT_SAID, set(SaidBy.__args__) - {"order", "landing", "nobody"}),  # type: ignore[attr-defined]
        (words.LEFT_OUT, set(get_args(get_type_hints(SreadRequest)["left_out"]))),
    ],
)
def test_every_word_is_explained(mapping: dict[str, str], known: set[str]) -> None:
    """No fixed word of a record is shown bare."""
    assert set(mapping) == known


@pytest.mark.parametrize(
    ("duration_ms", "text"),
    [
        (0, "0 ms"),
        (999, "999 ms"),
        (1_000, "1 s"),
        (61_000, "1 min 1 s"),
        (3_600_000, "1 h"),
        (3_605_000, "1 h"),
        (90_061_000, "1 d 1 h"),
    ],
)
def test_durations_have_two_units(duration_ms: int, text: str) -> None:
    """The largest unit and the next, if it is not zero."""
    assert words.length(duration_ms) == text


def test_moments_have_milliseconds_where_there_are_any() -> None:
    """Times are UTC."""
    assert words.moment(1_700_000_000_000) == "2023-11-14 22:13:20"
    assert words.moment(1_700_000_000_007) == "2023-11-14 22:13:20.007"
