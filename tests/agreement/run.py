"""Holds the whole stage against the reference on many random orders, with every feature mixed.

``make agreement ARGS="--orders 200000 --seed 1"``. Worlds are made by a seeded random source, not by hypothesis, so
that nearly all of the time is spent in the stage. A world that fails is made as small as it can be before it is shown;
``--seed S --world N`` plays world N of seed S alone.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from random import Random

import structlog

from consumer.attribution.rules import Rulebook
from tests.agreement.smallest import description, smallest
from tests.agreement.trial import Outcome, as_they_are, outcome_of, trial_of
from tests.strategies.features import features
from tests.strategies.worlds import World, world

PROGRESS_S = 10.0


class Tally:
    """What has been tried so far."""

    def __init__(self) -> None:
        self.worlds = 0
        self.endings: Counter[str] = Counter()
        self.features: Counter[str] = Counter()

    @property
    def orders(self) -> int:
        """How many order records."""
        return self.endings.total()

    def add(self, tried: World, outcome: Outcome) -> None:
        """Count a world that agrees."""
        self.worlds += 1
        self.endings.update(ending.ending for ending in outcome.expected.values())
        found = features(tried, outcome.expected)
        self.features.update(each if isinstance(each, str) else ": ".join(map(str, each)) for each in found)
        self.features.update(outcome.happened)


def agree(
    seed: int,
    orders: int,
    numbers: Iterable[int],
    tally: Tally,
    told: Callable[[Rulebook], Rulebook] = as_they_are,
) -> bool:
    """Try worlds of a seed until so many orders agree, or one does not; print progress, and what does not agree.

    ``told`` is as in `outcome_of`.
    """
    began_s = told_s = time.monotonic()
    for number in numbers:
        random = Random(f"{seed}/{number}")
        tried = world(random)
        trial = trial_of(tried, random)
        outcome = outcome_of(trial, told)
        if outcome.faults:
            least = smallest(trial, lambda smaller: bool(outcome_of(smaller, told).faults))
            lines = description(least, outcome_of(least, told))
            say(f"DISAGREEMENT in world {number} of seed {seed}, at its smallest:", *lines)
            return False
        tally.add(tried, outcome)
        if tally.orders >= orders:
            break
        if time.monotonic() - told_s >= PROGRESS_S:
            told_s = time.monotonic()
            say(f"{tally.orders:,} orders in {tally.worlds:,} worlds agree, {told_s - began_s:.0f} s")
    say(
        f"agreed: {tally.orders:,} orders in {tally.worlds:,} worlds of seed {seed}, {time.monotonic() - began_s:.0f} s"
    )
    return True


def figures(counts: Counter[str]) -> str:
    """Write counts, the greatest first."""
    return ", ".join(f"{name} {number:,}" for name, number in counts.most_common())


def say(*lines: str) -> None:
    """Print lines at once."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; return 0 when everything agrees."""
    parser = argparse.ArgumentParser(prog="make agreement", description="Hold the stage against the reference.")
    parser.add_argument("--orders", type=int, default=20_000, help="stop when so many orders agree")
    parser.add_argument("--seed", type=int, default=1, help="of the random worlds")
    parser.add_argument("--world", type=int, help="play only the world of this number")
    given = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    tally = Tally()
    if not agree(given.seed, given.orders, count() if given.world is None else [given.world], tally):
        return 1
    say(f"endings: {figures(tally.endings)}; features: {figures(tally.features)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
