"""One way of working on a world, and whether everything ends as the reference says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from consumer.attribution.rules import Rulebook
from consumer.demo.reference import Expected, doubts, endings_of
from tests.attribute.cluster import NEVER_S, ORDERS, Cluster
from tests.attribute.endings import (
    Place,
    conversions_of,
    dead_letters_of,
    history_for,
    said,
    said_by_reference,
)
from tests.attribute.erased import check_everything
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
    """Most records that a poll returns, and most touches that a sweep looks at in one go."""
    quiet_after: int | None
    """After so many records nothing comes for so long that orders are decided by force; ``None``: nothing is forced."""
    sweeps_after: frozenset[int] = frozenset()
    """After so many records refused checksums are looked for, as at the beginning and at the end."""
    hour_after: int | None = None
    """After so many records it is time to look for them, just when the others come."""
    seed: int | None = 0
    """As that of a `Script`."""

    def stops(self) -> list[int]:
        """After how many records something else happens; the last time after all of them."""
        stops = {*self.sweeps_after, self.quiet_after, self.hour_after, len(self.records)}
        return sorted(min(stop, len(self.records)) for stop in stops if stop is not None)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a trial."""

    expected: dict[Place, Expected]
    """Empty when the stage failed."""
    faults: tuple[str, ...]
    """In what it differs from the reference; empty when they agree."""
    happened: Counter[str]
    """How often that happened which depends on when things were done."""


def trial_of(world: World, random: Random) -> Trial:
    """Choose a way of working on a world; in one of four trials orders are forced."""
    records = reading(random, world.sessions, world.orders)
    quiet_after = random.randint(0, len(records)) if random.randint(1, 4) == 4 else None
    places = (len(world.sessions), random.randint(1, len(records)))
    return Trial(
        records,
        world.rules,
        world.cut_over_ms,
        random.randint(1, 100),
        quiet_after,
        sweeps_after=frozenset(random.choice(((), places[:1], places[:1], places[:1], places))),
        hour_after=random.choice((None, random.randint(1, len(records)))),
        seed=random.choice((None, random.randint(0, 99))),
    )


def as_they_are(rulebook: Rulebook) -> Rulebook:
    """Tell the stage the settings as the reference has them."""
    return rulebook


def outcome_of(trial: Trial, told: Callable[[Rulebook], Rulebook] = as_they_are) -> Outcome:
    """Play a trial and hold it against the reference.

    Args:
        trial: what to play.
        told: makes what the stage is told of the settings; another than theirs is a mistake to be found.
    """
    forces = trial.quiet_after is not None
    cluster = Cluster(
        told(trial.rules),
        cut_over_ms=trial.cut_over_ms,
        idle_wait_s=IDLE_WAIT_S if forces else NEVER_S,
        max_hold_s=MAX_HOLD_S if forces else NEVER_S,
        max_poll_records=trial.batch,
    )
    play = Play(cluster, Script(trial.records[: trial.stops()[0]], trial.batch, trial.seed, ()), {})
    try:
        _run(play, trial)
        cluster.rulebook = trial.rules
        account = check_everything(cluster, play.input)
    except Exception as error:  # noqa: BLE001  # whatever a wrong rule leads to
        return Outcome({}, tuple(_faults(cluster, play.input, error)), Counter())
    return Outcome(account.expected, (), _happened(cluster))


def _run(play: Play, trial: Trial) -> None:
    play.run()
    done = trial.stops()[0]
    for number in trial.stops():
        if number > done:
            play.produce(trial.records[done:number])
            play.cluster.settle()
            done = number
        if number == trial.quiet_after:
            play.cluster.wait(2 * MAX_HOLD_S)
        if number in trial.sweeps_after:
            play.sweep()
        if number == trial.hour_after:
            play.cluster.clock.advance(play.cluster.settings.sweep_interval_s)
    if trial.quiet_after is None:
        play.end_event_time()
    else:
        play.cluster.wait(2 * MAX_HOLD_S)
    play.sweep()


def _happened(cluster: Cluster) -> Counter[str]:
    facts = cluster.witness.facts()
    counts = Counter[str]()
    for member in cluster.members.values():
        counts.update(member.metrics.counts)
    return Counter(
        {
            "decided by force": len(facts.cuts),
            "forgotten visitors": counts["erased visitors"],
            "erased checksums": counts["erased checksums"],
        }
    )


def _faults(cluster: Cluster, given: Input, error: Exception) -> Iterator[str]:
    """Name every order of which product and reference say something else, or what went wrong besides."""
    history = history_for(cluster, given, swept=True)
    expected = endings_of(given.orders, history, cluster.rulebook, cluster.settings.cut_over_ms or 0)
    yield from doubts(given.orders, history, expected)
    wanted = {place: _wanted(ending) for place, ending in expected.items()}
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
