"""What was sent, for people and for spreadsheets. Times are UTC."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from consumer import money
from consumer.cli.output import table
from consumer.events import Part
from consumer.inspect.sent_list import Sent, SentReport, Total
from consumer.inspect.words import moment
from consumer.spreadsheet import neutral

COLUMNS = (
    *("programme", "order_ref", "completed_at", "ending", "reason", "mode", "method", "finished_at", "attempts"),
    *("unknown_attempts", "possible_repeat", "repeats", "http_status", "amount", "currency", "channel", "parts"),
    *("checksums", "voucher"),
)
"""Of the file."""


def write(report: SentReport, csv: Path | None, console: Console) -> None:
    """Write totals, then the newest."""
    if not report.receipts:
        console.print("Nothing was sent in this time.")
    else:
        columns = ("programme", "ending", "currency", "orders", "value")
        console.print(table(columns, map(_total, report.totals), numbers=columns[3:]))
    if report.newest:
        newest = f", the newest {len(report.newest):,}" if len(report.newest) < report.receipts else ""
        console.print(f"\n[bold]Orders{newest}[/]")
        shown = ("finished", "programme", "order", "ending", "value", "channel", "parts", "checksums")
        console.print(table(shown, map(_row, report.newest), numbers=("value",), whole=("finished", "value")))
    if report.without_conversion:
        console.print(
            f"\n[yellow]note:[/] of {report.without_conversion:,} orders the values are not known any more: their "
            "conversions have expired (topics.outbox_retention)"
        )
    if csv is not None:
        console.print(f"\n{report.receipts:,} orders are in {escape(str(csv))}", soft_wrap=True)


def cells(sent: Sent) -> Sequence[object]:
    """Return the row of an order."""
    receipt, conversion = sent.receipt, sent.conversion
    known: tuple[object, ...] = (None,) * 6
    if conversion is not None:
        currency = conversion.currency
        known = (
            _amount(conversion.amount, currency),
            currency,
            conversion.channel,
            neutral(_parts(conversion.parts, currency)),
            ",".join(conversion.click_checksums),
            neutral(next(iter(conversion.vouchers), "")),
        )
    return (
        receipt.programme,
        neutral(receipt.order_ref),
        _time(receipt.completed_at_ms),
        receipt.ending,
        receipt.reason,
        receipt.mode,
        None if conversion is None else conversion.method,
        _time(receipt.finished_at_ms),
        receipt.attempts,
        receipt.unknown_attempts,
        int(receipt.possible_repeat),
        receipt.repeats,
        receipt.http_status,
        *known,
    )


def _total(total: Total) -> tuple[object, ...]:
    known = total.currency or "not known"
    return total.programme, total.ending, known, total.orders, _amount(total.amount, total.currency)


def _row(sent: Sent) -> tuple[str, ...]:
    receipt, conversion = sent.receipt, sent.conversion
    reason = f" ({receipt.reason})" if receipt.reason else ""
    known = ("", "", "", "")
    if conversion is not None:
        known = (
            f"{_amount(conversion.amount, conversion.currency)} {conversion.currency}",
            escape(conversion.channel),
            escape(_parts(conversion.parts, conversion.currency).replace("|", "\n")),
            "\n".join(map(escape, conversion.click_checksums)),
        )
    finished = moment(receipt.finished_at_ms // 1000 * 1000)
    return finished, receipt.programme, escape(receipt.order_ref), receipt.ending + escape(reason), *known


def _parts(parts: Sequence[Part], currency: str) -> str:
    return "|".join(f"{part.code}:{_amount(part.amount, currency)}" for part in parts)


def _amount(amount: Decimal, currency: str) -> str:
    """Write an amount with its currency's digits; with its own where these cannot express it."""
    try:
        return money.written(amount, currency) if currency else ""
    except ArithmeticError:
        return f"{amount:f}"


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
