"""What a landing says: reads a click checksum or a channel off its addresses. Source: docs/attribution.md, section 1.

A hot path: every session passes here, so parameters that no rule asks for are never decoded.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote_plus

from consumer.attribution.awc import Checksum, parse
from consumer.attribution.channels import AWIN_CHANNEL, ChannelTable
from consumer.attribution.touch import Kind


class Landing(NamedTuple):
    """What is kept of a landing; never the address itself."""

    channel: str | None
    rule: str | None
    """The rule of the channel table that matched, ``awc`` for a checksum, ``None`` for a direct landing."""
    awc: str | None
    kind: int
    """A `Kind`, as a plain integer."""
    malformed: bool
    """True when an ``awc`` was there, not empty and not well-formed."""


CHECKSUM_RULE = "awc"
"""Stands for a rule where a checksum names the channel."""

DIRECT = Landing(None, None, None, 0, malformed=False)

_CHECKSUM_PARAMETERS = frozenset({"sn", "awaid", "gclid"})


def read(landing_url: str, referrer: str | None, table: ChannelTable) -> Landing:
    """Return what a landing says. Takes any text as addresses and never raises."""
    if not referrer and "?" not in landing_url and not table.reads_bare_landings:
        return DIRECT
    query, awcs = _parameters(landing_url, table.parameters)
    checksums = [parse(awc) for awc in awcs if awc]
    malformed = None in checksums
    checksum = next(filter(None, checksums), None) or _from_parallel_tracking(query)
    if checksum is not None:
        return Landing(AWIN_CHANNEL, CHECKSUM_RULE, checksum.value, _kind(checksum, query), malformed)
    channel, rule = table.classify(query, landing_url, referrer)
    return Landing(channel, rule, None, 0, malformed) if rule or malformed else DIRECT


def _parameters(url: str, wanted: frozenset[str]) -> tuple[dict[str, str], list[str]]:
    """Return the first value of each parameter that matters, decoded, and every value of ``awc``."""
    query: dict[str, str] = {}
    awcs: list[str] = []
    text = url.partition("#")[0].partition("?")[2]
    for pair in text.split("&") if text else ():
        name, _, value = pair.partition("=")
        if "%" in name or "+" in name:
            name = unquote_plus(name)
        if name == "awc":
            awcs.append(unquote_plus(value))
        if (name in wanted or name in _CHECKSUM_PARAMETERS) and name not in query:
            query[name] = unquote_plus(value)
    return query, awcs


def _from_parallel_tracking(query: dict[str, str]) -> Checksum | None:
    """Return the checksum that Google's parallel tracking leaves in ``awaid`` and ``gclid``."""
    awaid = query.get("awaid", "")
    if not (awaid.isascii() and awaid.isdigit()):
        return None
    return parse(f"gclid_{awaid}_{query.get('gclid', '')}")


def _kind(checksum: Checksum, query: dict[str, str]) -> int:
    if checksum.kind is Kind.NORMAL and query.get("sn") == "1":
        return Kind.STRICTLY_NECESSARY.value
    return checksum.kind.value
