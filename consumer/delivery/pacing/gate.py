"""Whether a programme's conversions may be sent now, and at what pace. Pure but for the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from msgspec import Struct

from consumer.delivery.pacing.breaker import Breaker, BreakerPolicy, Permit
from consumer.delivery.pacing.limiter import ConcurrencyCap, RateLimiter
from consumer.events import ProgrammeState

Stop = Literal["", "paused", "halted", "breaker"]
"""Why nothing of a programme is sent now; empty when something is."""


class Limits(Struct, frozen=True, kw_only=True):
    """What a programme may do over all instances."""

    requests_per_s: float | None = None
    concurrency: int | None = None


class GatePolicy(Struct, frozen=True, kw_only=True):
    """When a programme stops by itself."""

    breaker: BreakerPolicy = BreakerPolicy()
    halt_after: int = 10
    """So many orders rejected in a row, with none delivered between, halt the programme."""


class Gate:
    """Stands before one programme's attempts.

    Args:
        policy: when it closes by itself.
        limits: what the programme may do, all instances together.
        monotonic_s: the clock.
    """

    def __init__(self, policy: GatePolicy, limits: Limits, monotonic_s: Callable[[], float]) -> None:
        self._policy = policy
        self._rejected = 0
        self.ordered: ProgrammeState = "running"
        """What was said by `awin-consumer programmes`, or by a stage that halted it."""
        self.breaker = Breaker(policy.breaker, monotonic_s)
        self.rate = RateLimiter(limits.requests_per_s, monotonic_s, burst_s=1.0)
        self.cap = ConcurrencyCap(limits.concurrency)

    def permit(self) -> Permit:
        """Say whether an attempt may be made now, limits aside."""
        return self.breaker.permit() if self.ordered == "running" else "stop"

    @property
    def stop(self) -> Stop:
        """Why no attempt may be made now."""
        if self.ordered != "running":
            return self.ordered
        return "breaker" if self.breaker.permit() == "stop" else ""

    @property
    def halt(self) -> Stop:
        """Why nothing is sent for now, single probes left out."""
        if self.ordered != "running":
            return self.ordered
        return "" if self.breaker.state == "closed" else "breaker"

    @property
    def turns_away(self) -> Stop:
        """Why conversions are to be put off: none can be sent, and there is no probe whose end may change that."""
        return "" if self.ordered == "running" and self.breaker.state == "probing" else self.stop

    def order(self, state: ProgrammeState) -> bool:
        """Take an order; return whether the programme runs again, in which case a probe comes first."""
        resumed = state == "running" and self.ordered != "running"
        if resumed:
            self.breaker.probe_next()
            self._rejected = 0
        self.ordered = state
        return resumed

    def delivered(self) -> None:
        """An order was delivered."""
        self._rejected = 0
        self.breaker.succeeded()

    def rejected(self) -> bool:
        """An order was rejected, so requests do get through; return whether this makes one too many in a row."""
        self.breaker.succeeded()
        self._rejected += 1
        return self._rejected >= self._policy.halt_after


class Gates:
    """The gates of all programmes, made when they are first asked for.

    Args:
        policy: as `Gate`.
        limits: by programme; others have none.
        monotonic_s: the clock.
    """

    def __init__(self, policy: GatePolicy, limits: Mapping[str, Limits], monotonic_s: Callable[[], float]) -> None:
        self._policy = policy
        self._limits = limits
        self._monotonic_s = monotonic_s
        self._fraction = 0.0
        self._gates: dict[str, Gate] = {}

    def of(self, programme: str) -> Gate:
        """Return a programme's gate."""
        gate = self._gates.get(programme)
        if gate is None:
            gate = self._gates[programme] = Gate(self._policy, self._limits.get(programme, Limits()), self._monotonic_s)
            self._share(gate)
        return gate

    def __len__(self) -> int:
        """Return how many programmes were asked for so far."""
        return len(self._gates)

    @property
    def alone(self) -> bool:
        """Whether there is but one programme, as far as is known: others have neither limits nor were asked for."""
        return len(self._gates.keys() | self._limits.keys()) <= 1

    def share(self, fraction: float) -> None:
        """From now on so much of every limit is ours: our part of all partitions, between 0 and 1."""
        self._fraction = fraction
        for gate in self._gates.values():
            self._share(gate)

    def order(self, states: Mapping[str, ProgrammeState]) -> list[str]:
        """Take orders by programme; return the programmes that run again."""
        return [programme for programme, state in states.items() if self.of(programme).order(state)]

    def stops(self) -> Iterator[tuple[str, Stop]]:
        """Yield every programme, and why nothing of it is sent for now, single probes left out."""
        for programme, gate in self._gates.items():
            yield programme, gate.halt

    def _share(self, gate: Gate) -> None:
        gate.rate.share(self._fraction)
        gate.cap.share(self._fraction)
