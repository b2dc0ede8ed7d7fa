"""Starts a process that is to be measured, asks it for its usage and ends it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from benchmarks.usage import Usage

STOP_TIMEOUT_S = 60.0

_decode = msgspec.json.Decoder(Usage).decode


class BenchmarkError(Exception):
    """Raised when a measured process fails, does not come to an end in time, or gives a wrong answer."""


class Measured:
    """A Python module run as a process of its own from entering to leaving the context.

    Args:
        module: run with ``python -m``; answers as `benchmarks.usage` says.
        arguments: its command line.
        log: what it writes to standard error.
    """

    def __init__(self, module: str, arguments: Sequence[str], log: Path) -> None:
        self._command = [sys.executable, "-m", module, *arguments]
        self._log = log

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._process.communicate(timeout=STOP_TIMEOUT_S)  # closes its standard input
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        if kind is None and self._process.returncode != 0:
            raise self._failed()

    def usage(self) -> Usage:
        """Return what it has used so far.

        Raises:
            BenchmarkError: it has ended.
        """
        asked, answers = self._process.stdin, self._process.stdout
        assert asked is not None
        assert answers is not None
        try:
            asked.write("\n")
            asked.flush()
            line = answers.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise self._failed()
        return _decode(line)

    def _failed(self) -> BenchmarkError:
        tail = self._log.read_text(encoding="utf-8", errors="replace")[-2_000:]
        return BenchmarkError(f"{self._command[2]} ended by itself, or not as it should:\n{tail}")
