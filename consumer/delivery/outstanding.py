"""A conversion between being read and its ending, and the ending itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from msgspec import Struct

from consumer.delivery.attempt.method import Prepared
from consumer.delivery.attempt.sender import Answer
from consumer.delivery.deferral import Why
from consumer.delivery.metrics import Sale
from consumer.delivery.pacing.retry import Trial
from consumer.errors import Reject
from consumer.events import Conversion, Position, Receipt
from consumer.replay_header import Replay, replay_in
from consumer.stream.framing import Headers
from consumer.stream.log import Record


@dataclass(slots=True, eq=False)
class Outstanding:
    """One conversion in hand. Belongs to the polling thread."""

    record: Record
    """As read: of the outbox, or of the deferred conversions."""
    conversion: Conversion
    key: bytes
    at: Position
    """Where the conversion stands in the outbox."""
    written_at_ms: int
    """When it was written there."""
    trial: Trial
    suspect: bool
    """An earlier owner of the partition may have sent it."""
    replay: Replay | None = field(init=False)
    """The replay that brought the record, if one did."""
    superseded: Receipt | None = None
    """That of the dead letter which the replay is about: what was done for the order before."""
    deferrals: int = 0
    """How often it was put off."""
    repeats: int = 0
    """How many later conversions said the same meanwhile."""
    attempts: int = 0
    unknown_attempts: int = 0
    unknown_before: int = 0
    """How many of them its record tells of: they were made before it was put off."""
    first_attempt_at_ms: int | None = None
    answer: Answer | None = None
    """That of the latest attempt."""
    prepared: Prepared | None = None
    """What its method makes of it; ``None`` until it is to be sent."""
    dropped: bool = False
    """Its partition is no longer ours."""

    @property
    def in_doubt(self) -> bool:
        """Whether an attempt of which its record does not tell may have reached Awin."""
        return self.unknown_attempts > self.unknown_before

    def __post_init__(self) -> None:
        self.replay = replay_in(self.record.headers)


class Decided(NamedTuple):
    """It is known what becomes of a conversion: delivered, rejected for a reason, or put off."""

    item: Outstanding
    rejection: Reject | None = None
    put_off: Why | None = None


class Finished(Struct, frozen=True, kw_only=True):
    """The ending of one record, encoded and ready to be committed."""

    offset: int
    ending: Literal["delivered", "shadow", "for_export", "dead_letter", "repeat", "silent_repeat", "known", "deferred"]
    """``known`` writes and counts nothing: it was committed before, only the offset has yet to pass it."""
    reason: str = ""
    in_order: bool = False
    """True for an ending that no receipt of its own remembers, so that it must commit together with its offset."""
    attempted: bool = False
    """Whether it may have reached Awin: until this is committed, a crash would have it sent again."""
    key: bytes | None = None
    receipt: bytes | None = None
    dead_letter_key: bytes | None = None
    dead_letter: bytes | None = None
    deferred: bytes | None = None
    """The conversion as it was read, to be tried later,"""
    deferred_headers: Headers = ()
    """and what was tried so far."""
    programme: str = ""
    """Empty when the record says none."""
    entered_at_ms: int = 0
    """When its order entered Kafka."""
    possible_repeat: bool = False
    left_out: str = ""
    """What its request did not say for being too long."""
    sale: Sale | None = None
    """Once it is delivered."""
