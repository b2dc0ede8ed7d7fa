"""`awin-consumer dead-letters`: records that could not be processed."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from msgspec import structs

from consumer.cli.options import Config, Json, load, milliseconds_of, moment

if TYPE_CHECKING:
    from consumer.events import DeadLetter
    from consumer.letters.asked import Asked

app = typer.Typer(no_args_is_help=True, help="Look at records that could not be processed, and replay them.")

_Reasons = Annotated[
    list[str] | None,
    typer.Option("--reason", metavar="WORD", help="Refused for this reason; may be repeated.", show_default="any"),
]
_Stage = Annotated[
    Literal["attribute", "deliver"] | None, typer.Option("--stage", help="Refused by this stage.", show_default="any")
]
_Since = Annotated[
    datetime | None,
    typer.Option("--since", metavar="TIME", parser=moment, help="Refused then or later, UTC unless it says."),
]
_Until = Annotated[
    datetime | None, typer.Option("--until", metavar="TIME", parser=moment, help="Refused before.", show_default="now")
]
_Programmes = Annotated[
    list[str] | None,
    typer.Option("--programme", metavar="ID", help="Awin advertiser id; may be repeated.", show_default="any"),
]
_OrderRef = Annotated[str | None, typer.Option("--order-ref", metavar="REF", help="About the order of this reference.")]


@app.command("list")
def list_(
    reason: _Reasons = None,
    stage: _Stage = None,
    since: _Since = None,
    until: _Until = None,
    programme: _Programmes = None,
    order_ref: _OrderRef = None,
    most: Annotated[int, typer.Option(min=0, metavar="N", help="How many letters to show, the newest.")] = 20,
    config: Config = None,
    *,
    as_json: Json = False,
) -> None:
    """Count dead letters by reason and by programme, and show the newest. Shows nothing of the records themselves."""
    from consumer.cli import dead_letters_text, output
    from consumer.letters.listing import listing
    from consumer.wiring.letters import open_book

    asked = _asked(reason, stage, since, until, programme, order_ref)
    settings = load(config)
    with output.progress_bar() as progress:
        book = open_book(settings, asked, progress)
        book.read()
    found = listing(book, most)
    if as_json:
        output.print_json(found)
    else:
        dead_letters_text.write_listing(found, output.console())


@app.command()
def show(
    letter: Annotated[
        str | None, typer.Argument(metavar="[LETTER]", help="Where it stands, as `list` says it: 3@1207.")
    ] = None,
    order_ref: Annotated[
        str | None, typer.Option("--order-ref", metavar="REF", help="Instead: the newest about this order.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the record's value to this file, as it is.")
    ] = None,
    config: Config = None,
    *,
    as_json: Json = False,
) -> None:
    """Show one dead letter in full: why, what to do, what became of it, and the record itself.

    The record is shown with whatever it holds, which may be personal data: ask for it only if you need it.
    """
    from consumer.cli import dead_letters_text, output
    from consumer.letters import place
    from consumer.wiring.letters import open_letters

    if (letter is None) == (not order_ref):
        raise typer.BadParameter("give either LETTER or --order-ref")
    settings = load(config)
    at = None if letter is None else place.parse(letter, settings.topics.dead_letter)
    if letter is not None and at is None:
        raise typer.BadParameter(f"{letter} is no place such as 3@1207 in {settings.topics.dead_letter}")
    with output.progress_bar() as progress:
        letters = open_letters(settings, progress)
        found, written = letters.about(order_ref or "") if at is None else letters.at(at)
    if out is not None:
        _write(out, written)
    if as_json:
        output.print_json(found)
    else:
        dead_letters_text.write_single(found, output.console())


@app.command()
def replay(
    reason: _Reasons = None,
    stage: _Stage = None,
    since: _Since = None,
    until: _Until = None,
    programme: _Programmes = None,
    order_ref: _OrderRef = None,
    config: Config = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All dead letters; without a filter it must be said.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be replayed.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also what was replayed before.")] = False,
    too_old: Annotated[
        Literal["send"] | None,
        typer.Option(help="Send sales older than delivery.max_age all the same: Awin dates them today."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Append the records of dead letters again, each once, to where they came from, for the stages to read anew.

    Mend first what was wrong. Exit 1 when something that was asked for could not be replayed. After an interruption
    run it again: what was replayed is not replayed twice.
    """
    from contextlib import ExitStack

    from consumer.cli import dead_letters_text, output
    from consumer.letters.asked import Asked
    from consumer.letters.judgement import Decisions
    from consumer.wiring.letters import open_replays

    asked = _asked(reason, stage, since, until, programme, order_ref)
    if not every and asked == Asked():
        raise typer.BadParameter("say which letters: give a filter, or --all")
    settings = load(config)
    decisions = Decisions(force=force, send_too_old=too_old == "send")
    with ExitStack() as stack:
        progress = stack.enter_context(output.progress_bar())
        replays = open_replays(settings, asked, decisions, progress, stack)
        judged = replays.plan()
        if not dry_run and judged.replayed:
            if not yes and sys.stdin.isatty() and sys.stdout.isatty():
                with progress.put_aside():
                    dead_letters_text.write_plan(judged, output.error_console())
                    typer.confirm("Replay them?", abort=True, err=True)
            judged = replays.run()
    if as_json:
        output.print_json({"dry_run": dry_run, **structs.asdict(judged)})
    elif dry_run:
        dead_letters_text.write_plan(judged, output.console())
    else:
        dead_letters_text.write_replayed(judged, output.console())
    raise typer.Exit(0 if judged.is_complete else 1)


def _write(out: Path, letter: DeadLetter) -> None:
    from consumer.errors import OutputError
    from consumer.whole_file import whole_file

    if letter.value is None:
        raise OutputError(f"{out} was not written: the record has no value")
    with whole_file(out) as file:
        file.write(letter.value)


def _asked(
    reasons: list[str] | None,
    stage: str | None,
    since: datetime | None,
    until: datetime | None,
    programmes: list[str] | None,
    order_ref: str | None,
) -> Asked:
    from consumer.letters.asked import Asked
    from consumer.letters.reasons import ATTRIBUTE, DELIVER

    unknown = set(reasons or ()) - ATTRIBUTE.keys() - DELIVER.keys()
    if unknown:
        known = ", ".join(sorted(ATTRIBUTE.keys() | DELIVER.keys()))
        raise typer.BadParameter(f"{', '.join(sorted(unknown))} is none of {known}", param_hint="'--reason'")
    if since is not None and until is not None and until <= since:
        raise typer.BadParameter("it must be later than --since", param_hint="'--until'")
    if order_ref is not None and not order_ref:
        raise typer.BadParameter("an order reference has at least one character", param_hint="'--order-ref'")
    return Asked(
        reasons=frozenset(reasons or ()),
        stage=stage,
        since_ms=None if since is None else milliseconds_of(since),
        until_ms=None if until is None else milliseconds_of(until),
        programmes=frozenset(programmes or ()),
        order_ref=order_ref,
    )
