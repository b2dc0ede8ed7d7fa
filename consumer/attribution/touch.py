"""A touch: what one landing says about marketing, in the form that state keeps."""

from __future__ import annotations

from enum import IntEnum

from msgspec import Struct

from consumer.events import Consent


class Kind(IntEnum):
    """Which sort of click checksum a touch carries."""

    NONE = 0
    NORMAL = 1
    STRICTLY_NECESSARY = 2
    GCLID = 3
    ERASED = 4
    """A normal one that was refused: advertiser and time are left."""
    ERASED_GCLID = 5
    """One of the gclid form that was refused: nothing of it is left."""
    FORGOTTEN = 6
    """No landing, but what a forgotten visitor leaves: `consumer.attribution.erasure.marker`."""


class Touch(Struct, frozen=True, array_like=True, gc=False):
    """One landing of one visitor. Holds no URL; a direct landing has neither channel, rule nor checksum."""

    offset: int
    """Offset of the session record in its partition."""
    landed_at_ms: int
    watermark_before_ms: int
    """The partition's watermark just before this record (``w`` in docs/attribution.md)."""
    session_id: str
    channel: str | None = None
    rule: str | None = None
    awc: str | None = None
    kind: int = 0
    """A `Kind`, kept as a plain integer because touches are packed by the million."""
    consent: Consent | None = None
