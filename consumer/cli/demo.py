"""`awin-consumer demo`: everything on this machine, with a check at the end."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

if TYPE_CHECKING:
    from consumer.demo.summary import Summary


def demo(
    seconds: Annotated[float, typer.Option(min=1, help="How long the shop is open.")] = 60,
    rate: Annotated[float, typer.Option(min=1, max=5_000, help="Landings and orders per second.")] = 200,
    seed: Annotated[int, typer.Option(help="The same seed makes the same shop.")] = 1,
    bootstrap: Annotated[
        str | None, typer.Option(help="Use this broker (host:port) instead of an own one; topics get a prefix.")
    ] = None,
    ops_port: Annotated[int, typer.Option(help="Port of metrics and health; 0 picks a free one.")] = 0,
    prometheus: Annotated[  # noqa: FBT002
        bool, typer.Option("--prometheus", help="Have a real Prometheus scrape it; keep it longer with --seconds.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object at the end.")] = False,  # noqa: FBT002
) -> None:
    """Run a real Kafka, a stand-in Awin, a synthetic shop and both stages, and check the result."""
    from rich.console import Console

    from consumer.demo.run import run_demo
    from consumer.ops import logs

    logs.configure("error")
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    summary = run_demo(
        seconds=seconds,
        rate=rate,
        seed=seed,
        bootstrap_servers=bootstrap,
        console=console,
        ops_port=ops_port,
        prometheus=prometheus,
    )
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(summary) + b"\n")
    else:
        _print(summary)
    raise typer.Exit(0 if summary.is_right() else 1)


def _print(summary: Summary) -> None:
    """Print the summary as a table and the verdict as a line."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    table = Table.grid(padding=(0, 2))
    for name, value in msgspec.structs.asdict(summary).items():
        if name == "latency_ms":
            table.add_row("order → Awin", f"p50 {value.p50:,} ms, p99 {value.p99:,} ms after it could be decided")
        else:
            table.add_row(name.replace("_", " "), f"{value:,}")
    console.print(table)
    if summary.is_right():
        console.print("[bold green]Right:[/] every order was reported once, and as the reference says.")
    else:
        console.print("[bold red]Wrong:[/] something was lost, repeated or different; see above.")
