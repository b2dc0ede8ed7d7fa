"""Who said what about consent before an order, and what came of it. Pure. Source: docs/attribution.md, section 4."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from consumer.attribution.lastclick import MAX_EVIDENCE
from consumer.attribution.rules import Rules
from consumer.events import Consent, Conversion, OrderCompleted, SessionLanded

SaidBy = Literal["order", "landing", "nobody", "many_touches", "left_out", "not_known"]

_WITHHELD = frozenset({"won_no_consent", "no_consent"})
_BY_TOUCHES = frozenset({"last_click", "direct_only"})


class ConsentFound(Struct, frozen=True, kw_only=True):
    """The statement that held, and its effect on the checksum."""

    said_by: SaidBy
    """``nobody``: the settings say what holds. Where it cannot be said: ``many_touches``, there may be more than the
    conversion tells of; ``left_out``, it tells of none for lack of room; ``not_known``, the records that would tell are
    not there any more."""
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
    unknown = _why_unknown(conversion, order, sessions)
    if order is None or unknown is not None:
        return ConsentFound(said_by=unknown or "not_known", statement=None, withheld=withheld)
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


def evidence_is_left_out(conversion: Conversion) -> bool:
    """Whether a conversion tells of no touch although one decided it: with them it was too large for its topic."""
    return not conversion.evidence and conversion.reason in _BY_TOUCHES


def _why_unknown(
    conversion: Conversion, order: OrderCompleted | None, sessions: Mapping[int, SessionLanded]
) -> SaidBy | None:
    """Say why it cannot be told who said what; ``None`` when it can."""
    if len(conversion.evidence) >= MAX_EVIDENCE:
        return "many_touches"
    if evidence_is_left_out(conversion):
        return "left_out"
    offsets = {each.session_offset for each in conversion.evidence if each.session_offset is not None}
    return None if order is not None and offsets <= sessions.keys() else "not_known"
