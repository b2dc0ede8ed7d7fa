"""What decides which channel and which programme an order gets."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field

from consumer.settings.types import ChannelName, Duration, Section


class Attribution(Section):
    """How an order gets its channel; see docs/attribution.md."""

    model: Literal["last_click", "none"] = Field(
        "last_click", description="`none`: always report `aw`, for shops that judge no last click."
    )
    order_channel: Literal["trust", "touch"] = Field(
        "trust", description="Whether an order's own `channel` is the decision or one more touch."
    )
    window: Duration = Field(timedelta(days=30), description="How far back a click or landing counts.")
    grace: Duration = Field(timedelta(seconds=10), description="How long sessions may come after the order.")
    idle_wait: Duration | None = Field(
        None, description="On a quiet partition: how long without a session before deciding; default: `grace`."
    )
    max_hold: Duration = Field(
        timedelta(seconds=60), description="Longest wait of an order once everything before it has been read."
    )
    click_delay: Duration = Field(
        timedelta(minutes=5), description="A landing within this time after its click sets the click's time."
    )
    max_clock_skew: Duration = Field(
        timedelta(minutes=5), description="An event time further ahead of its record's is bad input."
    )
    max_order_delay: Duration = Field(
        timedelta(days=7), description="An order that enters Kafka later than this after completion is a dead letter."
    )
    flood_share: float = Field(
        0.5,
        gt=0,
        le=1,
        description="Share of bad records among the last 1,000 of a topic that stops a stage.",
    )


class Channels(Section):
    """Names of channels that no touch decides, and what belongs to the shop itself."""

    none: ChannelName = Field("na", description="`ch` when only direct landings were seen.")
    unknown: ChannelName = Field("aw", description="`ch` when no landing of the customer is known.")
    own_domains: tuple[str, ...] = Field((), description="The shop's own hosts; referrers below them are internal.")


class Programme(Section):
    """One Awin advertiser account."""

    advertiser_id: str = Field(pattern=r"^[0-9]{1,12}$", description="Awin's number of the programme.")
    method: Literal["sread"] = Field("sread", description="How orders are reported.")
