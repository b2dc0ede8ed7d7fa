"""The times and settings that generated worlds share: small, so that every boundary is often hit exactly."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from hypothesis import strategies as st

from consumer.attribution.rules import Rules

T0_MS = 1_700_000_000_000

WINDOW_MS = 1_000_000
GRACE_MS = 10_000
CLICK_DELAY_MS = 20_000
SKEW_MS = 60_000
ORDER_DELAY_MS = 100_000

ANCHORS_MS = (T0_MS, T0_MS + GRACE_MS, T0_MS + 900_000)
"""When orders are completed; whole seconds, so that a checksum's time can meet them."""

ADVERTISER = "1001"
OTHER_ADVERTISER = "2002"

NUDGES = (0, 0, 0, -1, 1)

LANDING_EDGES_MS = (-WINDOW_MS, -WINDOW_MS // 2, -CLICK_DELAY_MS, -CLICK_DELAY_MS, 0, 0, GRACE_MS, GRACE_MS)
CHECKSUM_EDGES_MS = (-WINDOW_MS, -WINDOW_MS, -WINDOW_MS // 2, -2 * CLICK_DELAY_MS, -CLICK_DELAY_MS, 0)


def anchors() -> st.SearchStrategy[Sequence[int]]:
    """The moments around which a world happens: mostly one."""
    first, second, third = ANCHORS_MS
    return st.sampled_from(((first,), (second,), (first, second), (first, third)))


def checksum_times_s(around: Sequence[int]) -> st.SearchStrategy[int]:
    """Seconds on and beside the edges at which a checksum's own time stops counting."""
    whole_ms = [anchor + edge for anchor, edge in product(around, CHECKSUM_EDGES_MS)]
    return st.sampled_from([time_ms // 1_000 + nudge for time_ms, nudge in product(whole_ms, NUDGES)])


@st.composite
def rules(draw: st.DrawFn) -> Rules:
    """Settings with small durations."""
    return Rules(
        advertiser_id=ADVERTISER,
        mode=draw(st.sampled_from(("live", "test", "shadow"))),
        model=draw(st.sampled_from(("last_click",) * 7 + ("none",))),
        order_channel=draw(st.sampled_from(("trust", "touch"))),
        channel_none=draw(st.sampled_from(("na", "direct"))),
        channel_unknown=draw(st.sampled_from(("aw", "unknown"))),
        own_domains=draw(st.sampled_from(((), ("shop.example",), ("WWW.Brand.Example:443", "shop.example")))),
        window_ms=WINDOW_MS,
        grace_ms=draw(st.sampled_from((GRACE_MS, GRACE_MS, 0))),
        click_delay_ms=CLICK_DELAY_MS,
        max_clock_skew_ms=SKEW_MS,
        max_order_delay_ms=ORDER_DELAY_MS,
        sender="sender-1.0",
    )
