"""What is taken out of a visitor's touches, and when. Source: docs/attribution.md, section 10. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from consumer.attribution.touch import Kind, Touch

_REFUSABLE = frozenset({Kind.NORMAL.value, Kind.GCLID.value})


def marker(offset: int, at_ms: int) -> Touch:
    """Return what stands in state for the touches of a visitor who was forgotten.

    Args:
        offset: of the record that asked for it.
        at_ms: the record's time.
    """
    return Touch(offset, at_ms, 0, "", kind=Kind.FORGOTTEN.value)


def refused(touches: Sequence[Touch], watermark_ms: int, settle_ms: int) -> list[Touch]:
    """Return a visitor's touches whose checksum is to be erased: refused, and not granted again for long enough.

    The last statement must be a refusal and older, by event time, than ``settle_ms``. What landed after it stays, and
    so does a strictly necessary checksum.

    Args:
        touches: all touches of one visitor.
        watermark_ms: how far event time has come.
        settle_ms: how long a banner may take to be answered.
    """
    stated = [touch for touch in touches if touch.consent in {"granted", "denied"}]
    if not stated:
        return []
    last = max(stated, key=lambda touch: (touch.landed_at_ms, touch.offset))
    if last.consent != "denied" or last.landed_at_ms > watermark_ms - settle_ms:
        return []
    return [touch for touch in touches if touch.kind in _REFUSABLE and touch.landed_at_ms <= last.landed_at_ms]


def without_checksum(touch: Touch, touches: Sequence[Touch]) -> Touch:
    """Return a touch whose checksum cannot be known any more.

    What is left tells clicks apart and whose they are: the checksum's advertiser and time, not its hash. Of the gclid
    form nothing is left but the place of the earliest landing with it, among all ``touches`` of the visitor.
    """
    if touch.awc is None or touch.kind not in _REFUSABLE:
        return touch
    if touch.kind == Kind.GCLID:
        first = min(each.offset for each in touches if each.awc == touch.awc)
        return replace(touch, awc=f"gclid_{first}", kind=Kind.ERASED_GCLID.value)
    return replace(touch, awc=remainder(touch.awc, touch.kind), kind=Kind.ERASED.value)


def remainder(awc: str, kind: int) -> str:
    """Return what would be left of a touch's checksum: the same for all landings of one normal click."""
    return awc.rpartition("_")[0] if kind in {Kind.NORMAL, Kind.STRICTLY_NECESSARY} else awc


def brought_back(touches: list[Touch], awc: str | None) -> list[Touch]:
    """Return the touches that an order sees, with the checksum that the order itself carries where it was erased."""
    left = None if awc is None else remainder(awc, Kind.NORMAL)
    if awc is None or not any(touch.awc == left and touch.kind == Kind.ERASED for touch in touches):
        return touches
    return [
        replace(touch, awc=awc, kind=Kind.NORMAL.value) if touch.awc == left and touch.kind == Kind.ERASED else touch
        for touch in touches
    ]
