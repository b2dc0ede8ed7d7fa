"""The members of a chaos run: whoever ends unasked is started again, and how each ended is remembered."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from consumer.wiring.clients import Role
from tests.chaos.fleet import End, Fleet
from tests.kafka.crash.program import Program, wait_until

STARTED = 'print(\'{"event": "service.started"}\', flush=True)'
OBEYS = f"import signal, sys; signal.signal(15, lambda *_: sys.exit(0)); {STARTED}; signal.pause()"
DEAF = f"import signal; signal.signal(15, signal.SIG_IGN); {STARTED}; signal.pause(); signal.pause()"
BORN = "import time; time.sleep(60)"


def failing(error: str, code: int = 1) -> str:
    """Return a program that tells of an error and ends."""
    said = f'{{"event": "stage.failed", "error": "{error}", "reason": "because"}}'
    return f"print({said!r}, flush=True); raise SystemExit({code})"


class Scripts:
    """Starts one program after the other, then obedient ones."""

    def __init__(self, folder: Path, *scripts: str) -> None:
        self.started: list[Program] = []
        self._folder = folder
        self._scripts = list(scripts)

    def start(self, role: Role | None, member: str = "a") -> Program:  # noqa: ARG002  # it makes no difference here
        script = self._scripts.pop(0) if self._scripts else OBEYS
        log = self._folder / f"{member}-{len(self.started)}.log"
        self.started.append(Program([sys.executable, "-I", "-S", "-c", script], log))
        return self.started[-1]

    def state_folder(self, member: str = "a") -> Path:
        return self._folder / member

    def close(self) -> None:
        for program in self.started:
            program.kill()


FleetOf = Callable[..., tuple[Fleet, Scripts]]


@pytest.fixture
def fleet_of(tmp_path: Path) -> Iterator[FleetOf]:
    """Maker of a fleet with one member of deliver that runs these programs, one after the other."""
    with ExitStack() as stack:

        def make(*programs: str) -> tuple[Fleet, Scripts]:
            scripts = stack.enter_context(closing(Scripts(tmp_path, *programs)))
            fleet = Fleet(scripts, lambda _: None, end_timeout_s=1.0)
            fleet.start("deliver-a")
            return fleet, scripts

        yield make


def ready(scripts: Scripts) -> None:
    """Wait until the latest program works."""
    program = scripts.started[-1]
    wait_until(lambda: bool(program.told("service.started")), "it works")


def ends(fleet: Fleet) -> list[tuple[str, bool, str]]:
    """Return how members ended, without the times."""
    return [(end.member, end.is_death, end.error) for end in fleet.ends]


def test_a_kill_is_a_death(fleet_of: FleetOf) -> None:
    """A suspended member can be killed, too; it stays dead until it is started."""
    fleet, scripts = fleet_of()
    ready(scripts)
    fleet.suspend("deliver-a")
    fleet.kill("deliver-a")
    fleet.tend()
    assert ends(fleet) == [("deliver-a", True, "")]
    assert [program.running for program in scripts.started] == [False]
    fleet.start("deliver-a")
    fleet.start("deliver-a")
    assert [program.running for program in scripts.started] == [False, True]
    assert list(fleet.failures()) == []


def test_a_stop_in_order_is_none(fleet_of: FleetOf) -> None:
    """Nor is one before the member has begun to listen to signals."""
    fleet, scripts = fleet_of(OBEYS, BORN)
    ready(scripts)
    fleet.terminate("deliver-a")
    fleet.wait_ended("deliver-a")
    fleet.start("deliver-a")
    time.sleep(0.1)
    fleet.terminate("deliver-a")
    fleet.wait_ended("deliver-a")
    assert ends(fleet) == [("deliver-a", False, "")] * 2
    fleet.start("deliver-a")
    ready(scripts)
    fleet.close()
    assert ends(fleet)[2:] == [("deliver-a", False, "")]
    assert not any(program.running for program in scripts.started)


def test_what_ends_unasked_is_started_again(fleet_of: FleetOf) -> None:
    """An end for fear of an unknown outcome is a death as it is meant to be; any other error is a failure."""
    fleet, scripts = fleet_of(failing("Fenced"), failing("StateError"), "raise SystemExit(0)")

    def has_ended_thrice() -> bool:
        fleet.tend()
        return len(fleet.ends) == 3

    wait_until(has_ended_thrice, "three ends")
    assert ends(fleet) == [
        ("deliver-a", True, "Fenced"),
        ("deliver-a", True, "StateError: because"),
        ("deliver-a", True, "ended without a word"),
    ]
    assert len(scripts.started) == 4
    assert list(fleet.failures()) == [
        "deliver-a failed: StateError: because",
        "deliver-a failed: ended without a word",
    ]
    assert [entry["error"] for entry in fleet.told("stage.failed", "deliver")] == ["Fenced", "StateError"]
    assert fleet.told("stage.failed", "attribute") == []


def test_a_stop_that_fails_is_a_failure(fleet_of: FleetOf) -> None:
    """By its exit status, or because it never comes."""
    fails = OBEYS.replace("sys.exit(0)", "sys.exit(3)")
    fleet, scripts = fleet_of(fails, DEAF)
    for _ in range(2):
        ready(scripts)
        fleet.terminate("deliver-a")
        fleet.wait_ended("deliver-a")
        fleet.start("deliver-a")
    assert list(fleet.failures()) == [
        "deliver-a failed: ended with 3 on SIGTERM",
        "deliver-a failed: did not end within 1 s of SIGTERM",
    ]


def test_a_member_that_cannot_stay_is_the_end_of_the_run(fleet_of: FleetOf) -> None:
    """Rather than being started for ever."""
    fleet, scripts = fleet_of()
    fleet.ends += [End("deliver-a", 0, is_death=True, error="x")] * 100
    scripts.started[-1].kill()
    with pytest.raises(AssertionError, match="again and again"):
        fleet.tend()
