"""What a deferred conversion carries beside its bytes: a header of its record in ``awin.deferred``."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from consumer.errors import StateError
from consumer.events import Position
from consumer.stream.framing import Headers

HEADER = "awin-deferred"
VERSION = 1

Why = Literal["backlog", "paused", "halted", "breaker", "key_refused", "limit"]


class Deferral(Struct, frozen=True, kw_only=True):
    """One postponement of one conversion, with what was tried so far."""

    version: int = VERSION
    source: Position
    """Where the conversion stands in the outbox."""
    number: int
    """1 for the first postponement, and so on. The receipt says the latest one's number, so an older one is known."""
    why: Why
    attempts: int = 0
    unknown_attempts: int = 0
    first_attempt_at_ms: int | None = None
    written_at_ms: int = 0
    """When the conversion was written to the outbox; 0: not known."""
    suspect: bool = False
    """An earlier owner may have sent it."""
    counted: int = 0
    """Failures while others of the programme got through."""


class _Versioned(Struct, frozen=True):
    version: int


def header(deferral: Deferral) -> tuple[tuple[str, bytes], ...]:
    """Return the headers that carry a deferral."""
    return ((HEADER, msgspec.json.encode(deferral)),)


def others(headers: Headers) -> Headers:
    """Return the headers that the conversion had before it was put off."""
    return [each for each in headers if each[0] != HEADER]


def read(headers: Headers, where: str) -> Deferral:
    """Return the deferral in a record's headers.

    Raises:
        StateError: there is none, or a newer version of this software wrote it: only we write to that topic.
    """
    said = next((value for name, value in headers if name == HEADER), None)
    try:
        version = msgspec.json.decode(said or b"", type=_Versioned).version
        if version == VERSION:
            return msgspec.json.decode(said or b"", type=Deferral)
    except (msgspec.MsgspecError, RecursionError):
        raise StateError(f"{where}: the record has no header {HEADER} of ours: who else writes there?") from None
    raise StateError(f"{where}: the header {HEADER} has version {version}, this software reads {VERSION}")


def is_due_at_once(headers: Headers) -> bool:
    """Return whether a conversion was put off for nothing but its age, so that there is nothing to wait for."""
    said = next((value for name, value in headers if name == HEADER), None)
    return said is not None and b'"why":"backlog"' in said
