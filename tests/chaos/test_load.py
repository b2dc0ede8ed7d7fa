"""The load of a chaos run gives every way of reporting its orders."""

from __future__ import annotations

from collections import Counter, defaultdict

from msgspec.structs import replace

from consumer.demo.shop import Emission, Shop
from consumer.events import OrderCompleted, SessionLanded
from tests.chaos.load import API, OFFLINE, SREAD, marketed

HALF_HOUR_MS = 1_800_000


def emissions() -> list[Emission]:
    """Return half an hour of a small shop."""
    return [marketed(each) for each in Shop(1, 2.0).events(0, HALF_HOUR_MS)]


def test_each_market_has_orders_and_clicks_of_its_programme() -> None:
    """Whoever buys in a market has landed by that market's links, and poison is still there."""
    markets = Counter(each.event.market for each in emissions() if isinstance(each.event, OrderCompleted))
    assert min(markets[market] for market in ("de", "uk", "fr")) > 20
    urls = [each.event.landing_url for each in emissions() if isinstance(each.event, SessionLanded)]
    links = Counter(programme for programme in (SREAD, API, OFFLINE) for url in urls if f"awc={programme}_" in url)
    assert min(links[programme] for programme in (SREAD, API, OFFLINE)) > 20
    assert any(isinstance(each.event, bytes) or each.event is None for each in emissions())


def test_what_belongs_together_stays_so() -> None:
    """What has the same key is of one market, and nothing else about it changes."""
    plain = list(Shop(1, 2.0).events(0, HALF_HOUR_MS))
    moved = emissions()
    assert [each[:4] for each in moved] == [each[:4] for each in plain]
    markets: dict[str, set[str | None]] = defaultdict(set)
    for before, after in zip(plain, moved, strict=True):
        if isinstance(before.event, OrderCompleted) and isinstance(after.event, OrderCompleted):
            assert replace(after.event, market="de") == before.event
            markets[after.key].add(after.event.market)
    assert {len(each) for each in markets.values()} == {1}
