"""How long orders of each partition waited, before a rollout and during it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from statistics import median
from typing import Literal

from msgspec import Struct

Phase = Literal["before", "during"]


class Wait(Struct, frozen=True):
    """One order, from when it entered Kafka."""

    partition: int
    """Of the order's topic."""
    entered_at_ms: int
    converted_s: float
    """Until its conversion was written."""
    reported_s: float
    """Until Awin had its first request."""


class Pause(Struct, frozen=True, kw_only=True):
    """The waits of one partition's orders that entered in one phase, in seconds."""

    partition: int
    phase: Phase
    orders: int
    converted_median_s: float
    converted_longest_s: float
    reported_median_s: float
    reported_longest_s: float


def pauses(waits: Iterable[Wait], began_ms: int, ended_ms: int) -> list[Pause]:
    """Return the pauses by partition and phase.

    An order is of the phase in which it entered; one that entered less than its own wait before the first SIGTERM
    felt the rollout, and counts as during it.
    """
    groups: Mapping[tuple[int, Phase], list[Wait]] = defaultdict(list)
    for wait in waits:
        if wait.entered_at_ms <= ended_ms:
            over_before = wait.entered_at_ms + 1000 * max(wait.reported_s, wait.converted_s) < began_ms
            groups[wait.partition, "before" if over_before else "during"].append(wait)
    return [
        Pause(
            partition=partition,
            phase=phase,
            orders=len(group),
            converted_median_s=round(median(each.converted_s for each in group), 2),
            converted_longest_s=round(max(each.converted_s for each in group), 2),
            reported_median_s=round(median(each.reported_s for each in group), 2),
            reported_longest_s=round(max(each.reported_s for each in group), 2),
        )
        for (partition, phase), group in sorted(groups.items())
    ]
