"""What each fault cost: lost and repeated orders, and the seconds until orders were fresh again. Pure.

All times are epoch milliseconds, unless a name says otherwise.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec import Struct

NORMAL_MS = 3_000
"""A fresh order reaches Awin within this time, on a machine that is shared: its grace is over and nothing is wrong."""
SHARE = 0.85
"""Of all orders; the others met one of the failures that Awin has all the time."""
WINDOW_MS = 3_000
LEAST = 4
"""Orders in a window, for it to say something."""
_STEP_MS = 250


class Span(NamedTuple):
    """A fault, from strike to heal."""

    kind: str
    from_ms: int
    to_ms: int


class Arrival(NamedTuple):
    """When an order could be delivered at the earliest, and when Awin first accepted it, if it did."""

    since_ms: int
    accepted_ms: int | None

    @property
    def is_normal(self) -> bool:
        """Whether it was as quick as without any fault."""
        return self.accepted_ms is not None and self.accepted_ms - self.since_ms <= NORMAL_MS


class Cost(Struct, frozen=True, kw_only=True):
    """What all faults of a kind cost."""

    fault: str
    times: int
    lost: int
    repeated: int
    recovery_s: tuple[float, ...]
    """Of those that were alone until it was over."""


def costs(
    spans: Sequence[Span], arrivals: Iterable[Arrival], lost: Iterable[int], repeated: Iterable[int]
) -> list[Cost]:
    """Return the cost of each kind, in the order in which they first struck.

    Args:
        spans: the faults.
        arrivals: of every order that Awin has to hear of.
        lost: when each lost order was completed.
        repeated: when each repeat was accepted.
    """
    spans = sorted(spans, key=lambda span: span.from_ms)
    known = sorted(arrivals, key=lambda arrival: arrival.since_ms)
    lost_by, repeated_by = _blamed(spans, lost), _blamed(spans, repeated)
    rows: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        rows[span.kind].append(span)
    return [
        Cost(
            fault=kind,
            times=len(of_kind),
            lost=sum(lost_by[span] for span in of_kind),
            repeated=sum(repeated_by[span] for span in of_kind),
            recovery_s=tuple(seconds for span in of_kind if (seconds := recovery_s(span, spans, known)) is not None),
        )
        for kind, of_kind in rows.items()
    ]


def recovery_s(span: Span, spans: Iterable[Span], arrivals: Sequence[Arrival]) -> float | None:
    """Return the seconds from a fault's end until orders arrive in normal time again.

    ``None`` when that cannot be told: another fault was there, or struck before it was over, or the load ended.
    """
    others = [other for other in spans if other is not span and other.to_ms > span.to_ms]
    until_ms = min((other.from_ms for other in others), default=max((each.since_ms for each in arrivals), default=0))
    for at_ms in range(span.to_ms, until_ms - WINDOW_MS + 1, _STEP_MS):
        fresh = [each for each in arrivals if at_ms <= each.since_ms < at_ms + WINDOW_MS]
        if len(fresh) >= LEAST and sum(each.is_normal for each in fresh) >= SHARE * len(fresh):
            return (at_ms - span.to_ms) / 1000
    return None


def _blamed(spans: Sequence[Span], times_ms: Iterable[int]) -> dict[Span, int]:
    """Count for each fault what happened after it struck and before the next one did; the first has what was before."""
    counts = dict.fromkeys(spans, 0)
    for at_ms in times_ms:
        before = [span for span in spans if span.from_ms <= at_ms] or spans[:1]
        if before:
            counts[before[-1]] += 1
    return counts
