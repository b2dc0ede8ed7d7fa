"""`awin-consumer dead-letters`: records that could not be processed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from consumer.cli.options import Config, Json, load, milliseconds_of, moment

if TYPE_CHECKING:
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
