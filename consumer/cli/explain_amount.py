"""The arithmetic of an order's parts for people."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from rich.console import Console
from rich.markup import escape

from consumer import money
from consumer.attribution.conversion import FORGOTTEN
from consumer.cli.output import pairs, table
from consumer.events import Conversion
from consumer.inspect.arithmetic import Arithmetic, GroupShare, LineShare
from consumer.inspect.words import NOTES, WAYS


def write(conversion: Conversion, arithmetic: Arithmetic | None, console: Console) -> None:
    """Write how the amount came to its parts; without the order's record, only what they are."""
    if arithmetic is None or not arithmetic.agrees:
        console.print(pairs(_parts(conversion)))
    if arithmetic is None:
        return
    if arithmetic.lines:
        _write_lines(arithmetic, conversion.currency, console)
    if not arithmetic.agrees:
        console.print("[yellow]The settings have changed since: by them the parts would be others.[/]")
        return
    console.print(f"\n{WAYS[arithmetic.way]}" if arithmetic.lines else WAYS[arithmetic.way])
    if arithmetic.groups:
        _write_groups(arithmetic, conversion, console)
    else:
        console.print(pairs(_parts(conversion)))


def _write_lines(arithmetic: Arithmetic, currency: str, console: Console) -> None:
    columns = ("line", "product", arithmetic.field.replace("_", " "), "group", "amount")
    if arithmetic.field == "commission_group":
        columns = ("line", "product", "says", "group", "amount")
    rows: list[tuple[object, ...]] = [_line(each) for each in arithmetic.lines]
    rows.append(("", "", "", "sum of the lines", _plain(arithmetic.lines_sum)))
    is_rounded = arithmetic.subtotal != arithmetic.amount
    rounded = f" = {money.written(arithmetic.amount, currency)} {currency}" if is_rounded else f" {currency}"
    rows.append(("", "", "", "subtotal of the order", _plain(arithmetic.subtotal) + rounded))
    console.print(table(columns, rows, numbers=("line", "amount"), whole=("group", "amount")))


def _line(line: LineShare) -> tuple[object, ...]:
    value = line.value or "nothing"
    return (
        line.number,
        escape(f"{line.product_id} {line.name}".strip()),
        escape(value),
        line.group + (" (no code for it)" if line.is_unknown else ""),
        _plain(line.amount),
    )


def _write_groups(arithmetic: Arithmetic, conversion: Conversion, console: Console) -> None:
    currency = conversion.currency
    share = "share of the amount" if arithmetic.way == "pro_rata" else "its due"
    columns = ("group", "sum of its lines", share, "cut down", "rest", "part")
    rows: list[tuple[object, ...]] = [_group(each, currency) for each in arithmetic.groups]
    rows.append(("amount", "", "", "", "", f"{money.written(conversion.amount, currency)}"))
    console.print(table(columns, rows, numbers=columns[1:], whole=columns))


def _group(group: GroupShare, currency: str) -> tuple[object, ...]:
    if group.part is None:
        return group.group, _plain(group.lines_sum), "", "", "", "none"
    rest = f"+{money.written(group.rest, currency)}" if group.rest else ""
    return (
        group.group,
        _plain(group.lines_sum),
        _plain(group.share),
        money.written(group.cut, currency),
        rest,
        money.written(group.part, currency),
    )


def _parts(conversion: Conversion) -> Iterator[tuple[str, str]]:
    currency = conversion.currency
    yield "amount", f"{money.written(conversion.amount, currency)} {currency}"
    for part in conversion.parts:
        yield f"part {part.code}", money.written(part.amount, currency)
    for note in conversion.notes:
        if note != FORGOTTEN:
            yield "note", NOTES.get(note, note)


def _plain(amount: Decimal) -> str:
    """Write an amount as it came, at least with two decimals, without an exponent and without zeros at its end."""
    text = f"{amount:f}"
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals.rstrip('0'):0<2}" if decimals else text
