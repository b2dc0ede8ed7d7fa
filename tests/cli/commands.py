"""Running commands as a shell would, in this process."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any, NamedTuple

import typer.main

from consumer.cli import app, main


class Ran(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def value(self) -> dict[str, Any]:
        """What it printed, as JSON: one object."""
        assert self.out, self.err
        value: dict[str, Any] = json.loads(self.out)
        return value


def understood(arguments: Sequence[str], *, lenient: bool = False) -> None:
    """Let the command line parse arguments, without running anything.

    Raises:
        Exception: there is no such command, option or argument; or, unless lenient, one is missing.
    """
    command: Any = typer.main.get_command(app)
    rest = list(arguments)
    while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        command = command.commands[rest.pop(0)]
    command.make_context("awin-consumer", rest, resilient_parsing=lenient and not rest)


def run(*arguments: object) -> Ran:
    """Run a command and return its exit code and what it printed."""
    out, err = StringIO(), StringIO()
    code: object = 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main([str(each) for each in arguments])
        except SystemExit as left:
            code = left.code
    return Ran(code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())
