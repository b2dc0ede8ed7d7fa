"""A simulation's report for people."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from consumer import money
from consumer.cli.output import section, table
from consumer.inspect.words import moment
from consumer.simulation.decision import Decision
from consumer.simulation.report import CHANGES, NOT_COMPARED, Change, Movement, Report, Total


def write(report: Report, csv: Path | None, console: Console) -> None:
    """Write everything, the answer first. Times are UTC."""
    until = "now" if report.to_ms is None else moment(report.to_ms)
    console.print(_answer(report) + f" [dim](completed from {moment(report.from_ms)} to {until})[/]")
    for kept in report.kept:
        if kept.since_ms is not None:
            console.print(f"[dim]{escape(kept.topic)} is there since {moment(kept.since_ms)}[/]")
    if report.totals:
        section(console, "Compared")
        columns = ("currency", "orders", "value", "would change", "their value")
        console.print(table(columns, map(_total, report.totals), numbers=columns[1:]))
    if report.movements:
        section(console, "What would move")
        columns = ("currency", "from", "to", "orders", "value")
        console.print(table(columns, map(_movement, report.movements), numbers=columns[3:]))
    if report.changes:
        newest = f", the newest {len(report.changes):,}" if len(report.changes) < report.changed else ""
        section(console, f"Orders that would change{newest}")
        _write_changes(report, console)
    left_out = list(_left_out(report))
    if left_out:
        section(console, "Not compared")
        for line in left_out:
            console.print(line)
    for note in report.notes:
        console.print(f"\n[yellow]note:[/] {escape(note)}")
    if csv is not None:
        console.print(f"\n{report.changed:,} orders are in {escape(str(csv))}", soft_wrap=True)


def _answer(report: Report) -> str:
    if not report.compared:
        return "[yellow]There are no orders to compare.[/]"
    if not report.changed:
        return f"[bold green]Nothing would change[/] in {report.compared:,} orders"
    share = report.changed / report.compared
    return f"[bold]{report.changed:,} of {report.compared:,} orders would change[/], {share:.2%}"


def _amount(amount: Decimal, currency: str) -> str:
    return f"{Decimal(money.written(amount, currency)):,}"


def _total(total: Total) -> tuple[object, ...]:
    currency = total.currency
    amounts = _amount(total.amount, currency), _amount(total.changed_amount, currency)
    return currency, total.orders, amounts[0], total.changed_orders, amounts[1]


def _movement(movement: Movement) -> tuple[object, ...]:
    to = _channel(movement.after)
    if movement.what:
        to += f", {' and '.join(CHANGES[each] for each in movement.what)}"
    amount = _amount(movement.amount, movement.currency)
    return movement.currency, _channel(movement.before), to, movement.orders, amount


def _write_changes(report: Report, console: Console) -> None:
    columns = ("completed", "order", "value", "before", "after")
    rows = (
        (
            moment(change.completed_at_ms // 1000 * 1000),
            escape(change.order_ref),
            f"{_amount(change.amount, change.currency)} {change.currency}",
            _side(change, change.before, ""),
            _side(change, change.after, change.why_not),
        )
        for change in report.changes
    )
    console.print(table(columns, rows, numbers=("value",), whole=("completed", "value")))


def _side(change: Change, decision: Decision | None, why_not: str) -> str:
    """Say of one side what differs, a thing a line."""
    if decision is None:
        return "not reported" + (f" ({why_not})" if why_not else "")
    lines = [decision.channel]
    if "programme" in change.what:
        lines[0] += f" of {decision.programme}"
    if "checksums" in change.what:
        lines += decision.click_checksums or ["no checksum"]
    if "parts" in change.what:
        lines += [f"{part.code} {_amount(part.amount, change.currency)}" for part in decision.parts]
    return escape("\n".join(lines))


def _channel(channel: str | None) -> str:
    return "not reported" if channel is None else channel


def _left_out(report: Report) -> Iterator[str]:
    for why, count in report.not_compared.items():
        yield f"{count:>9,}  {NOT_COMPARED[why]}"
    if report.unreported:
        yield f"{report.unreported:>9,}  neither reported nor to be reported: refused, excluded, repeated"
