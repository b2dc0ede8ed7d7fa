"""What is known of the letters that are asked for."""

from __future__ import annotations

import pytest

from consumer.events import Position
from consumer.letters.asked import Asked
from consumer.letters.listing import listing
from consumer.replay_header import Replay, header
from tests.delivery.conversions import sale
from tests.letters.office import Office


@pytest.fixture
def office() -> Office:
    """Five letters: three of attribute (one unreadable), two of deliver; a minute between any two."""
    made = Office()
    for refuse in (
        lambda: made.refuse_order("A-1"),
        lambda: made.refuse_order("A-2", "currency_not_enabled", programme="2002"),
        lambda: made.refuse_order("A-3", "bad_framing", value=b"\x00junk\x06A-3", programme=None),
        lambda: made.put_aside(sale("A-4"), "rejected"),
        lambda: made.put_aside(sale("A-5"), "too_old"),
    ):
        made.now_ms += 60_000
        refuse()
    return made


def refs(office: Office, asked: Asked) -> set[str]:
    """Return the references of the letters asked for; the unreadable one's is a question mark."""
    return {letter.order_ref or "?" for letter in office.book(asked).letters.values()}


def test_letters_are_chosen_by_all_that_is_said(office: Office) -> None:
    """Reasons, stage, times and programmes; several at once must all hold."""
    assert refs(office, Asked()) == {"A-1", "A-2", "?", "A-4", "A-5"}
    assert refs(office, Asked(reasons=frozenset({"rejected", "no_programme"}))) == {"A-1", "A-4"}
    assert refs(office, Asked(stage="attribute")) == {"A-1", "A-2", "?"}
    assert refs(office, Asked(programmes=frozenset({"2002", "3"}))) == {"A-2"}
    newest_ms = office.now_ms
    assert refs(office, Asked(since_ms=newest_ms - 60_000)) == {"A-4", "A-5"}
    assert refs(office, Asked(until_ms=newest_ms - 60_000)) == {"A-1", "A-2", "?"}
    assert refs(office, Asked(stage="deliver", until_ms=newest_ms)) == {"A-4"}


def test_an_order_is_found_by_name_or_in_the_bytes_of_a_record(office: Office) -> None:
    """A letter that names another order is not about this one, whatever its record holds."""
    assert refs(office, Asked(order_ref="A-3")) == {"?"}
    assert refs(office, Asked(order_ref="A-4")) == {"A-4"}
    assert refs(office, Asked(order_ref="A")) == set()


def test_counts_come_by_reason_and_programme(office: Office) -> None:
    """The most frequent first; replayed ones are among them, and told apart."""
    office.refuse_order("A-6")
    office.note_replay(office.place_of("A-1"))
    found = listing(office.book(), 2)
    assert (found.letters, found.replayed) == (6, 1)
    first = found.by_reason[0]
    assert (first.stage, first.reason, first.letters, first.replayed) == ("attribute", "no_programme", 2, 1)
    assert {each.reason: each.letters for each in found.by_reason[1:]} == dict.fromkeys(
        ("currency_not_enabled", "bad_framing", "rejected", "too_old"), 1
    )
    assert {each.programme: (each.letters, each.replayed) for each in found.by_programme} == {
        "1001": (4, 1),
        "2002": (1, 0),
        None: (1, 0),
    }


def test_the_newest_letters_are_named(office: Office) -> None:
    """So many at most, the latest first, with their fate and none of their bytes."""
    at = office.place_of("A-5")
    office.note_replay(at)
    newest = listing(office.book(), 2).newest
    assert [each.order_ref for each in newest] == ["A-5", "A-4"]
    assert newest[0].replayed is not None
    assert (newest[0].at, newest[0].replayed.again, newest[1].replayed) == (at, None, None)
    assert listing(office.book(), 0).newest == ()


def test_a_replayed_letter_knows_what_it_became(office: Office) -> None:
    """Its record says, when that has become a dead letter again."""
    at = office.place_of("A-1")
    office.note_replay(at)
    letter = office.letters()[at]
    record = office.log.produce(
        office.names.order_completed,
        letter.key,
        letter.value,
        headers=[header(Replay(letter=at, source=letter.source))],
    )
    again = office.letter_about(record, "no_programme", programme=None, order_ref="A-1")
    fate = office.book().fate(at)
    assert fate is not None
    assert fate.again == Position(again.topic, again.partition, again.offset)


def test_catching_up_takes_replays_and_no_further_letters(office: Office) -> None:
    """What was chosen stays so; what became of it meanwhile is known."""
    book = office.book()
    at, before = office.place_of("A-1"), set(book.letters)
    assert book.fate(at) is None
    office.note_replay(at)
    office.refuse_order("A-7")
    book.catch_up()
    assert set(book.letters) == before
    assert book.fate(at) is not None


def test_what_is_no_letter_is_counted(office: Office) -> None:
    """And the rest is read."""
    office.log.produce(office.names.dead_letter, b"k", b"junk")
    book = office.book()
    assert (book.unreadable, len(book.letters)) == (1, 5)
