"""What is ordered of programmes in a chaos run: by the command, as people do it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from tests.chaos.verdict import Silence

OBEYED_WITHIN_MS = 5_000
_COMMAND = (sys.executable, "-c", "from consumer.cli import main; main()")
_TRIES = 5


class Orders:
    """Pauses and resumes programmes, and remembers when nothing of them may be sent.

    Args:
        config: the settings of a member.
    """

    def __init__(self, config: Path) -> None:
        self.silences: list[Silence] = []
        self._config = config
        self._paused_ms: dict[str, int] = {}

    def pause(self, programme: str) -> None:
        """Pause a programme."""
        self._order("pause", programme)
        self._paused_ms[programme] = _now_ms()

    def resume(self, programme: str) -> None:
        """Resume a programme, whatever stopped it."""
        paused_ms = self._paused_ms.pop(programme, None)
        if paused_ms is not None and paused_ms + OBEYED_WITHIN_MS < _now_ms():
            self.silences.append(Silence(programme, paused_ms + OBEYED_WITHIN_MS, _now_ms()))
        self._order("resume", programme)

    def stopped(self) -> list[str]:
        """Return the programmes that do not run."""
        told = json.loads(run(self._config, "programmes", "list", "--json"))
        return [row["programme"] for row in told["programmes"] if row["state"] != "running"]

    def _order(self, what: str, programme: str) -> None:
        for tries_left in reversed(range(_TRIES)):
            try:
                run(self._config, "programmes", what, programme, "--by", "chaos")
            except AssertionError:
                if not tries_left:
                    raise
            else:
                return


def run(config: Path, *command: str, codes: tuple[int, ...] = (0,)) -> str:
    """Return what a command of the product prints.

    Raises:
        AssertionError: it did not end with one of these codes.
    """
    done = subprocess.run(
        [*_COMMAND, *command, "--config", str(config)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode in codes, f"{' '.join(command)} ended with {done.returncode}: {done.stderr}"
    return done.stdout


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
