"""The synthetic shop: repeatable, and as awkward as it promises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from consumer.attribution.channels import ChannelTable
from consumer.attribution.landing import read
from consumer.demo.shop import HOST, Emission, Shop
from consumer.events import OrderCompleted, SessionLanded

START_MS = 1_700_000_000_000
MINUTE_MS = 60_000


def a_minute(seed: int = 1) -> list[Emission]:
    """Everything that a shop emits of one busy minute."""
    shop = Shop(seed, 1_000)
    return [*shop.events(START_MS, START_MS + MINUTE_MS), *shop.rest()]


def orders(emissions: Iterable[Emission]) -> list[OrderCompleted]:
    """The orders that can be read."""
    return [emission.event for emission in emissions if isinstance(emission.event, OrderCompleted)]


def test_the_same_seed_makes_the_same_shop() -> None:
    """Two shops with one seed emit the same; another seed emits something else."""
    assert a_minute(1) == a_minute(1)
    assert a_minute(1) != a_minute(2)


def test_emissions_come_in_order_of_time() -> None:
    """What is emitted earlier comes earlier, whatever the events' own times say."""
    times = [emission.at_ms for emission in a_minute()]
    assert times == sorted(times)


def test_the_rate_is_about_what_was_asked_for() -> None:
    """Landings and orders together come to the rate, and there are about ten landings an order."""
    counts = Counter(emission.topic for emission in a_minute())
    assert 50_000 < counts.total() < 72_000
    assert 7 < counts["session"] / counts["order"] < 14


def test_it_is_awkward() -> None:
    """Events out of order, repeats, conflicts, strangers without a visitor, and poison on both topics all occur."""
    emissions = a_minute()
    sessions = [emission.event for emission in emissions if isinstance(emission.event, SessionLanded)]
    references = Counter(order.order_ref for order in orders(emissions))
    amounts = {(order.order_ref, order.subtotal) for order in orders(emissions)}
    poison = {(e.topic, type(e.event)) for e in emissions if e.event is None or isinstance(e.event, bytes)}
    assert [s.landed_at_ms for s in sessions] != sorted(s.landed_at_ms for s in sessions)
    assert max(references.values()) > 1
    assert len(amounts) > len(references)
    assert any(order.visitor_id is None for order in orders(emissions))
    assert poison == {("session", bytes), ("order", bytes), ("order", type(None))}


def test_every_channel_has_visitors() -> None:
    """The landings reach many channels, by checksum of every kind and by the rules of the table."""
    table = ChannelTable(own_domains=(HOST,))
    landings = [
        read(emission.event.landing_url, emission.event.referrer, table)
        for emission in a_minute()
        if isinstance(emission.event, SessionLanded)
    ]
    assert {landing.kind for landing in landings} == {0, 1, 2, 3}
    assert any(landing.malformed for landing in landings)
    assert {"aw", "ppcgoogle", "ppcbing", "email", "organic", "social", "affiliate", "display", None} <= {
        landing.channel for landing in landings
    }
