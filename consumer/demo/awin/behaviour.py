"""What the stand-in Awin can do with a request, and its record of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer, ``delay_s`` seconds after the request was read."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Redirect:
    """An answer that sends the client to the very same URL, so following it shows as a second request."""

    status: int = 302


@dataclass(frozen=True, slots=True)
class Hang:
    """No answer; the connection stays open until the client leaves."""


@dataclass(frozen=True, slots=True)
class CloseBeforeReading:
    """A reset when a request begins to arrive, without a look at it: it is not recorded, only counted."""


@dataclass(frozen=True, slots=True)
class CloseAfterReading:
    """A reset after the request was read and recorded."""


@dataclass(frozen=True, slots=True)
class HalfBody:
    """Status 200 and half of the body that the headers promise, then the end of the connection."""


@dataclass(frozen=True, slots=True)
class Garbage:
    """Bytes that are no HTTP, then the end of the connection."""


Behaviour = Answer | Redirect | Hang | CloseAfterReading | HalfBody | Garbage

OK = Answer()


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
