"""What decides which channel and which programme an order gets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from consumer.attribution.channels import AWIN_CHANNEL
from consumer.attribution.default_channels import DEFAULT_RULES
from consumer.attribution.hosts import own_host
from consumer.attribution.order_fields import is_field
from consumer.attribution.parts import GROUP
from consumer.attribution.rules import LineField, Mismatch
from consumer.errors import SettingsError
from consumer.settings.types import ChannelName, Duration, Section

_HOST_PATTERN = re.compile(r"\*|\.?[a-z0-9-]+(\.[a-z0-9-]+)*(\.\*)?")


def _order_field(name: str) -> str:
    if not is_field(name):
        raise ValueError("orders have no such field; see docs/configuration.md, 'Fields of an order'")
    return name


def _host_pattern(text: str) -> str:
    pattern = text.lower()
    if not _HOST_PATTERN.fullmatch(pattern):
        raise ValueError(
            "a host is written like bing.com, .facebook.com, google.*, .yandex.* or *; an IDN in its xn-- form"
        )
    return pattern


def _parameter_number(name: str) -> str:
    if not re.fullmatch("[1-9][0-9]*", name):
        raise ValueError("a custom parameter is named by its number, from 1 on")
    return name


def _numbered(custom: object) -> object:
    """Take numbers for names, since ``2: market`` is a number in YAML. What else may be wrong is not judged here."""
    if not isinstance(custom, dict):
        return custom
    numbered = {str(name) if type(name) is int else name: field for name, field in custom.items()}
    if len(numbered) < len(custom):
        raise ValueError("a number comes twice")
    return numbered


OrderField = Annotated[str, AfterValidator(_order_field)]
Value = str | bool | None


def _values(stated: object) -> tuple[Value, ...]:
    values = tuple(stated) if isinstance(stated, list | tuple) else (stated,)
    if not values:
        raise ValueError("states no value, so it would never hold")
    if not all(isinstance(value, Value) for value in values):
        raise ValueError("a value is text, true, false or null: write a number in quotes")
    return values


def _own_domain(text: str) -> str:
    try:
        own_host(text)
    except SettingsError as error:
        raise ValueError(str(error).removeprefix("channels.own_domains: ")) from None
    return text


def _meant(conditions: dict[str, tuple[Value, ...]]) -> dict[str, tuple[Value, ...]]:
    """Refuse values that the field never has: the condition would hold for no order, silently."""
    for field, stated in conditions.items():
        for value in stated:
            if isinstance(value, bool) != (field == "test") and value is not None:
                raise ValueError(
                    f"{field}: write {value!r} in quotes" if isinstance(value, bool) else f"{field} is true or false"
                )
            if value == "" or (field in _SYMBOLS and value is not None and value not in _SYMBOLS[field]):
                raise ValueError(f"{field} is never {value!r}")
            if field == "currency" and isinstance(value, str) and not re.fullmatch("[A-Z]{3}", value):
                raise ValueError(f"{field} is never {value!r}")
    return conditions


_SYMBOLS = {"customer_type": {"NEW", "RETURNING"}, "consent": {"granted", "denied", "unknown"}}
Conditions = Annotated[dict[OrderField, Annotated[tuple[Value, ...], BeforeValidator(_values)]], AfterValidator(_meant)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
GroupCode = Annotated[str, StringConstraints(pattern=f"^{GROUP.pattern}$")]
HostPattern = Annotated[str, AfterValidator(_host_pattern)]
ParameterNumber = Annotated[str, AfterValidator(_parameter_number)]
RuleName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,40}$")]
Market = Annotated[str, StringConstraints(min_length=1)]
OwnDomain = Annotated[str, AfterValidator(_own_domain)]
LandingPath = Annotated[str, StringConstraints(pattern=r"^/[^*?#]*\*?$")]
Texts = tuple[Annotated[str, StringConstraints(min_length=1)], ...]


class Attribution(Section):
    """How an order gets its channel; see docs/attribution.md."""

    model: Literal["last_click", "none"] = Field(
        "last_click", description="`none`: always report `aw`, for shops that judge no last click."
    )
    order_channel: Literal["trust", "touch"] = Field(
        "trust", description="Whether an order's own `channel` is the decision or one more touch."
    )
    window: Duration = Field(timedelta(days=30), description="How far back a click or landing counts.")
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


class ChannelRule(Section):
    """One line of the channel table. It matches when everything that it states holds."""

    name: RuleName = Field(description="Its name, on conversions and in `explain`.")
    channel: ChannelName | None = Field(description="The channel; null for landings that are no touch.")
    given: Texts = Field((), description="At least one of these query parameters is there and not empty.")
    absent: Texts = Field((), description="None of these query parameters is there.")
    query: dict[str, Texts] = Field(
        default_factory=dict,
        description="Each of these query parameters has one of its values, capitals or not.",
    )
    referrer: tuple[HostPattern, ...] = Field(
        (),
        description="The referrer's host: `bing.com`; with those below it `.facebook.com`; a name before any country "
        "`google.*` (google.de, google.co.uk, google.com.br), with those below it `.yandex.*`; any `*`.",
    )
    own_referrer: bool = Field(
        default=False, description="The referrer is of an own domain, or of the landing's own host."
    )
    landing_host: tuple[HostPattern, ...] = Field((), description="The landing's host, as `referrer`.")
    landing_path: tuple[LandingPath, ...] = Field(
        (), description="The landing's path, or with a `*` at the end how it begins. Case counts."
    )

    @model_validator(mode="after")
    def _states_something(self) -> ChannelRule:
        stated = (self.given, self.absent, self.query, self.referrer, self.landing_host, self.landing_path)
        if not any(stated) and not self.own_referrer:
            raise ValueError("a rule without a condition would match every landing")
        return self


def _line(line: object) -> ChannelRule | Literal["default"]:
    if line == "default":
        return "default"
    if not isinstance(line, Mapping):
        raise ValueError("a line is a mapping, or the word default")  # noqa: TRY004  # pydantic's contract
    return ChannelRule.model_validate(line)


class Channels(Section):
    """Names of channels that no touch decides, what belongs to the shop itself, and the channel table."""

    none: ChannelName = Field("na", description="`ch` when only direct landings were seen.")
    unknown: ChannelName = Field("aw", description="`ch` when no landing of the customer is known.")
    own_domains: tuple[OwnDomain, ...] = Field(
        (), description="The shop's own hosts; referrers below them are internal."
    )
    rules: tuple[Annotated[ChannelRule | Literal["default"], BeforeValidator(_line)], ...] = Field(
        ("default",),
        description="The channel table, first match wins; `default` stands for all lines of the default table.",
    )

    def touched(self) -> tuple[str, ...]:
        """Return the channels that a landing can have, sorted."""
        names = {AWIN_CHANNEL}
        for line in self.rules:
            names.update(
                rule.channel for rule in ((line,) if isinstance(line, ChannelRule) else DEFAULT_RULES) if rule.channel
            )
        return tuple(sorted(names))


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

    advertiser_id: str = Field(pattern=r"^[0-9]{1,12}$", description="Awin's number of the programme.")
    when: Conditions = Field(
        default_factory=dict,
        description="Its orders: each field has one of these values. The first programme whose conditions hold gets an "
        "order.",
    )
    currencies: tuple[Currency, ...] = Field((), description="Those enabled at Awin; empty: not checked.")
    method: Literal["sread", "offline"] = Field(
        "sread",
        description="How orders are reported: `sread` sends a request for each, `offline` leaves them to "
        "`awin-consumer export-offline`.",
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
    custom: Annotated[dict[ParameterNumber, OrderField], BeforeValidator(_numbered)] = Field(
        default_factory=dict, description="Custom parameters: number to order field, such as `2: market`."
    )
    products: bool = Field(default=False, description="Whether requests carry a row for each line of the order.")


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
