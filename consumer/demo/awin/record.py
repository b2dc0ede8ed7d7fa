"""What the stand-in Awin remembers of a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from consumer.demo.awin.behaviour import OK, Answer, Behaviour


@dataclass(frozen=True, slots=True)
class AwinRequest:
    """One request as it arrived."""

    number: int
    """1 for the first request, and so on in order of arrival."""
    connection: int
    """The connection that it came by, counted from the start; the same number means that the connection was kept."""
    method: str
    path: str
    raw_query: str
    parameters: Mapping[str, str]
    """Decoded once; of a repeated parameter the first value."""
    violations: tuple[str, ...]
    received_at_s: float
    """`time.monotonic`."""
    received_at_ms: int
    """Epoch milliseconds UTC."""
    behaviour: Behaviour = OK
    """What it met; `OK` while that is being chosen."""

    @property
    def ref(self) -> str:
        """The order reference, empty when there is none."""
        return self.parameters.get("ref", "")

    @property
    def accepted(self) -> bool:
        """Whether it met a 2xx answer, whatever became of that on its way."""
        return isinstance(self.behaviour, Answer) and 200 <= self.behaviour.status < 300
