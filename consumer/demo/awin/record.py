"""What the stand-in Awin remembers of a request, and of a call that held several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from consumer.demo.awin.behaviour import OK, Answer, Behaviour


@dataclass(frozen=True, slots=True)
class AwinRequest:
    """One order as it arrived: a request to ``sread.php``, or one of the orders of a call."""

    number: int
    """1 for the first request, and so on in order of arrival."""
    connection: int
    """The connection that it came by, counted from the start; the same number means that the connection was kept."""
    method: str
    path: str
    raw_query: str
    parameters: Mapping[str, str]
    """Decoded once; of a repeated parameter the first value. Those of a call's order say the same in these words."""
    violations: tuple[str, ...]
    received_at_s: float
    """`time.monotonic`."""
    received_at_ms: int
    """Epoch milliseconds UTC."""
    behaviour: Behaviour = OK
    """What it met; `OK` while that is being chosen."""
    failed: bool = False
    """Whether it is at fault itself, so that an answer which accepts its call does not accept it."""

    @property
    def ref(self) -> str:
        """The order reference, empty when there is none."""
        return self.parameters.get("ref", "")

    @property
    def accepted(self) -> bool:
        """Whether it met a 2xx answer, whatever became of that on its way."""
        return not self.failed and _is_success(self.behaviour)


@dataclass(frozen=True, slots=True)
class AwinCall:
    """One call of the Conversion API as it arrived; its orders are requests."""

    number: int
    """1 for the first call, and so on in order of arrival."""
    connection: int
    """As of `AwinRequest`."""
    programme: str
    """The one in its path, empty when there is none."""
    orders: int
    """How many it held."""
    key: str = field(repr=False)
    """The API key that it came with, empty when it had none."""
    violations: tuple[str, ...]
    """Its own; not those of its orders."""
    received_at_s: float
    """`time.monotonic`."""
    received_at_ms: int
    """Epoch milliseconds UTC."""
    behaviour: Behaviour = OK
    """What it met."""

    @property
    def accepted(self) -> bool:
        """Whether it met a 2xx answer, though perhaps not for all of its orders."""
        return _is_success(self.behaviour)


def _is_success(behaviour: Behaviour) -> bool:
    return isinstance(behaviour, Answer) and 200 <= behaviour.status < 300
