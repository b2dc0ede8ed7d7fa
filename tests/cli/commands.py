"""Running commands as a shell would, in this process."""

from __future__ import annotations

import json
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any, NamedTuple

from consumer.cli import main


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
