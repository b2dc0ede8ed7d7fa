"""Why an order is which programme's, by the settings as they are. Pure. Source: docs/attribution.md, section 8."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from consumer.attribution.order_fields import holds, values_of
from consumer.attribution.rules import Condition, Rulebook
from consumer.events import OrderCompleted


class Check(Struct, frozen=True, kw_only=True):
    """A condition, and what the order has."""

    field: str
    wanted: tuple[str | None, ...]
    """One of these; ``None``: nothing."""
    found: tuple[str, ...]
    holds: bool


class Tried(Struct, frozen=True, kw_only=True):
    """A programme whose conditions were tried."""

    programme: str
    checks: tuple[Check, ...]
    """None: it takes every order."""
    holds: bool


class Exclusion(Struct, frozen=True, kw_only=True):
    """A set of conditions that takes an order out of reporting."""

    number: int
    """Its place in ``orders.exclude``, from 1."""
    checks: tuple[Check, ...]


def tried(order: OrderCompleted, rulebook: Rulebook) -> tuple[Tried, ...]:
    """Return the programmes in the order in which they are tried, up to the first whose conditions hold."""
    found = []
    for rules in rulebook.programmes:
        checks = _checks(order, rules.when)
        found.append(Tried(programme=rules.advertiser_id, checks=checks, holds=all(check.holds for check in checks)))
        if found[-1].holds:
            break
    return tuple(found)


def excluding(order: OrderCompleted, rulebook: Rulebook) -> Exclusion | None:
    """Return the first set of conditions that takes an order out of reporting; ``None`` when none does."""
    for number, conditions in enumerate(rulebook.exclude, start=1):
        if holds(order, conditions):
            return Exclusion(number=number, checks=_checks(order, conditions))
    return None


def _checks(order: OrderCompleted, conditions: Sequence[Condition]) -> tuple[Check, ...]:
    return tuple(
        Check(
            field=each.field,
            wanted=tuple(sorted(each.values, key=lambda value: (value is None, value))),
            found=tuple(values_of(order, each.field)),
            holds=holds(order, (each,)),
        )
        for each in conditions
    )
