"""The kinds of values that settings have."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_CHANNEL = re.compile(r"[A-Za-z0-9]{1,20}")


def _duration(value: object) -> object:
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.strip())
        if match is None:
            raise ValueError("a duration is a number with a unit: 250ms, 10s, 5m, 24h or 30d")
        return timedelta(seconds=float(Decimal(match[1]) * Decimal(str(_UNITS[match[2]]))))
    if not isinstance(value, timedelta):
        raise ValueError("a duration is a number with a unit: 250ms, 10s, 5m, 24h or 30d")  # noqa: TRY004  # pydantic's contract
    return value


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("must be longer than nothing")
    return value


def _checked_channel_name(value: str) -> str:
    if _CHANNEL.fullmatch(value) is None:
        raise ValueError("a channel name has 1 to 20 letters and digits (Awin's limit for `ch`)")
    return value


def _reachable(value: str) -> str:
    """Refuse an address that no connection can be made to: a wrong port would look like an outage for ever."""
    try:
        address = urlsplit(value)
        reachable = bool(address.hostname) and address.port != 0
    except ValueError:
        reachable = False
    if not reachable:
        raise ValueError("must be an address with a host and, if it has a port, one from 1 to 65535")
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration), AfterValidator(_positive)]
ChannelName = Annotated[str, AfterValidator(_checked_channel_name)]
HttpAddress = Annotated[str, AfterValidator(_reachable)]
Texts = tuple[Annotated[str, StringConstraints(min_length=1)], ...]


def milliseconds(duration: timedelta) -> int:
    """Return a duration in whole milliseconds."""
    return duration // timedelta(milliseconds=1)


class Section(BaseModel):
    """A part of the tree: frozen, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
