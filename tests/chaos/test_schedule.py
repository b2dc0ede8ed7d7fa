"""The schedule of a chaos run: the same for a seed, complete, and never two faults where they exclude each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations, pairwise

import pytest

from tests.chaos.faults import kinds
from tests.chaos.schedule import FIRST_S, FIXED, KINDS, Strike, schedule

LONG_S = 600.0
SEEDS = range(50)


def overlapping(strikes: Sequence[Strike]) -> list[tuple[Strike, Strike]]:
    """Return the pairs of which the later one strikes before the earlier one is healed."""
    return [(one, other) for one, other in combinations(sorted(strikes), 2) if other.at_s < one.end_s]


def test_a_seed_always_makes_the_same_schedule() -> None:
    """And another seed another one."""
    assert schedule(7, LONG_S) == schedule(7, LONG_S)
    assert len({tuple(schedule(seed, LONG_S)) for seed in SEEDS}) == len(SEEDS)


@pytest.mark.parametrize("seconds", [60.0, 120.0, LONG_S])
def test_every_fault_begins_under_load_and_is_healed_in_time(seconds: float) -> None:
    """None strikes before there is something to break, and the last one ends before the run does."""
    for seed in SEEDS:
        strikes = schedule(seed, seconds)
        assert strikes[0].at_s == FIRST_S
        assert all(strike.at_s >= FIRST_S and strike.end_s <= seconds for strike in strikes)
        assert strikes == sorted(strikes)


def test_faults_that_work_on_the_same_never_overlap() -> None:
    """While others do, now and then, but never three at once."""
    pairs = [pair for seed in SEEDS for pair in overlapping(schedule(seed, LONG_S))]
    assert pairs
    assert not any(KINDS[one.kind].claims & KINDS[other.kind].claims for one, other in pairs)
    for seed in SEEDS:
        strikes = schedule(seed, LONG_S)
        assert max(sum(one.at_s <= other.at_s < one.end_s for one in strikes) for other in strikes) == 2


def test_every_kind_can_be_made() -> None:
    """The schedule knows the faults that there are, and no others."""
    assert kinds() == KINDS.keys()


def test_no_kind_is_left_out() -> None:
    """In ten minutes every kind strikes, and none much more often than another."""
    for seed in SEEDS:
        times = Counter(strike.kind for strike in schedule(seed, LONG_S))
        assert times.keys() == KINDS.keys()
        decks = [times[kind] / KINDS[kind].burst for kind in KINDS]
        assert max(decks) - min(decks) <= 1


def test_single_kinds_can_be_chosen() -> None:
    """Then they never overlap, and there is time between them."""
    strikes = schedule(1, LONG_S, only={"leader killed", "Awin hangs"})
    assert {strike.kind for strike in strikes} == {"leader killed", "Awin hangs"}
    assert min(later.at_s - earlier.end_s for earlier, later in pairwise(strikes)) > 15


def test_the_short_run_has_eight_faults_of_different_kinds() -> None:
    """They exclude each other as in any schedule, and two pairs overlap."""
    assert len({strike.kind for strike in FIXED}) == len(FIXED) == 8
    assert list(FIXED) == sorted(FIXED)
    pairs = overlapping(FIXED)
    assert len(pairs) == 2
    assert not any(KINDS[one.kind].claims & KINDS[other.kind].claims for one, other in pairs)
