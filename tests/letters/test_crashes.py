"""Whatever a replay dies of: in the end each record was appended once, and its letter is noted to be replayed."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from itertools import count
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.errors import Fenced, OutputError
from consumer.events import Position
from consumer.letters.judgement import Decisions
from tests.delivery.conversions import sale
from tests.export.memory_folder import Dying, Killed, MemoryFolder
from tests.letters.office import EVERYTHING, Office

STEPS = 60
"""More than the steps of a run in these tests."""
SEND = Decisions(send_too_old=True)


def trouble(office: Office, numbers: range) -> set[Position]:
    """Let letters of all kinds come; return those that are for a replay."""
    before = set(office.letters())
    for number in numbers:
        ref = f"A-{number}"
        match number % 4:
            case 0:
                office.refuse_order(ref)
            case 1:
                office.put_aside(sale(ref), "rejected")
            case 2:
                office.put_aside(sale(ref), "too_old")
            case _:
                office.refuse_order(ref, "null_value")
    new = office.letters().items()
    return {at for at, letter in new if at not in before and letter.reason != "null_value"}


def die(office: Office, at: int, records: int) -> bool:
    """Run a replay that dies at a step, if it has so many. Return whether it died."""
    try:
        replays = office.replays(EVERYTHING, SEND, dying=Dying(at), records=records)
        replays.plan()
        replays.run()
    except Killed:
        return True
    return False


def check(office: Office, wanted: set[Position]) -> None:
    """Hold what was appended and what was noted against what was to be replayed."""
    assert {at: len(records) for at, records in office.replayed().items()} == dict.fromkeys(wanted, 1)
    assert office.noted() == Counter(wanted)
    letters = office.letters()
    for at, (record,) in office.replayed().items():
        assert (record.key, record.value, record.timestamp_ms) == (
            letters[at].key,
            letters[at].value,
            letters[at].timestamp_ms,
        )


@given(st.lists(st.tuples(st.integers(0, STEPS), st.integers(1, 4)), max_size=6), st.integers(0, 12))
def test_each_letter_is_replayed_exactly_once(deaths: list[tuple[int, int]], letters: int) -> None:
    """Deaths at any step, and letters that come meanwhile."""
    office = Office()
    wanted = trouble(office, range(letters))
    for number, (at, records) in enumerate(deaths, 1):
        die(office, at, records)
        wanted |= trouble(office, range(number * 100, number * 100 + letters % 4))
    office.replay(EVERYTHING, SEND)
    check(office, wanted)


def test_a_death_at_every_single_step_is_made_good() -> None:
    """Several transactions: the next run does the rest, and no more."""
    for at in count():
        office = Office()
        wanted = trouble(office, range(8))
        died = die(office, at, 2)
        office.replay(EVERYTHING, SEND)
        check(office, wanted)
        if not died:
            break
    assert at > 25


@given(st.integers(0, STEPS), st.integers(1, 12))
def test_a_second_replay_fences_the_first(at: int, letters: int) -> None:
    """It may begin at any step of the first and end before that goes on."""
    office = Office()
    wanted = trouble(office, range(letters))

    def begin() -> None:
        office.replay(EVERYTHING, SEND)

    replays = office.replays(EVERYTHING, SEND, dying=Dying(at, begin))
    with suppress(Fenced):
        replays.plan()
        replays.run()
    office.replay(EVERYTHING, SEND)
    check(office, wanted)


def handed_over(office: Office) -> Counter[str]:
    """Return how often each sale that was too old was exported or replayed."""
    letters = office.letters()
    sent = Counter(letters[at].order_ref or "" for at in office.replayed() if letters[at].reason == "too_old")
    return sent + office.exported()


@given(st.integers(0, STEPS), st.integers(1, 16), st.randoms(use_true_random=False))
def test_an_export_in_the_middle_of_a_replay(at: int, letters: int, random: Random) -> None:
    """Each sale that was too old is exported or sent, and never both."""
    office, folder = Office(), MemoryFolder()
    trouble(office, range(letters))

    def begin() -> None:
        office.export(folder, random=random)

    replays = office.replays(EVERYTHING, SEND, dying=Dying(at, begin))
    with suppress(Fenced):
        replays.plan()
        replays.run()
    office.export(folder)
    assert handed_over(office) == Counter(f"A-{number}" for number in range(2, letters, 4))


@given(st.integers(0, STEPS), st.integers(1, 16), st.randoms(use_true_random=False))
def test_a_replay_in_the_middle_of_an_export(at: int, letters: int, random: Random) -> None:
    """Likewise; and a receipt that says exported stays so."""
    office, folder = Office(), MemoryFolder()
    trouble(office, range(letters))

    def begin() -> None:
        office.replay(EVERYTHING, SEND)

    with suppress(Fenced, OutputError):
        office.export(folder, dying=Dying(at, begin), random=random)
    office.replay(EVERYTHING, SEND)
    office.export(folder)
    assert handed_over(office) == Counter(f"A-{number}" for number in range(2, letters, 4))


@pytest.mark.parametrize("letters", [4, 8])
def test_an_export_leaves_what_is_to_be_sent(letters: int) -> None:
    """And says so."""
    office = Office()
    trouble(office, range(letters))
    office.replay(EVERYTHING, SEND)
    outcome = office.export(MemoryFolder())
    assert (outcome.files, outcome.skipped) == ((), {"replayed": letters // 4})
