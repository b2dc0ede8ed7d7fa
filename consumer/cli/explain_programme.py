"""Why an order is which programme's, for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.markup import escape

from consumer.cli.output import section, table
from consumer.inspect.choice import Check, Exclusion, Tried
from consumer.inspect.explanation import Explanation


def write(found: Explanation, console: Console) -> None:
    """Say which conditions led to the programme; nothing where there is only one, without conditions."""
    if any(each.checks for each in found.programmes) or len(found.programmes) > 1:
        section(console, "Programme, by the settings as they are")
        console.print(
            table(("programme", "condition", "the order has", ""), _conditions(found.programmes), whole=("programme",))
        )
    takes = next((each.programme for each in found.programmes if each.holds), None)
    if found.programmes and found.programme is not None and takes != found.programme:
        other = "none" if takes is None else takes
        console.print(f"[yellow]The settings have changed since: now its programme would be {other}.[/]")
    if found.excluded_by is not None:
        conditions = " and ".join(map(_condition, found.excluded_by.checks))
        set_of = f"set {found.excluded_by.number} of orders.exclude"
        console.print(f"[yellow]By the settings as they are it would not be reported ({set_of}): {conditions}.[/]")


def write_exclusion(exclusion: Exclusion, console: Console) -> None:
    """Write the set of conditions that takes an order out."""
    section(console, f"Taken out by set {exclusion.number} of orders.exclude")
    rows = ((_condition(check), _has(check)) for check in exclusion.checks)
    console.print(table(("condition", "the order has"), rows))


def _conditions(programmes: Iterable[Tried]) -> Iterator[tuple[str, ...]]:
    for each in programmes:
        if not each.checks:
            yield each.programme, "takes every order", "", "[green]so it is this one[/]"
        for number, check in enumerate(each.checks):
            last = number == len(each.checks) - 1
            verdict = "holds" if check.holds else "does not hold"
            if each.holds and last:
                verdict = f"[green]{verdict}: so it is this one[/]"
            yield each.programme if number == 0 else "", _condition(check), _has(check), verdict


def _has(check: Check) -> str:
    return escape(", ".join(check.found)) or "nothing"


def _condition(check: Check) -> str:
    wanted = ["nothing" if value is None else value for value in check.wanted]
    return escape(f"{check.field} is {' or '.join(wanted)}")
