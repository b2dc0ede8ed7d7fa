"""Dead letters for people. Times are UTC."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from consumer.cli.output import table
from consumer.inspect.words import moment
from consumer.letters import place
from consumer.letters.listing import Listed, Listing


def write_listing(found: Listing, console: Console) -> None:
    """Write counts, then the newest letters."""
    if found.letters:
        _write_counts(found, console)
    else:
        console.print("There are no such dead letters.")
    if found.newest:
        newest = f", the newest {len(found.newest):,}" if len(found.newest) < found.letters else ""
        console.print(f"\n[bold]Letters{newest}[/]")
        columns = ("refused", "letter", "stage", "reason", "programme", "order", "replayed")
        console.print(table(columns, map(_row, found.newest), whole=columns[:2]))
        console.print("\nMore about one: awin-consumer dead-letters show LETTER")
    if found.unreadable:
        console.print(f"\n[yellow]note:[/] {found.unreadable:,} records are no dead letters that this release can read")


def _write_counts(found: Listing, console: Console) -> None:
    replayed = f", of which {found.replayed:,} were replayed" if found.replayed else ""
    console.print(f"[bold]{found.letters:,} dead letters[/]{replayed}\n")
    counts = ("letters", "replayed")
    reasons = [(each.stage, escape(each.reason), each.letters, each.replayed) for each in found.by_reason]
    console.print(table(("stage", "reason", *counts), reasons, numbers=counts))
    console.print()
    programmes = [(escape(each.programme or "not known"), each.letters, each.replayed) for each in found.by_programme]
    console.print(table(("programme", *counts), programmes, numbers=counts))


def _row(letter: Listed) -> tuple[str, ...]:
    field = f" ({letter.field})" if letter.field else ""
    return (
        moment(letter.failed_at_ms // 1000 * 1000),
        place.written(letter.at),
        letter.stage,
        escape(letter.reason + field) + (", [dim]truncated[/]" if letter.truncated else ""),
        escape(letter.programme or ""),
        escape(letter.order_ref or ""),
        _fate(letter),
    )


def _fate(letter: Listed) -> str:
    if letter.replayed is None:
        return ""
    at = moment(letter.replayed.replayed_at_ms // 1000 * 1000)
    again = letter.replayed.again
    return at if again is None else f"{at}, became {place.written(again)}"
