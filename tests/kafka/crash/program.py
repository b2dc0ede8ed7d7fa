"""The consumer as its own process, as a supervisor has it: started, asked, signalled, killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

START_TIMEOUT_S = 60.0
_LAST_LINES = 15


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = 60.0, every_s: float = 0.05) -> None:
    """Wait for a condition, and fail with ``what`` if it does not come about."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, f"not within {timeout_s:.0f} s: {what}"
        time.sleep(every_s)


class Program:
    """One process of the consumer. Its log lines (JSON) go to a file of its own.

    Args:
        command: what to run.
        log: where its output goes.
    """

    def __init__(self, command: list[str], log: Path) -> None:
        self.log = log
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWIN_")}
        environment["PYTHONFAULTHANDLER"] = "1"
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=environment
            )

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def output(self) -> str:
        """Return all that it wrote."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def told(self, event: str) -> list[Mapping[str, Any]]:
        """Return its log entries of one kind, whole ones only."""
        entries = []
        for line in self.output().splitlines():
            if f'"{event}"' in line and line.endswith("}"):
                entry = json.loads(line)
                if entry["event"] == event:
                    entries.append(entry)
        return entries

    def activations(self) -> int:
        """Return how many times a partition became active, in whichever stage."""
        return len(self.told("attribute.opened")) + len(self.told("deliver.opened"))

    def wait_for(self, condition: Callable[[], bool], what: str, timeout_s: float = START_TIMEOUT_S) -> None:
        """Wait until something holds of it; fail if it ends before."""

        def holds() -> bool:
            if condition():
                return True
            assert self.running, f"it ended with {self._process.returncode} before: {what}\n{self.tail()}"
            return False

        try:
            wait_until(holds, what, timeout_s)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.tail()}") from None

    def wait_active(self, partitions: int = 1) -> None:
        """Wait until so many partitions have become active in it."""
        self.wait_for(lambda: self.activations() >= partitions, f"{partitions} active partitions")

    def wait_ready(self) -> None:
        """Wait until it says that it works on its partitions."""
        self.wait_for(lambda: self.get("/readyz") == 200, "readiness")

    def get(self, path: str) -> int:
        """Return the status of a page of its ops port; 0 when nobody answers."""
        return self.page(path)[0]

    def page(self, path: str) -> tuple[int, str]:
        """Return the status and the text of a page of its ops port; 0 when nobody answers."""
        started = self.told("service.started")
        if not started:
            return 0, ""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{started[0]['ops_port']}{path}", timeout=10) as answer:
                return int(answer.status), answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()
        except OSError:
            return 0, ""

    def terminate(self) -> None:
        """Ask it to stop; does not wait."""
        self._process.send_signal(signal.SIGTERM)

    def end(self, timeout_s: float = 30.0) -> int:
        """Wait for its end and return its exit code, negative for the signal that ended it."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not end within {timeout_s:.0f} s\n{self.tail()}") from None

    def kill(self) -> None:
        """End it as a crash would; a stopped one, too. No-op when it has ended."""
        self._process.kill()
        self._process.wait()

    def send(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def suspend(self) -> None:
        """Stop its clock: none of its threads runs until `resume`."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it run on."""
        self._process.send_signal(signal.SIGCONT)

    def stacks(self) -> str:
        """End it with a look at what each of its threads was doing, for a message."""
        known = len(self.output())
        if self.running:
            self._process.send_signal(signal.SIGABRT)
            self._process.wait()
        return self.output()[known:]

    def tail(self) -> str:
        """Return the last lines of its output, for a message."""
        return "\n".join([*self.output().splitlines()[-_LAST_LINES:], f"(from {self.log})"])


def consumer_command(config: Path, role: str | None) -> list[str]:
    """Return the command line of ``awin-consumer run``."""
    program = [sys.executable, "-c", "from consumer.cli import main; main()"]
    return [*program, "run", "--config", str(config), *(["--role", role] if role else [])]
