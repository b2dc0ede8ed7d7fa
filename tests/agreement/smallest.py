"""Makes a trial that fails as small as it can be, and writes it down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from msgspec import NODEFAULT, Struct, structs

from consumer.attribution.rules import Rulebook, Rules
from consumer.demo.reference import LoggedForget, LoggedSession
from tests.agreement.trial import Outcome, Trial


def smallest(trial: Trial, fails: Callable[[Trial], bool]) -> Trial:
    """Leave out records and settings, one after the other, as long as the trial still fails without them."""
    while True:
        smaller = next((each for each in _smaller(trial) if fails(each)), None)
        if smaller is None:
            return trial
        trial = smaller


def _smaller(trial: Trial) -> Iterator[Trial]:
    if trial.quiet_after is not None:
        yield replace(trial, quiet_after=None)
    if trial.hour_after is not None:
        yield replace(trial, hour_after=None)
    for number in trial.sweeps_after:
        yield replace(trial, sweeps_after=trial.sweeps_after - {number})
    for number in range(len(trial.records)):
        yield replace(trial, records=trial.records[:number] + trial.records[number + 1 :])
    rulebook = trial.rules
    for number in range(len(rulebook.exclude)):
        exclude = rulebook.exclude[:number] + rulebook.exclude[number + 1 :]
        yield replace(trial, rules=Rulebook(rulebook.programmes, exclude))
    for number in range(len(rulebook.programmes)):
        before, after = rulebook.programmes[:number], rulebook.programmes[number + 1 :]
        if before or after:
            yield replace(trial, rules=Rulebook((*before, *after), rulebook.exclude))
    yield from _plainer(trial)


def _plainer(trial: Trial) -> Iterator[Trial]:
    """The trial with one setting at its default, in every programme that has another."""
    programmes = trial.rules.programmes
    for field in structs.fields(Rules):
        plain = tuple(
            structs.replace(rules, **{field.name: _default(field)}) if _default(field) is not NODEFAULT else rules
            for rules in programmes
        )
        if plain != programmes:
            yield replace(trial, rules=Rulebook(plain, trial.rules.exclude))


def description(trial: Trial, outcome: Outcome) -> Iterator[str]:
    """Write down a trial and its faults, a line each, without what is at its default."""
    yield from (f"programme: {brief(rules)}" for rules in trial.rules.programmes)
    yield from (f"exclude: {conditions}" for conditions in trial.rules.exclude)
    yield (
        f"cut-over {trial.cut_over_ms}, batches of {trial.batch}, quiet after {trial.quiet_after} records, "
        f"sweeps after {sorted(trial.sweeps_after)}, an hour after {trial.hour_after}"
    )
    for record in trial.records:
        place = f"in partition {record.partition}, recorded {record.timestamp_ms}"
        if isinstance(record, LoggedForget):
            yield f"request {place}: forget {record.visitor_id!r}, order {record.order}"
        else:
            kind = "session" if isinstance(record, LoggedSession) else "order"
            yield f"{kind} {place}: {brief(record.event)}"
    yield from outcome.faults


def brief(struct: Struct) -> str:
    """Write a struct without the fields that are at their defaults."""
    said = (
        f"{field.name}={getattr(struct, field.name)!r}"
        for field in structs.fields(struct)
        if getattr(struct, field.name) != _default(field)
    )
    return f"{type(struct).__name__}({', '.join(said)})"


def _default(field: structs.FieldInfo) -> object:
    return field.default if field.default_factory is NODEFAULT else field.default_factory()
