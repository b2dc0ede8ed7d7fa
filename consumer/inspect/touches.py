"""What a conversion tells of the touches that were looked at, with what their records still say. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from consumer.attribution import landing
from consumer.attribution.channels import ChannelTable
from consumer.attribution.lastclick import Verdict
from consumer.attribution.touch import Kind
from consumer.events import Consent, Conversion, Evidence, SessionLanded

ChecksumKind = Literal["normal", "strictly_necessary", "gclid", "erased"]

_NO_RULES = ChannelTable()
"""A checksum is read off a landing whatever the channel table says."""


_OF_CHECKSUMS = frozenset({Verdict.WON_NO_CONSENT, Verdict.NO_CONSENT, Verdict.SAME_CLICK, Verdict.OTHER_PROGRAMME})


class TouchFound(Struct, frozen=True, kw_only=True):
    """A touch that the decision looked at."""

    session_offset: int | None
    """``None``: the order itself carried it."""
    landed_at_ms: int
    clicked_at_ms: int
    age_ms: int
    """Of the click, when the order was completed; touches are ranked by it."""
    channel: str | None
    rule: str | None
    """The line of the channel table that named the channel; ``awc``: its checksum; ``order``: the order. A line may
    have been called so, too."""
    awc: str | None
    kind: ChecksumKind | None
    """Of the checksum; ``None`` also where it cannot be told without the session's record."""
    consent: Consent | None
    """What the session's record says about consent, if it is still there."""
    verdict: str


def touches(conversion: Conversion, sessions: Mapping[int, SessionLanded]) -> tuple[TouchFound, ...]:
    """Return the touches that a conversion tells of, in its order.

    Args:
        conversion: what was decided.
        sessions: the records of its touches by their offsets, those that are there.
    """
    return tuple(
        TouchFound(
            session_offset=each.session_offset,
            landed_at_ms=each.landed_at_ms,
            clicked_at_ms=each.clicked_at_ms,
            age_ms=conversion.completed_at_ms - each.clicked_at_ms,
            channel=each.channel,
            rule=each.rule,
            awc=each.awc,
            kind=_kind(each, session),
            consent=None if session is None else session.consent,
            verdict=each.verdict,
        )
        for each in conversion.evidence
        for session in [sessions.get(-1 if each.session_offset is None else each.session_offset)]
    )


def _kind(touch: Evidence, session: SessionLanded | None) -> ChecksumKind | None:
    said = None if session is None else landing.read(session.landing_url, session.referrer, _NO_RULES)
    if touch.awc is None:
        brought_one = said is not None and said.awc is not None
        return "erased" if brought_one or _must_have_had_one(touch) else None
    if touch.awc.startswith("gclid_"):
        return "gclid"
    if said is None:
        return None
    return "strictly_necessary" if said.kind == Kind.STRICTLY_NECESSARY else "normal"


def _must_have_had_one(touch: Evidence) -> bool:
    """Whether what became of a touch says that it brought a checksum, since no other landing ends so."""
    return touch.verdict in _OF_CHECKSUMS or touch.clicked_at_ms != touch.landed_at_ms
