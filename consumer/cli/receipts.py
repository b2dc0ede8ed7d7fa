"""`awin-consumer receipts`: what was sent."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from consumer.cli.options import Config, Json, load, milliseconds_of, moment

if TYPE_CHECKING:
    from consumer.inspect.progress import Progress
    from consumer.inspect.sent_list import Sent, SentReport, Wanted
    from consumer.settings import Settings


def receipts(
    since: Annotated[
        datetime,
        typer.Option("--from", metavar="TIME", parser=moment, help="Finished then or later, UTC unless it says."),
    ],
    until: Annotated[
        datetime | None,
        typer.Option("--to", metavar="TIME", parser=moment, help="Finished before.", show_default="now"),
    ] = None,
    programme: Annotated[
        list[str] | None,
        typer.Option("--programme", metavar="ID", help="Awin advertiser id; may be repeated.", show_default="all"),
    ] = None,
    ending: Annotated[
        list[str] | None,
        typer.Option("--ending", metavar="WORD", help="Such as delivered; may be repeated.", show_default="all"),
    ] = None,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write all of them to this file.")] = None,
    most: Annotated[int, typer.Option(min=0, metavar="N", help="How many to show, the newest.")] = 20,
    config: Config = None,
    *,
    as_json: Json = False,
) -> None:
    """List what was sent in a time and what became of it: amounts, channels, checksums, attempts, answers.

    For the day on which wrong values went out. An order is listed by its newest receipt. Shows click checksums, which
    are personal data.
    """
    from consumer.cli import output, receipts_text
    from consumer.inspect.sent_list import Wanted

    if until is not None and until <= since:
        raise typer.BadParameter("it must be later than --from", param_hint="'--to'")
    wanted = Wanted(
        from_ms=milliseconds_of(since),
        to_ms=None if until is None else milliseconds_of(until),
        programmes=frozenset(programme or ()),
        endings=_endings(ending or []),
    )
    settings = load(config)
    with output.progress_bar() as progress:
        report = _report(settings, wanted, csv, most, progress)
    if as_json:
        output.print_json(report)
    else:
        receipts_text.write(report, csv, output.console())


def _endings(endings: list[str]) -> frozenset[str]:
    from typing import get_args

    from consumer.events import Ending

    known = get_args(Ending)
    unknown = sorted(set(endings) - set(known))
    if unknown:
        raise typer.BadParameter(f"{', '.join(unknown)} is none of {', '.join(known)}", param_hint="'--ending'")
    return frozenset(endings)


def _report(settings: Settings, wanted: Wanted, csv: Path | None, most: int, progress: Progress) -> SentReport:
    from consumer.cli.receipts_text import COLUMNS, cells
    from consumer.inspect.sent_list import SentList
    from consumer.stream.schemas import Schemas
    from consumer.whole_file import csv_file
    from consumer.wiring.operator import open_reader

    with ExitStack() as stack:
        add = None if csv is None else stack.enter_context(csv_file(csv, COLUMNS))

        def on_sent(sent: Sent) -> None:
            if add is not None:
                add(cells(sent))

        schemas = Schemas.load(settings.schemas.directory)
        listed = SentList(open_reader(settings), schemas, settings.topics, progress)
        return listed.run(wanted, most=most, on_sent=on_sent)
