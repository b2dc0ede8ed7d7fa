"""The load of a chaos run: the synthetic shop, spread over markets, each of which is another programme.

So all ways of reporting have orders at the same time, clicks of their own included.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zlib import crc32

from msgspec.structs import replace

from consumer.demo.shop import ADVERTISER, Emission
from consumer.events import OrderCompleted, SessionLanded

EVENTS_PER_S = 80.0
"""Landings and orders, about one in ten an order: two cores have enough to do with all the processes."""
SREAD, API, OFFLINE = ADVERTISER, "2002", "3003"
_MARKETS = ("de",) * 10 + ("uk",) * 7 + ("fr",) * 3
_PROGRAMMES: Mapping[str, str] = {"de": SREAD, "uk": API, "fr": OFFLINE}


def programmes(key_file: str) -> list[dict[str, Any]]:
    """Return the settings of the programmes: one for each way of reporting."""
    groups = {"field": "category", "codes": {"shoes": "SHOES", "jackets": "OUTDOOR"}}
    return [
        {
            "advertiser_id": API,
            "when": {"market": "uk"},
            "method": "conversion_api",
            "api_key_file": key_file,
            "products": True,
        },
        {"advertiser_id": OFFLINE, "when": {"market": "fr"}, "method": "offline"},
        {"advertiser_id": SREAD, "groups": groups, "custom": {"2": "market"}, "products": True},
    ]


def marketed(emission: Emission) -> Emission:
    """Move what a visitor does to that visitor's market; poison stays as it is."""
    event = emission.event
    market = _MARKETS[crc32(emission.key.encode()) % len(_MARKETS)]
    if isinstance(event, OrderCompleted):
        return emission._replace(event=replace(event, market=market))
    if isinstance(event, SessionLanded):
        return emission._replace(event=replace(event, landing_url=_of_programme(event.landing_url, market)))
    return emission


def _of_programme(landing_url: str, market: str) -> str:
    """Let the links of the shop's programme be those of the market's."""
    programme = _PROGRAMMES[market]
    return landing_url.replace(f"awc={SREAD}_", f"awc={programme}_").replace(f"awaid={SREAD}", f"awaid={programme}")
