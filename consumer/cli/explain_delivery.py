"""What was asked of Awin, and what came of it, for people. Times are UTC."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.markup import escape

from consumer import money
from consumer.cli.output import pairs, place, section, table
from consumer.events import Conversion, Receipt
from consumer.inspect.explanation import Explanation
from consumer.inspect.traces import Refusal
from consumer.inspect.words import LEFT_OUT, OUTCOMES, length, moment

_ROW = "bd["


def write_request(found: Explanation, conversion: Conversion, console: Console) -> None:
    """Write the product rows and the request; nothing where none is made."""
    if conversion.products:
        section(console, "Product rows")
        columns = ("product", "name", "unit price", "quantity", "sku", "group", "category")
        rows = (
            (
                escape(each.product_id),
                escape(each.name),
                money.written(each.unit_price, conversion.currency),
                each.quantity,
                escape(each.sku),
                each.group,
                escape(each.category),
            )
            for each in conversion.products
        )
        console.print(table(columns, rows, numbers=("unit price", "quantity"), whole=("unit price", "group")))
    if found.request:
        not_sent = " (not sent: shadow)" if conversion.mode == "shadow" else ""
        section(console, f"Request{not_sent}, {len(found.url):,} characters")
        said = [(name, escape(value)) for name, value in found.request.items() if not name.startswith(_ROW)]
        rows_said = sum(name.startswith(_ROW) for name in found.request)
        if rows_said:
            said.append((f"{_ROW}0] …", f"the product rows above, {rows_said:,}"))
        if found.left_out:
            said.append(("left out", LEFT_OUT[found.left_out]))
        console.print(pairs(said))


def write_receipt(receipt: Receipt, console: Console) -> None:
    """Write what became of the conversion."""
    section(console, "Delivery")
    console.print(pairs(_delivery(receipt)))


def write_refusals(refusals: Sequence[Refusal], console: Console) -> None:
    """Write the dead letters, one after the other."""
    section(console, "Dead letters")
    for each in refusals:
        console.print(pairs(_refusal(each)))


def _delivery(receipt: Receipt) -> Iterator[tuple[str, str]]:
    yield "ending", receipt.ending.replace("_", " ") + (f": {receipt.reason}" if receipt.reason else "")
    yield "finished", f"{moment(receipt.finished_at_ms)}, {_after(receipt)} the order"
    yield "attempts", _attempts(receipt)
    if receipt.outcome is not None:
        status = "" if receipt.http_status is None else f"HTTP {receipt.http_status}, "
        yield "last answer", status + OUTCOMES.get(receipt.outcome, receipt.outcome)
    if receipt.excerpt:
        yield "file" if receipt.ending == "exported" else "it said", escape(receipt.excerpt)
    if receipt.possible_repeat:
        yield "possible repeat", "yes: a crash may have let it reach Awin before its first counted attempt"
    if receipt.repeats:
        yield "repeats", f"{receipt.repeats:,} later conversions said the same and were not sent"


def _after(receipt: Receipt) -> str:
    late_ms = receipt.finished_at_ms - receipt.completed_at_ms
    return f"{length(late_ms)} {'after' if late_ms >= 0 else 'before'}"


def _attempts(receipt: Receipt) -> str:
    first = "" if receipt.first_attempt_at_ms is None else f", the first {moment(receipt.first_attempt_at_ms)}"
    unknown = f", of which {receipt.unknown_attempts:,} with an unknown outcome" if receipt.unknown_attempts else ""
    return f"{receipt.attempts:,}{unknown}{first}"


def _refusal(refusal: Refusal) -> Iterator[tuple[str, str]]:
    field = f", field {refusal.field}" if refusal.field else ""
    yield "reason", escape(f"{refusal.reason}{field} ({refusal.stage}, {moment(refusal.failed_at_ms)})")
    yield "message", escape(refusal.message)
    if refusal.by_content:
        yield "note", "the record could not be read; its bytes hold this order reference"
    if refusal.replayed_at_ms is not None:
        yield "replayed", moment(refusal.replayed_at_ms)
    yield "dead letter", place(refusal.at)
