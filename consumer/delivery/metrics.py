"""What the deliver stage reports beside what every stage does."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal, Protocol

from msgspec import Struct

from consumer.delivery.pacing.gate import Stop
from consumer.events import Method, Outcome
from consumer.stage_metrics import StageMetrics

Limit = Literal["rate", "concurrency", "calls"]


class Attempted(Struct, frozen=True, kw_only=True):
    """One request to Awin, and how it ended."""

    programme: str
    method: Method
    outcome: Outcome
    failure: str
    """``http_503``, or the error's name where there was no status; empty when it delivered."""
    seconds: float
    again: bool
    """Whether it carries a conversion that was sent before."""


class Sale(Struct, frozen=True, kw_only=True):
    """One conversion whose delivery is on record, with the seconds that it took (wall clock)."""

    programme: str
    channel: str
    currency: str
    amount: Decimal
    since_completion_s: float
    since_entry_s: float
    since_decidable_s: float
    since_conversion_s: float


class ProgrammeStanding(Struct, frozen=True, kw_only=True):
    """Where a programme stands now."""

    stop: Stop = ""
    """Why nothing of it is sent; empty if something is."""
    limits: frozenset[Limit] = frozenset()
    """The limits that its conversions wait for."""
    waiting: int = 0
    """Conversions that wait for their attempt."""
    in_flight: int = 0
    """Requests under way."""


class DeliverMetrics(StageMetrics, Protocol):
    """Where the numbers go. Every call comes on the polling thread and must return quickly."""

    def attempted(self, attempt: Attempted) -> None:
        """One request ended."""

    def left_out(self, what: str) -> None:
        """The request of one conversion leaves something out for being too long (`consumer.awin.sread.SreadRequest`).

        Told once for a conversion, however often it is sent.
        """

    def ending(self, programme: str, ending: str) -> None:
        """One conversion's ending was committed."""

    def delivered(self, sale: Sale) -> None:
        """One sale's delivery was committed."""

    def possible_repeat(self, programme: str) -> None:
        """One conversion that may have reached Awin twice was committed."""

    def deferred(self, programme: str, why: str) -> None:
        """One conversion was put off, which was committed (`consumer.delivery.deferral.Why`)."""

    def programmes(self, standings: Mapping[str, ProgrammeStanding]) -> None:
        """Where each programme stands; others are no longer told of."""

    def outstanding(self, conversions: int, limit: int) -> None:
        """So many conversions are unfinished now, of so many that may be."""
