"""Facts that cannot be facts are told from others."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from consumer.attribution.rules import Rulebook
from consumer.demo.reference import Facts, SessionRecord, Sweep, doubts, endings_of, history_of
from tests.reference.cases import RULES, awc, by, forget, landing, numbered, ordered

RULEBOOK = Rulebook((replace(RULES, consent_settle_ms=50_000),))
CLICK, REFUSED = landing(-60, by(awc(-61))), landing(-50, consent="denied")
AT_NOON, LATER = landing(0, visitor="eve"), landing(10, visitor="eve")
"""At noon the refusal has settled, later an order at noon can be decided."""
ORDERS = (ordered(), ordered(offset=1, order_ref="R2", visitor_id="bob"))
NOBODY: Mapping[int, int] = {}


def found(records: list[SessionRecord], facts: Facts) -> str:
    """Everything that speaks against the facts."""
    history = history_of(numbered(*records), RULEBOOK.shop, facts)
    return "\n".join(doubts(ORDERS, history, endings_of(ORDERS, history, RULEBOOK, 0)))


def known(ann: int, bob: int, *sweeps: Sweep, cuts: Mapping[int, int] = NOBODY) -> Facts:
    """Sessions read when each of the two orders was, and cuts by the offset of the order."""
    return Facts(
        cuts={(0, offset): cut for offset, cut in cuts.items()},
        read_at={(0, 0): ann, (0, 1): bob},
        decided_in={(0, 0): 5, (0, 1): 5},
        sweeps=sweeps,
    )


@pytest.mark.parametrize(
    ("facts", "doubt"),
    [
        pytest.param(known(2, 2), "", id="read one after the other"),
        pytest.param(known(2, 1), "order (0, 1): read at session 1, after one at 2", id="read in another order"),
        pytest.param(known(0, 0, cuts={0: 2}), "", id="forced"),
        pytest.param(known(2, 2, cuts={0: 1}), "order (0, 0): forced at session 1, but read at 2", id="forced unread"),
        pytest.param(known(0, 0, cuts={0: 4}), "order (0, 0): forced at session 4, but could be decided", id="no need"),
    ],
)
def test_reading_and_force(facts: Facts, doubt: str) -> None:
    """Orders are read as they stand, and forced only where nothing else decides them."""
    assert found([CLICK, REFUSED, AT_NOON, LATER], facts) == doubt


@pytest.mark.parametrize(
    ("facts", "doubt"),
    [
        pytest.param(known(1, 1, cuts={0: 3}), "", id="at the request"),
        pytest.param(known(1, 1, cuts={0: 2}), "", id="before it"),
        pytest.param(known(3, 3), "", id="read after it"),
        pytest.param(
            known(1, 1),
            "order (0, 0): not forced, but pending at request 2 to forget its visitor",
            id="not at all",
        ),
        pytest.param(
            known(1, 1, cuts={0: 4}),
            "order (0, 0): forced at session 4, not at request 2 to forget its visitor",
            id="too late",
        ),
    ],
)
def test_force_when_a_visitor_is_forgotten(facts: Facts, doubt: str) -> None:
    """Orders that are pending then are decided then; those of others wait on."""
    assert found([CLICK, REFUSED, forget(), AT_NOON, LATER], facts) == doubt


def test_no_force_for_what_could_be_decided() -> None:
    """It was, before the request."""
    records: list[SessionRecord] = [CLICK, LATER, forget()]
    assert found(records, known(0, 0)) == ""
    assert "forced at session 3, but could be decided" in found(records, known(0, 0, cuts={0: 3}))


def sweep(read: int, *erased: int, commit: int = 3, next_order: int = 0, orders_end: int = 0) -> Sweep:
    """A sweep of the first partition when so many sessions had been read."""
    return Sweep(0, commit, range(read), next_order, orders_end, frozenset(erased))


STAYS = "session (0, 0): its checksum was erased, but had to stay"
GOES = "session (0, 0): its checksum had to be erased, but is there"

NECESSARY, SINCE = landing(-60, by(awc(-61), "&sn=1")), landing(-49, by(awc(-61)))
GRANT, RECENT = landing(-1, consent="granted"), landing(-49.999, consent="denied")
OF_BOTH = {"next_order": 2, "orders_end": 2}


@pytest.mark.parametrize(
    ("records", "sweeps", "doubt"),
    [
        pytest.param([CLICK, REFUSED, AT_NOON], [sweep(3, 0)], "", id="settled"),
        pytest.param([CLICK, REFUSED, AT_NOON], [sweep(2, 0)], STAYS, id="not settled yet"),
        pytest.param([CLICK, RECENT, AT_NOON], [sweep(3, 0)], STAYS, id="nearly settled"),
        pytest.param([CLICK, AT_NOON], [sweep(2, 0)], STAYS, id="not refused"),
        pytest.param([CLICK, REFUSED, GRANT, AT_NOON], [sweep(4, 0)], STAYS, id="granted"),
        pytest.param([CLICK, REFUSED, AT_NOON, GRANT], [sweep(3, 0)], "", id="granted later"),
        pytest.param([NECESSARY, REFUSED, AT_NOON], [sweep(3, 0)], STAYS, id="strictly necessary"),
        pytest.param([SINCE, REFUSED, AT_NOON], [sweep(3, 0)], STAYS, id="landed since"),
        pytest.param([landing(-60), REFUSED, AT_NOON], [sweep(3, 0)], STAYS, id="no checksum"),
        pytest.param([CLICK, REFUSED, forget(), AT_NOON], [sweep(4, 0)], STAYS, id="forgotten"),
        pytest.param([CLICK, REFUSED, AT_NOON], [sweep(3, 0), sweep(3, 0, commit=4)], STAYS, id="twice"),
        pytest.param([CLICK, REFUSED, LATER], [sweep(3, 0, **OF_BOTH)], STAYS, id="an order is pending"),
        pytest.param([CLICK, REFUSED, LATER], [sweep(3, 0, commit=6, **OF_BOTH)], "", id="none is any more"),
        pytest.param([CLICK, REFUSED, AT_NOON], [sweep(3, 0, orders_end=1)], STAYS, id="an order is to be read"),
        pytest.param([CLICK, REFUSED, AT_NOON], [sweep(3)], "", id="not done yet"),
    ],
)
def test_erasing(records: list[SessionRecord], sweeps: list[Sweep], doubt: str) -> None:
    """A sweep erases nothing but what may go by what was known then."""
    doubted = found(records, known(len(records), len(records), *sweeps))
    assert doubted.partition(", at ")[0] == doubt


def test_a_whole_sweep_leaves_nothing() -> None:
    """That may go."""
    whole = dataclasses.replace(sweep(3, commit=4), is_whole=True)
    assert found([CLICK, REFUSED, AT_NOON], known(3, 3, whole)).partition(", after ")[0] == GOES
    assert found([CLICK, REFUSED, AT_NOON], known(3, 3, sweep(3, 0), whole)) == ""
    assert found([CLICK, GRANT, AT_NOON], known(3, 3, whole)) == ""


@pytest.mark.parametrize(
    ("facts", "doubt"),
    [
        pytest.param(known(3, 4, sweep(3, next_order=1)), "", id="between two orders"),
        pytest.param(known(4, 4, sweep(3, next_order=1)), "order (0, 0): read at session 4", id="not read then"),
        pytest.param(known(2, 2, sweep(3, next_order=1)), "order (0, 1): read at session 2", id="read then"),
        pytest.param(known(4, 4, sweep(3, commit=6)), "order (0, 0): decided in transaction 5", id="decided unread"),
        pytest.param(known(3, 3, sweep(3, commit=6, next_order=2)), "order (0, 0): decided in", id="decided too early"),
        pytest.param(known(3, 3, sweep(3, commit=6, next_order=2), cuts={0: 3, 1: 3}), "", id="decided by force"),
    ],
)
def test_sweeps_and_orders(facts: Facts, doubt: str) -> None:
    """What had been read and decided at a sweep is what orders say of it."""
    doubted = found([CLICK, REFUSED, AT_NOON, LATER], facts)
    assert doubted.startswith(doubt)
    assert bool(doubted) == bool(doubt)
