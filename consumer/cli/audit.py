"""`awin-consumer audit`: whether every order has exactly one state or ending."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import typer

from consumer.cli.options import Config, Json, load

if TYPE_CHECKING:
    from rich.console import Console

    from consumer.inspect.findings import OrderTotals, OutboxTotals, Report
    from consumer.settings import Settings


def audit(config: Config = None, *, as_json: Json = False) -> None:
    """Check that no sale is lost: every order has exactly one state or ending; exit 1 when something is wrong.

    Reads all our topics and the orders that are still there. Takes minutes for millions of orders.
    """
    from consumer.cli import output

    settings = load(config)
    with output.progress("reading") as show:
        report = _report(settings, show)
    if as_json:
        output.print_json(report)
    else:
        _print(report, output.console())
    raise typer.Exit(0 if report.ok else 1)


def _report(settings: Settings, progress: Callable[[str], None]) -> Report:
    from consumer.inspect.audit import Audit
    from consumer.inspect.kafka_reader import KafkaTopicReader
    from consumer.wiring import clients
    from consumer.wiring.rulebook import rulebook
    from consumer.wiring.schemas import open_schemas

    schemas = open_schemas(settings)
    groups = clients.group(settings, "attribute"), clients.group(settings, "deliver")
    reader = KafkaTopicReader(clients.connection(settings), f"{settings.kafka.group}-inspect")
    return Audit(reader, schemas, settings.topics, groups, rulebook(settings), progress).run()


def _print(report: Report, console: Console) -> None:
    from rich.markup import escape

    from consumer.cli.output import table
    from consumer.inspect.findings import MEANINGS

    console.print("[bold]Orders[/], by what the attribute stage counted")
    console.print(_orders(report.orders))
    console.print("\n[bold]Outbox[/], by the records that are still there")
    console.print(_outbox(report.outbox))
    for note in report.notes:
        console.print(f"\n[yellow]note:[/] {escape(note)}")
    if report.findings:
        console.print("\n[bold]What does not add up[/]")
        rows = (
            (
                each.topic,
                each.partition,
                "" if each.offset is None else str(each.offset),
                escape(each.order_ref or ""),
                escape(MEANINGS[each.what] + (f" ({each.detail})" if each.detail else "")),
            )
            for each in report.findings
        )
        console.print(table(("topic", "partition", "offset", "order", "what is wrong"), rows, numbers=("partition",)))
    console.print("\n" + _conclusion(report))


def _orders(totals: Sequence[OrderTotals]) -> object:
    from consumer.cli.output import table

    names = (
        *("read", "decided", "duplicates", "conflicts", "before_cut_over", "not_reportable"),
        *("dead_letters", "replayed", "pending", "checked"),
    )
    columns = ("partition", *(name.replace("_cut_over", " cut-over").replace("_", " ") for name in names))
    rows = [(str(each.partition), *(getattr(each, name) for name in names)) for each in totals]
    rows.append(("all", *(sum(getattr(each, name) for each in totals) for name in names)))
    return table(columns, rows, numbers=columns)


def _outbox(totals: Sequence[OutboxTotals]) -> object:
    from consumer.cli.output import table

    names = (
        *("conversions", "delivered", "exported", "shadow", "dead_letters", "replayed"),
        *("repeats", "for_export", "outstanding"),
    )
    columns = ("partition", *(name.replace("_", " ") for name in names))
    rows = [(str(each.partition), *(getattr(each, name) for name in names)) for each in totals]
    rows.append(("all", *(sum(getattr(each, name) for each in totals) for name in names)))
    return table(columns, rows, numbers=columns)


def _conclusion(report: Report) -> str:
    if not report.ok:
        more = report.findings_total - len(report.findings)
        listed = f", of which {len(report.findings):,} are listed" if more else ""
        return f"[bold red]{report.findings_total:,} things do not add up{listed}.[/]"
    if not report.orders:
        return "[yellow]Nothing to check yet: the consumer has not worked on any partition.[/]"
    compared = sum(each.compared for each in report.orders)
    records = sum(each.checked for each in report.orders)
    others = "" if compared == len(report.orders) else "; the others have moved on meanwhile, or expired in part"
    return (
        f"[bold green]Everything adds up.[/] {records:,} order records were looked at one by one; in {compared} of "
        f"{len(report.orders)} partitions their states were also held against the counts{others}."
    )
