"""An explanation for people."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape

from consumer import money
from consumer.cli.output import pairs, table
from consumer.events import Conversion, Evidence, Position, Receipt
from consumer.inspect.explanation import Decided, Explanation, Refusal
from consumer.inspect.words import OUTCOMES, REASONS, STATES, VERDICTS, length, moment

_COLOURS = {"delivered": "green", "exported": "green", "dead_letter": "red", "unreceipted": "red", "unknown": "red"}
_SINCE = dict.fromkeys(("pending", "outstanding", "unreceipted", "for_export", "deferred"), "since")


def write(found: Explanation, console: Console) -> None:
    """Write everything that was found, the answer first. Times are UTC."""
    since = "" if found.since_ms is None else f", {_SINCE.get(found.state, 'on')} {moment(found.since_ms)} UTC"
    colour = _COLOURS.get(found.state, "yellow")
    name = escape(f"Order {found.order_ref} of programme {found.programme}")
    console.print(f"[bold]{name}[/]: [{colour}]{STATES[found.state]}[/]{since}")
    if found.state == "unknown":
        console.print(_unknown(found.unread_orders), soft_wrap=not console.is_terminal)
    if found.waiting is not None:
        _section(console, "Waiting")
        console.print(
            pairs([("completed", moment(found.waiting.completed_at_ms)), _order_record(found.waiting.source)])
        )
    if found.remembered is not None:
        _section(console, "Decision")
        checksums = ", ".join(found.remembered.click_checksums) or "none"
        rows = [("channel", found.remembered.channel), ("checksums", checksums)]
        rows.append(("completed", moment(found.remembered.completed_at_ms)))
        console.print(pairs([*rows, _order_record(found.remembered.source)]))
    if found.conversion is not None:
        _write_decision(found.conversion, found, console)
    if found.receipt is not None:
        _section(console, "Delivery")
        console.print(pairs(_delivery(found.receipt)))
    if found.refusals:
        _section(console, "Dead letters")
        for each in found.refusals:
            console.print(pairs(_refusal(each)))
    for note in found.notes:
        console.print(f"\n[yellow]note:[/] {escape(note)}")


def _write_decision(decided: Decided, found: Explanation, console: Console) -> None:
    conversion = decided.conversion
    _section(console, "Touches considered, the latest click first")
    if conversion.evidence:
        columns = ("landed", "age", "channel", "rule", "checksum", "verdict")
        rows = (_touch(each, conversion.completed_at_ms) for each in conversion.evidence)
        console.print(table(columns, rows, whole=("landed", "age", "channel", "rule")))
    else:
        console.print("none")
    _section(console, "Decision")
    console.print(pairs(_decision(decided, found)))
    if found.request:
        _section(console, "Request" if conversion.mode != "shadow" else "Request (not sent: shadow)")
        console.print(pairs((name, escape(value)) for name, value in found.request.items()))


def _section(console: Console, title: str) -> None:
    console.print(f"\n[bold]{title}[/]")


def _touch(touch: Evidence, completed_at_ms: int) -> tuple[str, ...]:
    """Describe a touch; its age is that of the click, by which touches are ranked."""
    return (
        moment(touch.landed_at_ms) if touch.session_offset is not None else "with the order",
        length(completed_at_ms - touch.clicked_at_ms),
        touch.channel or "none",
        touch.rule or "",
        touch.awc or "",
        VERDICTS.get(touch.verdict, touch.verdict),
    )


def _decision(decided: Decided, found: Explanation) -> Iterator[tuple[str, str]]:
    conversion = decided.conversion
    yield "channel", f"{conversion.channel}: {REASONS.get(conversion.reason, conversion.reason)}"
    yield "checksums", ", ".join(conversion.click_checksums) or "none"
    yield "amount", _amount(conversion)
    yield "completed", moment(conversion.completed_at_ms)
    yield "decided", f"{moment(decided.decided_at_ms)}, {_when(conversion)}"
    yield "mode", f"{conversion.mode} ({conversion.method})" + (", marked as a test" if conversion.test else "")
    yield _order_record(conversion.source)
    yield "conversion", _place(decided.at)
    if found.repeats:
        yield "repeats", ", ".join(map(_place, found.repeats))


def _amount(conversion: Conversion) -> str:
    currency = conversion.currency
    parts = ", ".join(f"{part.code} {money.written(part.amount, currency)}" for part in conversion.parts)
    return escape(f"{money.written(conversion.amount, currency)} {currency} ({parts})")


def _when(conversion: Conversion) -> str:
    if conversion.session_cut is not None:
        return f"by force on a quiet partition, having read its sessions to offset {conversion.session_cut:,}"
    if conversion.decidable_at_ms == conversion.completed_at_ms:
        return "at once: the order has no visitor, or no grace"
    waited = length(conversion.decidable_at_ms - conversion.completed_at_ms)
    return f"when the sessions' watermark was {waited} past the order"


def _delivery(receipt: Receipt) -> Iterator[tuple[str, str]]:
    yield "ending", receipt.ending.replace("_", " ") + (f": {receipt.reason}" if receipt.reason else "")
    yield "finished", moment(receipt.finished_at_ms)
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
    yield "dead letter", _place(refusal.at)


def _order_record(source: Position) -> tuple[str, str]:
    return "order record", _place(source)


def _place(at: Position) -> str:
    return escape(f"{at.topic}[{at.partition}] at offset {at.offset}")


def _unknown(unread_orders: int | None) -> str:
    unread = (
        f"up to {unread_orders:,} order records are still unread" if unread_orders else "all order records are read"
    )
    return (
        f"There is no conversion, dead letter or pending order of this reference; {unread}. An order completed before "
        "the cut-over leaves no trace, and everything expires with its topic. Is it another programme (--programme)?"
    )
