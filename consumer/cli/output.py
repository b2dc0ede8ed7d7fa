"""How commands print: tables and sentences for people, one JSON value for programs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

import msgspec
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from consumer.events import Position

_PIPE_WIDTH = 200
"""Columns when nobody sees the output: wide enough that lines stay whole for grep and diff."""

_COLOURS = {
    "ok": "green",
    "warn": "yellow",
    "warning": "yellow",
    "fail": "bold red",
    "error": "bold red",
    "skipped": "dim",
}


def console() -> Console:
    """Return where results go; without colours when that is no terminal."""
    return _console(stderr=False)


def error_console() -> Console:
    """Return where errors and progress go."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    is_terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(stderr=stderr, highlight=False, width=None if is_terminal else _PIPE_WIDTH)


def print_json(value: object) -> None:
    """Print one JSON value, indented."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2)
    sys.stdout.write(text.decode() + "\n")


def print_error(text: str) -> None:
    """Print what went wrong to stderr; its first line says it, further ones belong to it."""
    error_console().print(f"[bold red]error:[/] [red]{escape(text)}[/]", soft_wrap=True)


def section(console: Console, title: str) -> None:
    """Write the title of a section."""
    console.print(f"\n[bold]{title}[/]")


def place(at: Position) -> str:
    """Return where a record stands, for a table."""
    return escape(f"{at.topic}[{at.partition}] at offset {at.offset}")


def table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: Sequence[str] = (), whole: Sequence[str] = ()
) -> Table:
    """Return a table; of ``columns`` those in ``numbers`` are right-aligned, and those in ``whole`` never wrapped."""
    made = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, header_style="bold")
    for name in columns:
        made.add_column(name, justify="right" if name in numbers else "left", overflow="fold", no_wrap=name in whole)
    for row in rows:
        made.add_row(*(cell if isinstance(cell, str) else f"{cell:,}" for cell in row))
    return made


def pairs(rows: Iterable[tuple[str, str]]) -> Table:
    """Return names with their values, one a line."""
    made = Table.grid(padding=(0, 2))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in rows:
        made.add_row(name, value)
    return made


def verdict(word: str) -> str:
    """Return a verdict in its colour."""
    return f"[{_COLOURS.get(word, 'default')}]{word}[/]"


def working(text: str) -> AbstractContextManager[object]:
    """Show on a terminal that something takes a moment; nothing elsewhere."""
    shown = error_console()
    return shown.status(escape(text)) if shown.is_terminal else nullcontext()


@contextmanager
def progress(verb: str) -> Iterator[Callable[[str], None]]:
    """As `working`, and give a function that tells what is being worked on."""
    shown = error_console()
    if not shown.is_terminal:
        yield lambda _: None
        return
    with shown.status(verb) as status:
        yield lambda text: status.update(f"{verb} {escape(text)}")


@contextmanager
def progress_bar() -> Iterator[ProgressBar]:
    """Show on a terminal how far something is, and how long it will take; nothing elsewhere."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    shown = error_console()
    with Progress(*columns, console=shown, transient=True, disable=not shown.is_terminal) as progress:
        yield ProgressBar(progress)


class ProgressBar:
    """What `progress_bar` gives: told how many records there are, which are being read and how many have been."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("reading", total=0)
        self._total = 0

    @contextmanager
    def put_aside(self) -> Iterator[None]:
        """Show nothing within the ``with`` block, so that something can be asked."""
        self._progress.stop()
        yield
        self._progress.start()

    def expect(self, records: int) -> None:
        """So many more are to be read at most."""
        self._total += records
        self._progress.update(self._task, total=self._total)

    def reading(self, what: str) -> None:
        """This is being read now."""
        self._progress.update(self._task, description=f"reading {escape(what)}")

    def advance(self, records: int) -> None:
        """So many more were read, or need not be."""
        self._progress.advance(self._task, records)
