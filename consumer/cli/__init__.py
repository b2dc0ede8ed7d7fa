"""The command line: one module per command, each of which parses, calls and prints.

Modules that take long to load are imported inside the commands, so that ``--help`` and ``--version`` are quick.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Annotated

import typer
from msgspec import Struct

from consumer import __version__
from consumer.cli import (
    audit,
    check,
    dead_letters,
    demo,
    demo_parts,
    explain,
    export_offline,
    forget,
    log_events,
    metrics,
    programmes,
    receipts,
    run,
    send_test,
    settings,
    simulate,
    topics,
)
from consumer.errors import ConsumerError

__all__ = ["app", "main"]


class _Invocation(Struct):
    """What was asked of the program as a whole."""

    debug: bool


app = typer.Typer(
    name="awin-consumer",
    help="Reads sessions and orders from Kafka, attributes each order to its last click and reports it to Awin.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
app.command()(run.run)
app.command()(check.check)
app.command()(send_test.send_test)
app.add_typer(topics.app, name="topics")
app.add_typer(programmes.app, name="programmes")
app.command()(explain.explain)
app.command()(audit.audit)
app.command()(simulate.simulate)
app.command()(receipts.receipts)
app.add_typer(dead_letters.app, name="dead-letters")
app.command()(export_offline.export_offline)
app.command()(forget.forget)
app.command()(metrics.metrics)
app.command()(log_events.log_events)
app.add_typer(settings.app, name="settings")
app.command()(demo.demo)
app.command(hidden=True)(demo_parts.demo_awin)
app.command(hidden=True)(demo_parts.demo_shop)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and leave with its exit code; without ``arguments``, those of the process.

    An error that we know is one line on stderr and exit code 1; Ctrl-C is exit code 130.
    """
    invocation = _Invocation(debug=os.environ.get("AWIN_DEBUG", "") not in {"", "0"})
    try:
        app(args=arguments, prog_name="awin-consumer", obj=invocation)
    except ConsumerError as error:
        if invocation.debug:
            raise
        from consumer.cli.output import print_error

        print_error(str(error))
        raise SystemExit(1) from None


def _print_version(wanted: bool) -> None:  # noqa: FBT001  # typer calls it so
    if wanted:
        typer.echo(f"awin-consumer {__version__}")
        raise typer.Exit


@app.callback()
def _program(
    context: typer.Context,
    *,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show where an error comes from (also: AWIN_DEBUG=1).")
    ] = False,
    version: Annotated[  # noqa: ARG001  # its callback has done the work
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if debug:
        context.obj.debug = True
