"""An explanation for people. Times are UTC."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from consumer.cli import explain_decision, explain_delivery, explain_programme, explain_record
from consumer.cli.output import pairs, place, section
from consumer.inspect.explanation import Explanation
from consumer.inspect.words import STATES, moment

_COLOURS = {"delivered": "green", "exported": "green", "dead_letter": "red", "unreceipted": "red", "unknown": "red"}
_SINCE = dict.fromkeys(("pending", "outstanding", "unreceipted", "for_export", "deferred"), "since")


def write(found: Explanation, console: Console) -> None:
    """Write everything that was found, the answer first."""
    since = "" if found.since_ms is None else f", {_SINCE.get(found.state, 'on')} {moment(found.since_ms)} UTC"
    colour = _COLOURS.get(found.state, "yellow")
    of = "" if found.programme is None else f" of programme {found.programme}"
    name = escape(f"Order {found.order_ref}{of}")
    console.print(f"[bold]{name}[/]: [{colour}]{STATES[found.state]}[/]{since}")
    if found.state == "unknown":
        console.print(_unknown(found.unread_orders), soft_wrap=not console.is_terminal)
    if found.conversion is not None:
        explain_decision.write(found.conversion, found, console)
        explain_delivery.write_request(found, found.conversion.conversion, console)
    else:
        _write_undecided(found, console)
    if found.receipt is not None:
        explain_delivery.write_receipt(found.receipt, console)
    if found.refusals:
        explain_delivery.write_refusals(found.refusals, console)
    for note in found.notes:
        console.print(f"\n[yellow]note:[/] {escape(note)}")


def _write_undecided(found: Explanation, console: Console) -> None:
    """Write what is known of an order that has no conversion, or not any more."""
    waiting = found.waiting
    if waiting is not None:
        section(console, "Waiting")
        console.print(pairs([("completed", moment(waiting.completed_at_ms)), ("order record", place(waiting.source))]))
    if found.remembered is not None:
        explain_decision.write_remembered(found.remembered, console)
    if found.judgement is not None and found.order is not None:
        explain_record.write(found, found.order, console)
    if found.again is not None:
        explain_decision.write_again(found.again, found, console)
    elif found.state not in {"excluded", "before_cut_over"}:
        explain_programme.write(found, console)


def _unknown(unread_orders: int | None) -> str:
    unread = (
        f"up to {unread_orders:,} order records are still unread" if unread_orders else "all order records are read"
    )
    return (
        f"There is no conversion, dead letter, pending order or order record of this reference; {unread}. Everything "
        "expires with its topic. Is it another programme (--programme)?"
    )
