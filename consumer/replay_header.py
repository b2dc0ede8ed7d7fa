"""What a replayed record says of itself: the header ``awin-replay``.

`awin-consumer dead-letters replay` appends the record of a dead letter again, unchanged but for this header. It holds
JSON: where the letter stands, and where the record stood that the letter was about.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from consumer.events import Position
from consumer.stream.framing import Headers

REPLAY_HEADER = "awin-replay"


class Replay(Struct, frozen=True, kw_only=True):
    """The replay that brought a record."""

    letter: Position
    """The dead letter."""
    source: Position
    """The record that it was about; this one is the same again, and a receipt about that one may be superseded."""
    send_too_old: bool = False
    """Somebody decided that the sale is to be sent whatever its age."""


_decode = msgspec.json.Decoder(Replay).decode


def header(replay: Replay) -> tuple[str, bytes]:
    """Return the header of a replayed record."""
    return REPLAY_HEADER, msgspec.json.encode(replay)


def replay_in(headers: Headers) -> Replay | None:
    """Return the replay that brought a record with these headers; ``None`` when none did, or it cannot be read."""
    for name, content in reversed(headers):
        if name == REPLAY_HEADER and content is not None:
            try:
                return _decode(content)
            except (msgspec.MsgspecError, RecursionError):
                return None
    return None
