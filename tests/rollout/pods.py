"""The pods of a StatefulSet as plain processes, replaced one at a time as Kubernetes does."""

from __future__ import annotations

import time
from typing import NamedTuple

import yaml

from consumer.wiring.clients import Role
from tests.kafka.crash.program import Program, consumer_command, wait_until
from tests.kafka.crash.scenario import Scenario

GRACE_S = 45.0
"""The chart's ``terminationGracePeriodSeconds``."""
READY_TIMEOUT_S = 120.0


class Replacement(NamedTuple):
    """How one pod was replaced."""

    pod: str
    at_ms: int
    """When it got SIGTERM."""
    code: int
    """What it ended with; -9 when the grace was over."""
    stop_s: float
    """From SIGTERM to its end."""
    start_s: float
    """From the start of the new process until a probe found it ready."""


class Pods:
    """Pods of one workload, each with a name and a state folder that its successor takes over.

    Args:
        scenario: where they work; ends them with itself.
        role: of the workload; ``None``: both stages.
        replicas: how many.
        probe_every_s: how often each is asked whether it is ready.
    """

    def __init__(self, scenario: Scenario, role: Role | None, replicas: int, *, probe_every_s: float) -> None:
        self.name = role or "consumer"
        self._scenario = scenario
        self._role = role
        self._probe_every_s = probe_every_s
        self._starts = 0
        self._programs = [self._start(ordinal) for ordinal in range(replicas)]

    def wait_ready(self) -> None:
        """Wait until every pod is ready."""
        for program in self._programs:
            self._wait_ready(program)

    def replace_all(self) -> list[Replacement]:
        """Replace every pod, the highest ordinal first, each when its forerunner's successor is ready."""
        return [self._replace(ordinal) for ordinal in reversed(range(len(self._programs)))]

    def stop(self) -> list[int]:
        """Ask all to stop, and return what they ended with."""
        for program in self._programs:
            program.terminate()
        return [_ended(program) for program in self._programs]

    def close(self) -> None:
        """Kill what still runs."""
        for program in self._programs:
            program.kill()

    def _replace(self, ordinal: int) -> Replacement:
        before = self._programs[ordinal]
        at_ms, began_s = time.time_ns() // 1_000_000, time.monotonic()
        before.terminate()
        code = _ended(before)
        ended_s = time.monotonic()
        self._programs[ordinal] = self._start(ordinal)
        self._wait_ready(self._programs[ordinal])
        return Replacement(f"{self.name}-{ordinal}", at_ms, code, ended_s - began_s, time.monotonic() - ended_s)

    def _start(self, ordinal: int) -> Program:
        pod = f"{self.name}-{ordinal}"
        folder = self._scenario.folder
        config = folder / f"{pod}.yaml"
        if not config.exists():
            config.write_text(yaml.safe_dump(self._values(pod)), encoding="utf-8")
        self._starts += 1
        return Program(consumer_command(config, self._role), folder / f"{pod}-{self._starts}.log")

    def _values(self, pod: str) -> dict[str, object]:
        values = self._scenario.values
        state = {**values["state"], "directory": str(self._scenario.state_folder(pod))}
        return {**values, "state": state, "instance": pod}

    def _wait_ready(self, program: Program) -> None:
        def ready() -> bool:
            assert program.running, f"it ended before it was ready\n{program.tail()}"
            return program.get("/readyz") == 200

        try:
            wait_until(ready, "the pod is ready", READY_TIMEOUT_S, self._probe_every_s)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{program.tail()}") from None


def _ended(program: Program) -> int:
    """Wait as long as the grace is, then kill; return the exit code."""
    try:
        return program.end(GRACE_S)
    except AssertionError:
        program.kill()
        return program.end()
