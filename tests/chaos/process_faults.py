"""Faults of single members: killed, stopped, frozen, robbed of their state, or there for a moment only."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.chaos.fleet import MEMBERS, Fleet


class Killed:
    """Ended by SIGKILL, and started again."""

    def __init__(self, fleet: Fleet, member: str) -> None:
        self._fleet = fleet
        self._member = member

    def strike(self) -> None:
        self._fleet.kill(self._member)

    def heal(self) -> None:
        self._fleet.start(self._member)


class AllKilled:
    """All members ended by SIGKILL at once, as by a power cut, and started again."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def strike(self) -> None:
        for member in MEMBERS:
            self._fleet.kill(member)

    def heal(self) -> None:
        for member in MEMBERS:
            self._fleet.start(member)


class Stopped:
    """Told to stop by SIGTERM, and started again."""

    def __init__(self, fleet: Fleet, member: str) -> None:
        self._fleet = fleet
        self._member = member

    def strike(self) -> None:
        self._fleet.terminate(self._member)

    def heal(self) -> None:
        self._fleet.wait_ended(self._member)
        self._fleet.start(self._member)


class Frozen:
    """Stopped in the middle of whatever it did, as a virtual machine that is moved; then it goes on as if nothing was.

    Longer than the session timeout, so that its partitions are another's by then.
    """

    def __init__(self, fleet: Fleet, member: str) -> None:
        self._fleet = fleet
        self._member = member

    def strike(self) -> None:
        self._fleet.suspend(self._member)

    def heal(self) -> None:
        self._fleet.resume(self._member)


class StateDeleted:
    """Killed, and started again on an empty disk."""

    def __init__(self, fleet: Fleet, member: str) -> None:
        self._fleet = fleet
        self._member = member

    def strike(self) -> None:
        self._fleet.kill(self._member)
        shutil.rmtree(self._fleet.state_folder(self._member))

    def heal(self) -> None:
        self._fleet.start(self._member)


class StateStale:
    """Stopped for a copy of its state; killed some time later, and started again on that copy."""

    def __init__(self, fleet: Fleet, member: str) -> None:
        self._fleet = fleet
        self._member = member

    def strike(self) -> None:
        self._fleet.terminate(self._member)
        self._fleet.wait_ended(self._member)
        shutil.rmtree(self._copy(), ignore_errors=True)
        shutil.copytree(self._fleet.state_folder(self._member), self._copy())
        self._fleet.start(self._member)

    def heal(self) -> None:
        self._fleet.kill(self._member)
        state = self._fleet.state_folder(self._member)
        shutil.rmtree(state)
        shutil.copytree(self._copy(), state)
        self._fleet.start(self._member)

    def _copy(self) -> Path:
        state = self._fleet.state_folder(self._member)
        return state.with_name(f"{state.name}-copy")


class Guest:
    """A further member that joins and leaves in order, so that partitions move twice."""

    def __init__(self, fleet: Fleet, member: str) -> None:
        self._fleet = fleet
        self._member = member

    def strike(self) -> None:
        self._fleet.start(self._member)

    def heal(self) -> None:
        self._fleet.terminate(self._member)
        self._fleet.wait_ended(self._member)
