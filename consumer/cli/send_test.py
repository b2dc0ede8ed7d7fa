"""`awin-consumer send-test`: one test order through the whole flow."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from consumer.cli.options import Config, Json, load

if TYPE_CHECKING:
    from rich.console import Console

    from consumer.settings import Settings
    from consumer.trial.following import Report, Step
    from consumer.trial.making import Trial

_QUESTIONS = {
    "shadow": "Mode shadow: nothing will be sent to Awin.",
    "test": "Mode test: one request with testmode=1 will go to Awin, which pays nothing for it.",
    "live": "Mode live: one request with testmode=1 will go to Awin, which pays nothing for it. "
    "The alert AwinTestModeInLive will fire for this order.",
}


def send_test(
    programme: Annotated[
        str | None, typer.Option(metavar="ID", help="Awin advertiser id.", show_default="the first that is configured")
    ] = None,
    timeout: Annotated[float, typer.Option(min=1, metavar="SECONDS", help="How long to wait for its receipt.")] = 120,
    config: Config = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Write a landing and a test order to the input topics, and follow the order to its receipt.

    Visitor, click and order are made up. The order says test, so Awin pays nothing in any mode, and in shadow mode
    nothing is sent. It counts in metrics and topics as any other; the input topics must be writable. Needs a running
    consumer. Exit status 1: it did not come to its end in time, was refused, or lost its click.
    """
    from consumer.cli import output
    from consumer.trial import making
    from consumer.wiring.rulebook import rulebook

    settings = load(config)
    trial = making.make(rulebook(settings), programme, secrets.token_hex(16), time.time_ns() // 1_000_000)
    topics = settings.topics
    question = f"{_QUESTIONS[trial.mode]}\nWrite to {topics.session_landed} and {topics.order_completed}?"
    if not yes:
        typer.confirm(question, abort=True)
    console = output.console()

    def tell(step: Step) -> None:
        if not as_json:
            _print_step(step, console)

    with output.working("following the order"):
        report = _followed(settings, trial, timeout, tell)
    if as_json:
        output.print_json(report)
    else:
        _print_end(report, console)
    raise typer.Exit(0 if report.ok else 1)


def _followed(settings: Settings, trial: Trial, timeout_s: float, tell: Callable[[Step], None]) -> Report:
    from consumer.stream.schemas import Schemas
    from consumer.trial.following import Following
    from consumer.wiring import clients
    from consumer.wiring.append import Appender
    from consumer.wiring.operator import open_reader

    following = Following(
        open_reader(settings),
        Appender(settings),
        Schemas.load(settings.schemas.directory),
        settings.topics,
        (clients.group(settings, "attribute"), clients.group(settings, "deliver")),
        monotonic_s=time.monotonic,
        sleep=time.sleep,
        tell=tell,
    )
    return following.run(trial, timeout_s)


def _print_step(step: Step, console: Console) -> None:
    from rich.markup import escape

    from consumer.cli.output import place

    console.print(f"{step.after_ms / 1000:7.2f} s  [bold]{step.name:<11}[/] {escape(step.told)}", soft_wrap=True)
    console.print(f"{'':22}[dim]{place(step.at)}[/]", soft_wrap=True)


def _print_end(report: Report, console: Console) -> None:
    from rich.markup import escape

    ref = escape(report.order_ref)
    if report.ok:
        console.print(f"\n[bold green]Right:[/] order {ref} of programme {report.programme} came to its end.")
        return
    words = {
        "dead_letter": "could not be processed",
        "unlinked": "lost its click",
        "not_decided": "was not decided in time",
        "not_ended": "has no receipt yet",
    }
    console.print(f"\n[bold red]Wrong:[/] order {ref} of programme {report.programme} {words[report.state]}.")
    console.print(f"→ {escape(report.advice)}", soft_wrap=True)
