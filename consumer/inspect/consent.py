"""Who said what about consent before an order, and what came of it. Pure. Source: docs/attribution.md, section 4."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from consumer.attribution.lastclick import MAX_EVIDENCE
from consumer.attribution.rules import Rules
from consumer.events import Consent, Conversion, Evidence, OrderCompleted, SessionLanded

SaidBy = Literal["order", "landing", "nobody", "not_known"]

_WITHHELD = frozenset({"won_no_consent", "no_consent"})


class ConsentFound(Struct, frozen=True, kw_only=True):
    """The statement that held, and its effect on the checksum."""

    said_by: SaidBy
    """``nobody``: the settings say what holds. ``not_known``: the records that would tell are not there any more."""
    statement: Consent | None
    """``granted`` or ``denied``; of nobody, what the settings say; ``None``: not known."""
    landed_at_ms: int | None = None
    session_offset: int | None = None
    market: str = ""
    """Of nobody: the market whose setting it is; empty: that of all others."""
    withheld: bool
    """Whether a checksum was not sent for lack of consent."""


def consent(
    conversion: Conversion, order: OrderCompleted | None, sessions: Mapping[int, SessionLanded], rules: Rules
) -> ConsentFound:
    """Return whose word held when an order was decided.

    Args:
        conversion: what was decided.
        order: its record; ``None``: not there any more.
        sessions: the records of the touches that the conversion tells of, by their offsets, those that are there.
        rules: of its programme, for what holds when nobody said anything.
    """
    withheld = any(each.verdict in _WITHHELD for each in conversion.evidence)
    if order is not None and order.consent in {"granted", "denied"}:
        return ConsentFound(said_by="order", statement=order.consent, withheld=withheld)
    if order is None or not _are_all_there(conversion.evidence, sessions):
        return ConsentFound(said_by="not_known", statement=None, withheld=withheld)
    stated = [each for each in sessions.items() if each[1].consent in {"granted", "denied"}]
    if stated:
        offset, session = max(stated, key=lambda each: (each[1].landed_at_ms, each[0]))
        return ConsentFound(
            said_by="landing",
            statement=session.consent,
            landed_at_ms=session.landed_at_ms,
            session_offset=offset,
            withheld=withheld,
        )
    statement: Consent = "denied" if rules.consent_missing_for(order.market) == "deny" else "granted"
    market = order.market if order.market and order.market.lower() in rules.consent_missing_in else ""
    return ConsentFound(said_by="nobody", statement=statement, market=market, withheld=withheld)


def _are_all_there(evidence: Sequence[Evidence], sessions: Mapping[int, SessionLanded]) -> bool:
    offsets = {each.session_offset for each in evidence if each.session_offset is not None}
    return len(evidence) < MAX_EVIDENCE and offsets <= sessions.keys()
