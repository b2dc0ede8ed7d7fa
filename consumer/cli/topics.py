"""`awin-consumer topics`: making and checking the topics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from consumer.cli.options import Config, Json, load

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

    from consumer.settings import Settings
    from consumer.stream.topic_check import Finding

app = typer.Typer(no_args_is_help=True, help="Create and check the topics.")

_CLIENT_ID = "awin-consumer-topics"


@app.command()
def create(
    inputs: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Also create the two input topics, with N partitions, to try things out."
        ),
    ] = None,
    config: Config = None,
    *,
    as_json: Json = False,
) -> None:
    """Create those of our topics that do not exist yet, with as many partitions as the inputs."""
    from consumer.cli import output
    from consumer.stream import topics
    from consumer.wiring import topics as wiring

    settings = load(config)
    admin = _admin(settings)
    wiring.check_replication(admin, settings)
    plan = wiring.plan(settings)
    wanted = list(wiring.inputs(settings, inputs)) if inputs is not None else []
    created = topics.create(admin, wanted) if wanted else []
    names = (plan.session_landed, plan.order_completed)
    partitions = topics.copartitioned(topics.describe(admin, names), names)
    ours = topics.owned(plan, partitions)
    created += topics.create(admin, ours)
    existed = [spec.name for spec in (*wanted, *ours) if spec.name not in created]
    if as_json:
        output.print_json({"created": created, "existed": existed})
        return
    rows = [
        (spec.name, spec.partitions, spec.replication, "created" if spec.name in created else "exists already")
        for spec in (*wanted, *ours)
    ]
    console = output.console()
    console.print(output.table(("topic", "partitions", "replicas", ""), rows, numbers=("partitions", "replicas")))
    if existed:
        console.print("\nWhether those that exist are as they must be: awin-consumer topics check")


@app.command()
def check(config: Config = None, *, as_json: Json = False) -> None:
    """Compare the topics with what they must be like; exit 1 when something is wrong."""
    from consumer.cli import output
    from consumer.stream import topic_check, topics
    from consumer.wiring.topics import plan

    settings = load(config)
    admin = _admin(settings)
    wanted = plan(settings)
    findings = topic_check.check(admin, wanted)
    ok = all(each.severity != "error" for each in findings)
    names = (wanted.session_landed, wanted.order_completed, *(spec.name for spec in topics.owned(wanted, 1)))
    if as_json:
        output.print_json({"ok": ok, "findings": findings})
    else:
        facts = topics.describe(admin, names)
        _print(findings, [(name, facts[name].partitions) for name in names if name in facts])
    raise typer.Exit(0 if ok else 1)


def _print(findings: list[Finding], found: list[tuple[str, int]]) -> None:
    from rich.markup import escape

    from consumer.cli import output

    rows = [(each.topic, each.setting, each.found, each.wanted, output.verdict(each.severity)) for each in findings]
    wrong = {each.topic for each in findings}
    rows += [
        (name, "partitions", f"{partitions:,}", "", output.verdict("ok"))
        for name, partitions in found
        if name not in wrong
    ]
    console = output.console()
    console.print(output.table(("topic", "what", "found", "wanted", "verdict"), rows))
    if findings:
        console.print("\n[bold]What to do[/]")
    for each in findings:
        # Whole lines, so that commands can be copied.
        console.print(f"[dim]{each.topic}, {each.setting}:[/] {escape(each.advice)}", soft_wrap=True)


def _admin(settings: Settings) -> AdminClient:
    from consumer.stream.properties import open_admin
    from consumer.wiring.clients import connection

    return open_admin(connection(settings), _CLIENT_ID)
