"""The settings of a decision, as one frozen value that pure code can be given."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from consumer.events import Method, Mode


class Rules(Struct, frozen=True, kw_only=True):
    """What `docs/attribution.md` leaves to the user; durations in milliseconds."""

    advertiser_id: str
    method: Method = "sread"
    mode: Mode = "shadow"
    model: Literal["last_click", "none"] = "last_click"
    order_channel: Literal["trust", "touch"] = "trust"
    channel_none: str = "na"
    channel_unknown: str = "aw"
    own_domains: tuple[str, ...] = ()
    window_ms: int = 30 * 86_400_000
    grace_ms: int = 10_000
    click_delay_ms: int = 300_000
    max_clock_skew_ms: int = 300_000
    max_order_delay_ms: int = 7 * 86_400_000
    sender: str = "awin-s2s-consumer"
    """Name and version, sent as custom parameter 1."""
