"""The processes of the product in a chaos run: members of both stages, kept running as Kubernetes would."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from consumer.wiring.clients import Role
from tests.kafka.crash.program import Program

MEMBERS = ("attribute-a", "attribute-b", "deliver-a", "deliver-b")
PARTITIONS_EACH = 2
END_TIMEOUT_S = 20.0
"""Longer than the drain budget and a commit that finds no broker."""
MOST_RESTARTS = 40
EXPECTED_FAILURES = frozenset({"Fenced"})
"""What a stage may end by: it cannot know whether a commit was carried out, and finds out when it is started again."""


class Starter(Protocol):
    """Starts processes; see `tests.kafka.crash.scenario.Scenario`."""

    def start(self, role: Role | None, member: str = "a") -> Program: ...

    def state_folder(self, member: str = "a") -> Path: ...


class End(NamedTuple):
    """A process has ended, by us or by itself."""

    member: str
    at_ms: int
    is_death: bool
    """Nothing could be finished in order."""
    error: str
    """What it said that it failed with; empty when it was killed or stopped in order."""


class Fleet:
    """Starts, breaks and watches members, each on a state folder of its own. Belongs to one thread.

    Args:
        starter: starts them.
        say: told of what happens unasked.
        end_timeout_s: how long one that is asked to stop may take.
    """

    def __init__(self, starter: Starter, say: Callable[[str], object], *, end_timeout_s: float = END_TIMEOUT_S) -> None:
        self.ends: list[End] = []
        self._starter = starter
        self._end_timeout_s = end_timeout_s
        self._say = say
        self._programs: dict[str, Program] = {}
        self._every: list[tuple[str, Program]] = []
        self._asked: set[str] = set()
        self._suspended: set[str] = set()

    def open(self) -> None:
        """Start the members and wait until each works on its share of the partitions."""
        for member in MEMBERS:
            self.start(member)
        for member in MEMBERS:
            self._programs[member].wait_active(PARTITIONS_EACH)

    def start(self, member: str) -> None:
        """Start a member, unless it runs."""
        if member not in self._programs or not self._programs[member].running:
            role: Role = "attribute" if member.startswith("attribute") else "deliver"
            self._programs[member] = self._starter.start(role, member)
            self._every.append((member, self._programs[member]))
        self._asked.discard(member)

    def kill(self, member: str) -> None:
        """End a member as a crash would, and leave it so."""
        self._note_if_ended(member)
        if member not in self._asked:
            self._asked.add(member)
            self._programs[member].kill()
            self._suspended.discard(member)
            self.ends.append(End(member, _now_ms(), is_death=True, error=""))

    def terminate(self, member: str) -> None:
        """Ask a member to stop, and leave it so; does not wait."""
        self._note_if_ended(member)
        if member not in self._asked:
            self._asked.add(member)
            self._programs[member].terminate()

    def wait_ended(self, member: str) -> None:
        """Wait for the end of a member that was asked to stop; one that does not end is a failure of its own."""
        program = self._programs[member]
        try:
            code = program.end(self._end_timeout_s)
        except AssertionError:
            program.kill()
            self._failed(member, f"did not end within {self._end_timeout_s:.0f} s of SIGTERM")
            return
        if code == 0 or (code == -signal.SIGTERM and not program.told("service.started")):
            self.ends.append(End(member, _now_ms(), is_death=False, error=""))
        else:
            self._failed(member, _error_of(program) or f"ended with {code} on SIGTERM")

    def suspend(self, member: str) -> None:
        """Stop a member's clock."""
        self._note_if_ended(member)
        if member not in self._asked:
            self._suspended.add(member)
            self._programs[member].suspend()

    def resume(self, member: str) -> None:
        """Let it run on."""
        if member in self._suspended:
            self._suspended.discard(member)
            self._programs[member].resume()

    def tend(self) -> None:
        """Start again what has ended unasked."""
        for member in list(self._programs):
            self._note_if_ended(member)

    def state_folder(self, member: str) -> Path:
        """Return where a member keeps its state."""
        return self._starter.state_folder(member)

    def metrics(self) -> Iterator[tuple[str, str]]:
        """Yield what each member tells on its ops port."""
        for member, program in self._programs.items():
            if program.running and member not in self._suspended:
                yield member, program.page("/metrics")[1]

    def close(self) -> None:
        """Stop everybody in order."""
        self.tend()
        running = [member for member, program in self._programs.items() if program.running]
        for member in running:
            self.resume(member)
            self.terminate(member)
        for member in running:
            self.wait_ended(member)

    def outputs(self) -> Iterator[tuple[str, str]]:
        """Yield what each process wrote."""
        for member, program in self._every:
            yield f"{member} ({program.log.name})", program.output()

    def told(self, event: str, role: str) -> list[dict[str, Any]]:
        """Return the log entries of one kind of all processes of a role."""
        programs = [program for member, program in self._every if member.startswith(role)]
        return [dict(entry) for program in programs for entry in program.told(event)]

    def failures(self) -> Iterator[str]:
        """Yield what members failed with that is not to be expected."""
        for end in self.ends:
            if end.error and end.error not in EXPECTED_FAILURES:
                yield f"{end.member} failed: {end.error}"

    def _note_if_ended(self, member: str) -> None:
        program = self._programs[member]
        if member in self._asked or program.running:
            return
        self._suspended.discard(member)
        self._failed(member, _error_of(program) or "ended without a word")
        assert len(self.ends) < MOST_RESTARTS, f"{member} ends again and again\n{program.tail()}"
        self.start(member)

    def _failed(self, member: str, error: str) -> None:
        self._say(f"{member} failed: {error}")
        self.ends.append(End(member, _now_ms(), is_death=True, error=error))


def _error_of(program: Program) -> str:
    failures = program.told("stage.failed")
    if not failures:
        return ""
    error, reason = failures[-1]["error"], failures[-1]["reason"]
    return error if error in EXPECTED_FAILURES else f"{error}: {reason}"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
