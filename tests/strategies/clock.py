"""The times that generated worlds share: small, so that every boundary is often hit exactly."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

T0_MS = 1_700_000_000_000

WINDOW_MS = 1_000_000
SHORT_WINDOW_MS = WINDOW_MS // 2
GRACE_MS = 10_000
CLICK_DELAY_MS = 20_000
SKEW_MS = 60_000
ORDER_DELAY_MS = 100_000
NEVER_MS = 10**12

FIRST_MS, SECOND_MS, THIRD_MS = ANCHORS_MS = (T0_MS, T0_MS + GRACE_MS, T0_MS + 900_000)
"""When orders are completed; whole seconds, so that a checksum's time can meet them."""

NUDGES = (0, 0, 0, -1, 1)

WINDOW_EDGES_MS = (-WINDOW_MS, -SHORT_WINDOW_MS, -SHORT_WINDOW_MS)
LANDING_EDGES_MS = (*WINDOW_EDGES_MS, -CLICK_DELAY_MS, -CLICK_DELAY_MS, 0, 0, GRACE_MS, GRACE_MS)
CHECKSUM_EDGES_MS = (*WINDOW_EDGES_MS, -WINDOW_MS, -2 * CLICK_DELAY_MS, -CLICK_DELAY_MS, 0)


def anchors(random: Random) -> Sequence[int]:
    """Return the moments around which a world happens: mostly one."""
    return random.choice(((FIRST_MS,), (SECOND_MS,), (FIRST_MS, SECOND_MS), (FIRST_MS, THIRD_MS)))


def checksum_time_s(random: Random, around: Sequence[int]) -> int:
    """Return a second on or beside the edges at which a checksum's own time stops counting."""
    at_ms = random.choice(around) + random.choice(CHECKSUM_EDGES_MS)
    return at_ms // 1_000 + random.choice(NUDGES)


def landing_time_ms(random: Random, around: Sequence[int], checksum: str) -> int:
    """Return a time on or beside the edges of ``around``, or the click delay after the checksum's own time."""
    nudge = random.choice(NUDGES)
    if random.choice((True, False, False)) and not checksum.startswith("gclid"):
        return int(checksum.split("_")[1]) * 1_000 + CLICK_DELAY_MS + nudge
    return random.choice(around) + random.choice(LANDING_EDGES_MS) + nudge
