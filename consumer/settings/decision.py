"""What decides which channel and which programme an order gets."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from consumer.attribution.parts import GROUP
from consumer.attribution.rules import LineField, Mismatch
from consumer.events import Method
from consumer.settings.order_fields import Conditions, Parameters
from consumer.settings.types import ChannelName, Duration, Section, Texts

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
GroupCode = Annotated[str, StringConstraints(pattern=f"^{GROUP.pattern}$")]
Market = Annotated[str, StringConstraints(min_length=1)]


class Attribution(Section):
    """How an order gets its channel; see docs/attribution.md."""

    model: Literal["last_click", "none"] = Field(
        "last_click", description="`none`: always report `aw`, for shops that judge no last click."
    )
    order_channel: Literal["trust", "touch"] = Field(
        "trust", description="Whether an order's own `channel` is the decision or one more touch."
    )
    window: Duration = Field(
        timedelta(days=30), le=timedelta(days=365), description="How far back a click or landing counts."
    )
    windows: dict[ChannelName, Duration] = Field(
        default_factory=dict, description="Shorter windows of single channels, such as `ppcgoogle: 7d`."
    )
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


class Consent(Section):
    """What holds where nothing was said about consent, and what becomes of refused checksums."""

    missing: Literal["assume", "deny"] = Field(
        "assume", description="An order of a visitor who never said anything: as if granted, or denied."
    )
    markets: dict[Market, Literal["assume", "deny"]] = Field(
        default_factory=dict, description="The same for orders of single markets, capitals or not."
    )
    settle: Duration = Field(
        timedelta(minutes=30),
        description="How long after its landing a refused checksum is kept, since a banner may be answered late. Then "
        "it is erased from state.",
    )

    @model_validator(mode="after")
    def _names_each_market_once(self) -> Consent:
        if len({market.lower() for market in self.markets}) < len(self.markets):
            raise ValueError("markets: two differ in nothing but capitals, which do not count")
        return self


class CommissionGroups(Section):
    """Which commission group an order line belongs to."""

    field: LineField = Field("commission_group", description="What of a line tells its group.")
    codes: dict[str, GroupCode] = Field(
        default_factory=dict,
        description="The group of each value of that field; without it the field holds the group itself.",
    )
    default: GroupCode = Field("DEFAULT", description="The group of lines that tell none, or a value not in `codes`.")

    @model_validator(mode="after")
    def _has_codes(self) -> CommissionGroups:
        if self.field != "commission_group" and not self.codes:
            raise ValueError(f"codes must say which group each {self.field} belongs to")
        return self


class Programme(Section):
    """One Awin advertiser account."""

    advertiser_id: str = Field(pattern=r"^[1-9][0-9]{0,11}$", description="Awin's number of the programme.")
    when: Conditions = Field(
        default_factory=dict,
        description="Its orders: each field has one of these values. The first programme whose conditions hold gets an "
        "order.",
    )
    currencies: tuple[Currency, ...] = Field((), description="Those enabled at Awin; empty: not checked.")
    method: Method = Field(
        "sread",
        description="How orders are reported: `sread` sends a request for each, `conversion_api` calls Awin's "
        "Conversion API with many, `offline` leaves them to `awin-consumer export-offline`. There is no falling back "
        "from one to another.",
    )
    api_key_file: Path | None = Field(
        None,
        description="File that holds the key of the Conversion API, one line. It is read again when it changes.",
    )
    transaction_time: bool = Field(
        default=False,
        description="Whether the Conversion API is told when the order was placed: Awin must have activated it.",
    )
    report: Literal["all", "awin"] = Field(
        "all", description="`awin`: only orders whose channel is `aw` or that have a click checksum."
    )
    windows: dict[ChannelName, Duration] = Field(
        default_factory=dict, description="Over `attribution.windows`, for this programme."
    )
    groups: CommissionGroups = Field(default_factory=CommissionGroups, description="Commission groups.")
    parts_mismatch: Mismatch = Field(
        "pro_rata",
        description="Lines that do not add up to the subtotal: divide it in their proportion, give it to the default "
        "group, or make the order a dead letter.",
    )
    zero_value: Literal["send", "skip"] = Field("send", description="Orders worth nothing.")
    voucher_codes: Texts = Field((), description="The only codes to be reported; empty: all.")
    custom: Parameters = Field(
        default_factory=dict, description="Custom parameters: number to order field, such as `2: market`."
    )
    products: bool = Field(default=False, description="Whether requests carry a row for each line of the order.")
    requests_per_second: float | None = Field(
        None, gt=0, description="Most requests a second, over all instances; default: no limit."
    )
    concurrency: int | None = Field(
        None,
        ge=1,
        description="Most requests under way at once, over all instances (each may have one); default: no limit.",
    )

    @model_validator(mode="after")
    def _has_a_key(self) -> Programme:
        if self.method == "conversion_api" and self.api_key_file is None:
            raise ValueError("method conversion_api needs api_key_file")
        return self


class Orders(Section):
    """Which orders are ours to report."""

    exclude: tuple[Conditions, ...] = Field(
        (), description="Orders for which all conditions of one of these hold are not reported, only counted."
    )

    @model_validator(mode="after")
    def _excludes_not_all(self) -> Orders:
        if not all(self.exclude):
            raise ValueError("exclude: a set without conditions would exclude every order")
        return self
