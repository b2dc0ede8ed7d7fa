"""Whether a programme's requests get through at the moment. Pure but for the clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

State = Literal["closed", "open", "probing"]
Permit = Literal["go", "probe", "stop"]


class BreakerPolicy(Struct, frozen=True, kw_only=True):
    """When to open, and how long to stay so; times in seconds."""

    failures: int = 5
    """So many attempts in a row must have failed,"""
    after_s: float = 5.0
    """and so long after the first of them began."""
    cooldown_s: float = 5.0
    """From opening to the first probe; doubles with every probe that fails."""
    max_cooldown_s: float = 60.0


class Breaker:
    """Closed while requests get through; opened by a run of failures; tried by one probe at a time.

    Args:
        policy: when to open and to probe.
        monotonic_s: the clock.
    """

    def __init__(self, policy: BreakerPolicy, monotonic_s: Callable[[], float]) -> None:
        self._policy = policy
        self._monotonic_s = monotonic_s
        self._failures = 0
        self._failing_since_s = 0.0
        self._cooldown_s = policy.cooldown_s
        self._until_s = 0.0
        self._probes = 0
        self.state: State = "closed"

    def permit(self) -> Permit:
        """Say whether an attempt may be made now. After ``probe`` there is no other until that one has ended."""
        if self.state == "closed":
            return "go"
        return "probe" if self.state == "open" and self._monotonic_s() >= self._until_s else "stop"

    def probing(self) -> int:
        """The permitted probe begins; return its number, by which its end is told from that of an older one."""
        self.state = "probing"
        self._probes += 1
        return self._probes

    def succeeded(self) -> None:
        """An attempt got through, whichever it was: close."""
        self.state = "closed"
        self._failures = 0
        self._cooldown_s = self._policy.cooldown_s

    def failed(self, began_s: float, probe: int = 0) -> None:
        """An attempt that began then did not get through. Others than the probe say nothing new once it is open."""
        if self._is_under_way(probe):
            self._cooldown_s = min(2 * self._cooldown_s, self._policy.max_cooldown_s)
            self._open(self._cooldown_s)
        elif self.state == "closed":
            self._failing_since_s = min(began_s, self._failing_since_s) if self._failures else began_s
            self._failures += 1
            is_long = self._monotonic_s() - self._failing_since_s >= self._policy.after_s
            if is_long and self._failures >= self._policy.failures:
                self._open(self._cooldown_s)

    def withdrawn(self, probe: int) -> None:
        """This probe was not made after all, or its end is not known: another may be made at once."""
        if self._is_under_way(probe):
            self.state = "open"

    def hold(self, seconds: float) -> None:
        """Permit no attempt for so long at least, as the server asked. A probe under way stays the only one."""
        is_probing = self.state == "probing"
        self._open(seconds)
        if is_probing:
            self.state = "probing"

    def probe_next(self) -> None:
        """Let the next attempt be a probe, whatever came before: somebody says that it works again.

        Where a probe is under way, its end is waited for.
        """
        self._cooldown_s = self._policy.cooldown_s
        self._until_s = self._monotonic_s()
        self.hold(0.0)

    def _is_under_way(self, probe: int) -> bool:
        return self.state == "probing" and probe == self._probes

    def _open(self, seconds: float) -> None:
        """Open for so long, or until a pause is over that was begun before."""
        until_s = self._monotonic_s() + seconds
        self._until_s = until_s if self.state == "closed" else max(until_s, self._until_s)
        self._failures = 0
        self.state = "open"
