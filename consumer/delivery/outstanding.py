"""A conversion between being read and its ending, and the ending itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from msgspec import Struct

from consumer.delivery.retry import Trial
from consumer.delivery.sender import Answer
from consumer.errors import Reject
from consumer.events import Conversion, Position, Receipt
from consumer.replay_header import Replay, replay_in
from consumer.stream.log import Record


@dataclass(slots=True, eq=False)
class Outstanding:
    """One conversion in hand. Belongs to the polling thread."""

    record: Record
    conversion: Conversion
    key: bytes
    trial: Trial
    suspect: bool
    """An earlier owner of the partition may have sent it."""
    at: Position = field(init=False)
    replay: Replay | None = field(init=False)
    """The replay that brought the record, if one did."""
    superseded: Receipt | None = None
    """That of the dead letter which the replay is about: what was done for the order before."""
    attempts: int = 0
    unknown_attempts: int = 0
    first_attempt_at_ms: int | None = None
    answer: Answer | None = None
    """That of the latest attempt."""

    def __post_init__(self) -> None:
        self.at = Position(self.record.topic, self.record.partition, self.record.offset)
        self.replay = replay_in(self.record.headers)


class Decided(NamedTuple):
    """Attempts at a conversion are over: delivered, or rejected for a reason."""

    item: Outstanding
    rejection: Reject | None


class Finished(Struct, frozen=True, kw_only=True):
    """The ending of one record, encoded and ready to be committed."""

    offset: int
    ending: Literal["delivered", "shadow", "for_export", "dead_letter", "repeat", "silent_repeat", "known"]
    """``known`` writes and counts nothing: it was committed before, only the offset has yet to pass it."""
    reason: str = ""
    in_order: bool = False
    """True for an ending that no receipt of its own remembers, so that it must commit together with its offset."""
    key: bytes | None = None
    receipt: bytes | None = None
    dead_letter_key: bytes | None = None
    dead_letter: bytes | None = None
    since_completed_s: float = 0.0
    since_decidable_s: float = 0.0
