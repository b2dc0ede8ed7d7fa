"""One way of working on a world, and whether everything ends as the reference says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from consumer.attribution.rules import Rulebook
from consumer.demo.reference import Expected
from tests.attribute.cluster import ORDERS, Cluster
from tests.attribute.endings import (
    Place,
    check_endings,
    check_state,
    conversions_of,
    dead_letters_of,
    expected_endings,
    said,
    said_by_reference,
)
from tests.attribute.scripts import Input, Play, Script
from tests.strategies.worlds import Logged, World, reading

IDLE_WAIT_S = 1.0
MAX_HOLD_S = 2.0


@dataclass(frozen=True, slots=True)
class Trial:
    """Records in the order in which they are produced, and the settings."""

    records: tuple[Logged, ...]
    rules: Rulebook
    cut_over_ms: int
    batch: int
    """Most records that a poll returns."""
    quiet_after: int | None
    """After so many records nothing comes for so long that orders are decided by force; ``None``: nothing is forced."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a trial."""

    expected: dict[Place, Expected]
    """Empty when the stage failed."""
    faults: tuple[str, ...]
    """In what it differs from the reference; empty when they agree."""
    forced: int
    """How many orders were decided by force."""


def trial_of(world: World, random: Random) -> Trial:
    """Choose a way of working on a world; in one of four trials orders are forced."""
    records = reading(random, world.sessions, world.orders)
    quiet_after = random.randint(0, len(records)) if random.randint(1, 4) == 4 else None
    return Trial(records, world.rules, world.cut_over_ms, random.randint(1, 100), quiet_after)


def as_they_are(rulebook: Rulebook) -> Rulebook:
    """Tell the stage the settings as the reference has them."""
    return rulebook


def outcome_of(trial: Trial, told: Callable[[Rulebook], Rulebook] = as_they_are) -> Outcome:
    """Play a trial and hold it against the reference.

    Args:
        trial: what to play.
        told: makes what the stage is told of the settings; another than theirs is a mistake to be found.
    """
    cluster = Cluster(
        told(trial.rules),
        cut_over_ms=trial.cut_over_ms,
        idle_wait_s=IDLE_WAIT_S,
        max_hold_s=MAX_HOLD_S,
        max_poll_records=trial.batch,
    )
    play = Play(cluster, Script(trial.records[: trial.quiet_after], trial.batch, 0, ()), {})
    try:
        _run(play, trial)
        cluster.rulebook = trial.rules
        forced = sum(each.session_cut is not None for each in check_endings(cluster, play.input).values())
        check_state(cluster)
    except Exception as error:  # noqa: BLE001  # whatever a wrong rule leads to
        return Outcome({}, tuple(_faults(cluster, play.input, error)), 0)
    return Outcome(expected_endings(cluster, play.input), (), forced)


def _run(play: Play, trial: Trial) -> None:
    play.run()
    if trial.quiet_after is None:
        play.end_event_time()
    else:
        play.cluster.wait(2 * MAX_HOLD_S)
        play.produce(trial.records[trial.quiet_after :])
        play.cluster.settle()
        play.cluster.wait(2 * MAX_HOLD_S)


def _faults(cluster: Cluster, given: Input, error: Exception) -> Iterator[str]:
    """Name every order of which product and reference say something else, or what went wrong besides."""
    wanted = {place: _wanted(ending) for place, ending in expected_endings(cluster, given).items()}
    found = _found(cluster)
    nothing: dict[str, object] = {}
    differing = [place for place in wanted if wanted[place] != found.get(place, nothing)]
    for place in differing:
        ours, theirs = found.get(place, nothing), wanted[place]
        for name in sorted(ours.keys() | theirs.keys()):
            if ours.get(name) != theirs.get(name):
                yield f"order {place}: {name} is {ours.get(name)!r}, by the reference {theirs.get(name)!r}"
    if not differing:
        yield f"{type(error).__name__}: {error}"


def _found(cluster: Cluster) -> dict[Place, dict[str, object]]:
    letters: dict[Place, dict[str, object]] = {
        (partition, offset): {"dead letter": letter.reason, "field": letter.field}
        for (topic, partition, offset), letter in dead_letters_of(cluster).items()
        if topic == ORDERS
    }
    return {**letters, **{place: said(conversion) for place, conversion in conversions_of(cluster).items()}}


def _wanted(ending: Expected) -> dict[str, object]:
    if ending.ending == "dead_letter":
        return {"dead letter": ending.reason, "field": ending.field}
    if ending.ending == "conflict":
        return {"dead letter": "conflict", "field": "order_ref"}
    return said_by_reference(ending) if ending.ending == "conversion" else {}
