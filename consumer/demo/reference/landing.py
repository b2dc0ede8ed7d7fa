"""Section 1 of ``docs/attribution.md``: what one landing says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote_plus

from consumer.attribution.rules import Rules
from consumer.demo.reference.channels import channel_by_table, page_of
from consumer.demo.reference.logged import LoggedSession
from consumer.events import Consent

Kind = Literal["normal", "strictly_necessary", "gclid"]

LONGEST_AWC = 200
LATEST_MS = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Touch:
    """One landing as an order may see it."""

    session_id: str
    offset: int
    landed_at_ms: int
    watermark_ms: int | None
    """The partition's watermark just before this landing was read; ``None`` when it was the first."""
    channel: str | None
    rule: str | None
    checksum: str | None
    """Or what is left of it."""
    kind: Kind | None
    consent: Consent | None
    is_erased: bool = False
    """Was the checksum erased (section 10)?"""


def touch_of(session: LoggedSession, watermark_ms: int | None, shop: Rules) -> Touch:
    """Section 1: the touch of one session record, ``watermark_ms`` being what stood before it."""
    pairs = query_parameters(session.event.landing_url)
    checksum, kind = checksum_in(pairs)
    channel: str | None = "aw"
    rule: str | None = "awc"
    if checksum is None:
        event = session.event
        page = page_of(event.landing_url, event.referrer or "", first_of_each(pairs), shop.own_domains)
        channel, rule = channel_by_table(page, shop.channel_rules)
    return Touch(
        session_id=session.event.session_id,
        offset=session.offset,
        landed_at_ms=session.event.landed_at_ms,
        watermark_ms=watermark_ms,
        channel=channel,
        rule=rule,
        checksum=checksum,
        kind=kind,
        consent=session.event.consent,
    )


def query_parameters(url: str) -> list[tuple[str, str]]:
    """Section 1, query parameters: name and value, in their order, each decoded once."""
    before_fragment = url.split("#", 1)[0]
    if "?" not in before_fragment:
        return []
    query = before_fragment.split("?", 1)[1]
    pairs = []
    for piece in query.split("&"):
        name, _, value = piece.partition("=")
        pairs.append((unquote_plus(name, errors="replace"), unquote_plus(value, errors="replace")))
    return pairs


def checksum_in(pairs: list[tuple[str, str]]) -> tuple[str | None, Kind | None]:
    """Section 1, checksum: the first rule that holds."""
    first = first_of_each(pairs)
    for name, value in pairs:
        if name == "awc" and is_gclid_form(value):
            return value, "gclid"
        if name == "awc" and is_awc_form(value):
            return value, "strictly_necessary" if first.get("sn") == "1" else "normal"
    awaid, gclid = first.get("awaid", ""), first.get("gclid", "")
    if re.fullmatch("[0-9]+", awaid) and is_gclid_form(f"gclid_{awaid}_{gclid}"):
        return f"gclid_{awaid}_{gclid}", "gclid"
    return None, None


def is_awc_form(value: str) -> bool:
    """Is this an ordinary well-formed awc?"""
    if len(value) > LONGEST_AWC or not re.fullmatch("[0-9]+_[0-9]+_[A-Za-z0-9]+", value):
        return False
    return int(value.split("_")[1]) * 1000 <= LATEST_MS


def is_gclid_form(value: str) -> bool:
    """Is this an awc of the gclid form?"""
    return len(value) <= LONGEST_AWC and re.fullmatch("gclid_[0-9]+_[A-Za-z0-9_-]+", value) is not None


def first_of_each(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Of a repeated parameter, the first occurrence."""
    first: dict[str, str] = {}
    for name, value in pairs:
        if name not in first:
            first[name] = value
    return first
