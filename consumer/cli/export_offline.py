"""`awin-consumer export-offline`: files for Awin's batched offline tracking."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from consumer.cli.options import Config, Json, load
from consumer.errors import SettingsError

if TYPE_CHECKING:
    from rich.console import Console

    from consumer.export.outcome import Outcome
    from consumer.export.selection import Selection
    from consumer.settings import Settings

_DATE = ["%Y-%m-%d"]


def export_offline(
    first: Annotated[
        datetime, typer.Option("--from", formats=_DATE, metavar="DATE", help="First day of sales, by UK time.")
    ],
    last: Annotated[
        datetime, typer.Option("--to", formats=_DATE, metavar="DATE", help="Last day of sales, by UK time.")
    ],
    out: Annotated[
        Path,
        typer.Option(metavar="DIR", help="An existing folder for the files.", exists=True, file_okay=False),
    ],
    programme: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Awin advertiser id; may be repeated.", show_default="all")
    ] = None,
    config: Config = None,
    *,
    as_json: Json = False,
) -> None:
    """Write files for Awin's batched offline tracking: of orders left to them by method, or too old to be sent.

    Each order is exported once, however often this runs. After an interruption, run it again with the same folder.
    Exit 1 when something that was asked for can never be exported.
    """
    from consumer.cli import output

    if first > last:
        raise typer.BadParameter(f"{last:%Y-%m-%d} is before --from {first:%Y-%m-%d}", param_hint="'--to'")
    settings = load(config)
    selection = _selection(settings, first, last, programme or [])
    with output.progress("exporting") as show:
        outcome = _run(settings, selection, out, show)
    if as_json:
        output.print_json(
            {
                "files": outcome.files,
                "orders": outcome.orders,
                "skipped": outcome.skipped,
                "notes": outcome.notes,
            }
        )
    else:
        _print(outcome, output.console())
    raise typer.Exit(1 if outcome.lost else 0)


def _selection(settings: Settings, first: datetime, last: datetime, programmes: list[str]) -> Selection:
    from consumer.export.selection import Selection

    unknown = set(programmes) - {each.advertiser_id for each in settings.programmes}
    if unknown:
        raise SettingsError(
            f"--programme {', '.join(sorted(unknown))}: no such programme in the settings; without --programme "
            "everything that waits is exported, whatever programme it is of"
        )
    return Selection(first=first.date(), last=last.date(), programmes=frozenset(programmes))


def _run(settings: Settings, selection: Selection, out: Path, progress: Callable[[str], None]) -> Outcome:
    from contextlib import ExitStack

    from consumer.export.folder import DiskFolder
    from consumer.wiring.export import open_export

    with DiskFolder(out) as folder, ExitStack() as stack:
        return open_export(settings, folder, progress, stack).run(selection)


def _print(outcome: Outcome, console: Console) -> None:
    from consumer.cli.output import table
    from consumer.export.outcome import NOTES, SKIPPED

    if outcome.files:
        rows = [(each.name, each.programme, each.day, each.orders) for each in outcome.files]
        console.print(table(("file", "programme", "day", "orders"), rows, numbers=("orders",), whole=("file",)))
        interrupted = sum(each.interrupted for each in outcome.files)
        if interrupted:
            console.print(f"\n{interrupted:,} of these files an earlier export left unfinished.")
    else:
        console.print("Nothing to export: no order of these days waits for it.")
    _counts("Of these orders", outcome.notes, NOTES, console)
    _counts("Of others", outcome.skipped, SKIPPED, console)


def _counts(title: str, counts: Mapping[str, int], meanings: Mapping[str, str], console: Console) -> None:
    from consumer.cli.output import pairs

    if counts:
        console.print(f"\n[bold]{title}[/]")
        console.print(pairs((f"{count:,}", meanings[name]) for name, count in counts.items()))
