"""The channel table, and what belongs to the shop itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from consumer.attribution.channels import AWIN_CHANNEL
from consumer.attribution.default_channels import DEFAULT_RULES
from consumer.attribution.hosts import own_host
from consumer.attribution.landing import CHECKSUM_RULE
from consumer.attribution.lastclick import ORDER_RULE
from consumer.errors import SettingsError
from consumer.settings.types import ChannelName, Section, Texts

_HOST_PATTERN = re.compile(r"\*|\.?[a-z0-9-]+(\.[a-z0-9-]+)*(\.\*)?")
_TAKEN = frozenset({CHECKSUM_RULE, ORDER_RULE, "default"})


def _host_pattern(text: str) -> str:
    pattern = text.lower()
    if not _HOST_PATTERN.fullmatch(pattern):
        raise ValueError(
            "a host is written like bing.com, .facebook.com, google.*, .yandex.* or *; an IDN in its xn-- form"
        )
    return pattern


def _own_domain(text: str) -> str:
    try:
        own_host(text)
    except SettingsError as error:
        raise ValueError(str(error).removeprefix("channels.own_domains: ")) from None
    return text


def _free(name: str) -> str:
    if name in _TAKEN:
        raise ValueError(f"{name} has a meaning of its own: take another name")
    return name


HostPattern = Annotated[str, AfterValidator(_host_pattern)]
LandingPath = Annotated[str, StringConstraints(pattern=r"^/[^*?#]*\*?$")]
OwnDomain = Annotated[str, AfterValidator(_own_domain)]
RuleName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,40}$"), AfterValidator(_free)]


class ChannelRule(Section):
    """One line of the channel table. It matches when everything that it states holds."""

    name: RuleName = Field(
        description="Its name, on conversions and in `explain`; unique, those of default lines included."
    )
    channel: ChannelName | None = Field(description="The channel; null for landings that are no touch.")
    given: Texts = Field((), description="At least one of these query parameters is there and not empty.")
    absent: Texts = Field((), description="None of these query parameters is there.")
    query: dict[str, Annotated[Texts, Field(min_length=1)]] = Field(
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

    @model_validator(mode="after")
    def _names_each_line_once(self) -> Channels:
        if self.rules.count("default") > 1:
            raise ValueError("rules: default comes twice")
        own = [line.name for line in self.rules if isinstance(line, ChannelRule)]
        names = own + [rule.name for rule in DEFAULT_RULES if "default" in self.rules]
        twice = sorted({name for name in own if names.count(name) > 1})
        if twice:
            raise ValueError(f"rules: {', '.join(twice)} comes twice, counting the lines that default stands for")
        return self

    def touched(self) -> tuple[str, ...]:
        """Return the channels that a landing can have, sorted."""
        names = {AWIN_CHANNEL}
        for line in self.rules:
            names.update(
                rule.channel for rule in ((line,) if isinstance(line, ChannelRule) else DEFAULT_RULES) if rule.channel
            )
        return tuple(sorted(names))
