"""Dead letters for people. Times are UTC."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
from rich.console import Console
from rich.markup import escape

from consumer.cli.output import pairs, table
from consumer.events import Position, Receipt
from consumer.inspect.words import STATES, moment
from consumer.letters import place
from consumer.letters.book import Fate
from consumer.letters.judgement import NOTES, REFUSED
from consumer.letters.listing import Listed, Listing
from consumer.letters.replay import Judged
from consumer.letters.single import Content, Single

_SHOWN_CHARACTERS = 4_000
"""Of a value that cannot be decoded; `--out` has all of it."""


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
    reasons = [(each.stage, _plain(each.reason), each.letters, each.replayed) for each in found.by_reason]
    console.print(table(("stage", "reason", *counts), reasons, numbers=counts))
    console.print()
    programmes = [(_plain(each.programme or "not known"), each.letters, each.replayed) for each in found.by_programme]
    console.print(table(("programme", *counts), programmes, numbers=counts))


def write_single(found: Single, console: Console) -> None:
    """Write everything about a letter, the reason first."""
    field = f", field {found.field}" if found.field else ""
    console.print(f"[bold]{_plain(found.reason)}[/]{_plain(field)}: {escape(found.advice.means)}")
    console.print(pairs(_facts(found)))
    console.print(f"\n[bold]Record[/], {_at(found.source)}")
    console.print(pairs(_record(found.record, found)))
    record = found.record
    if record.decoded is not None:
        text = msgspec.json.format(msgspec.json.encode(record.decoded), indent=2).decode()
        console.print(escape(text), soft_wrap=True)
    elif record.value is not None:
        more = len(record.value) - _SHOWN_CHARACTERS
        console.print(escape(record.value[:_SHOWN_CHARACTERS]), soft_wrap=True)
        if more > 0:
            console.print(f"[dim]and {more:,} characters more: --out FILE writes all of it[/]")


def write_plan(judged: Judged, console: Console) -> None:
    """Write what would be replayed and what not."""
    count = sum(judged.replayed.values())
    if count:
        console.print(f"[bold]{count:,} records would be appended again[/]")
    _write_judged(judged, console)


def write_replayed(judged: Judged, console: Console) -> None:
    """Write what was replayed and what not."""
    count = sum(judged.replayed.values())
    if count:
        console.print(f"[bold green]{count:,} records were appended again[/], for the stages to read")
    _write_judged(judged, console)


def _write_judged(judged: Judged, console: Console) -> None:
    if judged.replayed:
        rows = [(_plain(reason), count) for reason, count in judged.replayed.items()]
        console.print(table(("reason", "letters"), rows, numbers=("letters",)))
    elif judged.refused:
        console.print("Nothing to replay.")
    else:
        console.print("There are no such dead letters.")
    _counts("Of these", judged.notes, NOTES, console)
    _counts("Not replayed", judged.refused, REFUSED, console)


def _counts(title: str, counts: Mapping[str, int], meanings: Mapping[str, str], console: Console) -> None:
    if counts:
        console.print(f"\n[bold]{title}[/]")
        console.print(pairs((f"{count:,}", meanings[name]) for name, count in counts.items()))


def _facts(found: Single) -> Iterator[tuple[str, str]]:
    yield "message", _plain(found.message)
    yield "what to do", escape(found.advice.do)
    yield "refused", f"{moment(found.failed_at_ms)} by {found.stage}"
    if found.order_ref is not None:
        of = "" if found.programme is None else f" of programme {found.programme}"
        yield "order", _plain(found.order_ref + of)
    yield "dead letter", _at(found.at)
    yield "replayed", "no" if found.replayed is None else _fate(found.replayed)
    if found.receipt is not None:
        yield "the order", _receipt(found.receipt)
    if found.others:
        yield "further letters", ", ".join(map(place.written, found.others))


def _receipt(receipt: Receipt) -> str:
    reason = f" ({receipt.reason})" if receipt.reason else ""
    return f"{STATES[receipt.ending]}{escape(reason)}, {moment(receipt.finished_at_ms)}"


def _record(record: Content, found: Single) -> Iterator[tuple[str, str]]:
    yield "time", moment(found.timestamp_ms)
    yield "key", "none" if record.key is None else escape(record.key)
    for name, value in record.headers:
        yield "header", _plain(name) + ("" if value is None else escape(f": {value}"))
    kept = ", of which not all is here" if found.truncated else ""
    yield "value", f"{record.size:,} bytes{kept}, SHA-256 {record.sha256}"
    if record.why_not:
        yield "not decoded", _plain(record.why_not)


def _at(at: Position) -> str:
    return escape(f"{at.topic}[{at.partition}] at offset {at.offset}")


def _row(letter: Listed) -> tuple[str, ...]:
    field = f" ({letter.field})" if letter.field else ""
    return (
        moment(letter.failed_at_ms // 1000 * 1000),
        place.written(letter.at),
        letter.stage,
        _plain(letter.reason + field) + (", [dim]truncated[/]" if letter.truncated else ""),
        _plain(letter.programme or ""),
        _plain(letter.order_ref or ""),
        "" if letter.replayed is None else _fate(letter.replayed),
    )


def _fate(fate: Fate) -> str:
    at = moment(fate.replayed_at_ms // 1000 * 1000)
    return at if fate.again is None else f"{at}, became {place.written(fate.again)}"


def _plain(text: str) -> str:
    """Return a text from outside so that a terminal shows it and does not obey it."""
    return escape(text if text.isprintable() else text.encode("unicode_escape").decode("ascii"))
