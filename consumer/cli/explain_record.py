"""What is told of an order by its record, most of all of one that left nothing else. Times are UTC."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape

from consumer.cli import explain_programme
from consumer.cli.output import pairs, place, section
from consumer.events import OrderCompleted
from consumer.inspect.explanation import Explanation
from consumer.inspect.traces import Judgement, OrderFound
from consumer.inspect.words import moment


def write(found: Explanation, order: OrderFound, console: Console) -> None:
    """Write an order that left no trace, and why."""
    if found.state == "excluded" and found.excluded_by is not None:
        explain_programme.write_exclusion(found.excluded_by, console)
    section(console, "Order")
    console.print(pairs(_rows(found, order)))
    if found.state == "untraced" and found.judgement is not None:
        console.print(_untraced(found.judgement), soft_wrap=not console.is_terminal)


def facts(order: OrderCompleted) -> str:
    """Return what an order says of itself, in a line."""
    return escape(", ".join(_facts(order)))


def _rows(found: Explanation, order: OrderFound) -> Iterator[tuple[str, str]]:
    yield "completed", moment(order.order.completed_at_ms)
    cut_over_ms = None if found.judgement is None else found.judgement.cut_over_ms
    if found.state == "before_cut_over" and cut_over_ms is not None:
        yield "cut-over", f"{moment(cut_over_ms)}: orders completed before are not ours to report"
    yield "order", facts(order.order)
    yield "order record", f"{place(order.at)}, {moment(order.recorded_at_ms)}"
    if found.other_records:
        yield "other records", f"{found.other_records:,} more have this reference; this one is the newest"


def _untraced(judgement: Judgement) -> str:
    if judgement.ending == "refused":
        return escape(
            f"By the settings as they are it is refused: {judgement.message}. Its dead letter has expired, or was not "
            "among those read (--deep)."
        )
    return (
        "By the settings as they are it is accepted. What state remembered of it has expired, or was not among what "
        "was read (--deep); or the settings have changed since, and it was excluded or refused."
    )


def _facts(order: OrderCompleted) -> Iterator[str]:
    yield order.order_id
    yield "of a visitor" if order.visitor_id else "without visitor"
    for name, value in (("market", order.market), ("channel", order.channel), ("customer", order.customer_type)):
        if value:
            yield f"{name} {value}"
    if order.voucher_codes:
        yield f"vouchers {' '.join(order.voucher_codes)}"
    if order.test:
        yield "a test"
