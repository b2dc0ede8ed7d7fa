"""What the stand-in Awin can do with a request."""

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
