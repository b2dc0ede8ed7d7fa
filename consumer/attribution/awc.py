"""The click checksum (awc): which values are well-formed, and what they tell. Source: docs/attribution.md, 1 and 3."""

from __future__ import annotations

import re
from typing import NamedTuple

from consumer.attribution.touch import Kind

MAX_CHARACTERS = 200

_LATEST_MS = 2**63 - 1
_OWN_FORM = re.compile(r"([0-9]+)_([0-9]+)_[A-Za-z0-9]+")
_GCLID_FORM = re.compile(r"gclid_[0-9]+_[A-Za-z0-9_-]+")


class Checksum(NamedTuple):
    """A well-formed checksum. Whether it is strictly necessary is said by the landing, not by the checksum."""

    value: str
    kind: Kind
    """`Kind.NORMAL` or `Kind.GCLID`."""
    clicked_at_ms: int | None
    """The click's own time; ``None`` for the gclid form, which carries none."""
    advertiser_id: str | None
    """The programme that the click is of; ``None`` for the gclid form, whose number is another."""


def of_touch(value: str, kind: int) -> Checksum | None:
    """Return what the checksum of a touch tells, or what is left of it (`consumer.attribution.erasure`)."""
    if kind == Kind.ERASED:
        advertiser_id, _, seconds = value.partition("_")
        return Checksum(value, Kind.ERASED, int(seconds) * 1000, advertiser_id)
    if kind == Kind.ERASED_GCLID:
        return Checksum(value, Kind.ERASED_GCLID, None, None)
    return parse(value)


def parse(value: str) -> Checksum | None:
    """Return what a checksum tells, or ``None`` when it is not well-formed.

    A click time that does not fit 64-bit milliseconds is no click time, so the value is not well-formed.
    """
    if len(value) > MAX_CHARACTERS:
        return None
    if (own := _OWN_FORM.fullmatch(value)) is not None:
        clicked_at_ms = int(own[2]) * 1000
        return Checksum(value, Kind.NORMAL, clicked_at_ms, own[1]) if clicked_at_ms <= _LATEST_MS else None
    return Checksum(value, Kind.GCLID, None, None) if _GCLID_FORM.fullmatch(value) else None
