"""What goes wrong in a shop, switched on and off while it is open."""

from __future__ import annotations

import itertools
import re
from collections import deque
from collections.abc import Callable, Iterator
from zlib import crc32

from msgspec.structs import replace

from consumer.demo.shop import Emission, Shop
from consumer.events import OrderCompleted, SessionLanded
from tests.kafka.crash.traffic import Journeys

Change = Callable[[Emission], Emission]
_CHECKSUM = re.compile(r"(awc=\d+_)\d+_\w+")


def unchanged(emission: Emission) -> Emission:
    """Leave it as it is."""
    return emission


class CleanShop(Shop):
    """A shop of which every record is good, so that nothing is put aside but by a fault."""

    def events(self, start_ms: int, end_ms: int) -> Iterator[Emission]:
        """See `Shop`."""
        return (each for each in super().events(start_ms, end_ms) if not isinstance(each.event, bytes))

    def _spoiled(self, order: OrderCompleted) -> OrderCompleted | bytes | None:
        return order


class TamperedShop:
    """A shop of which every event is changed, and of whose sessions some can be held back.

    Args:
        shop: what happens.
        always: what is done to every event, also in good times.
    """

    def __init__(self, shop: Journeys, always: Change = unchanged) -> None:
        self.change: Change = unchanged
        """What is done to every event just now."""
        self.hold_sessions_ms = 0
        """For how long every third session is held back just now."""
        self._shop = shop
        self._always = always
        self._held: deque[tuple[int, Emission]] = deque()

    def events(self, start_ms: int, end_ms: int) -> Iterator[Emission]:
        """See `Journeys`."""
        for emission in self._shop.events(start_ms, end_ms):
            if emission.topic == "session" and self.hold_sessions_ms and emission.number % 3 == 0:
                self._held.append((end_ms + self.hold_sessions_ms, emission))
            else:
                yield self._changed(emission)
        while self._held and self._held[0][0] <= end_ms:
            yield self._changed(self._held.popleft()[1])

    def rest(self) -> Iterator[Emission]:
        """See `Journeys`."""
        held = (emission for _, emission in self._held)
        yield from map(self._changed, itertools.chain(held, self._shop.rest()))

    def _changed(self, emission: Emission) -> Emission:
        return self.change(self._always(emission))


def poisoned(emission: Emission) -> Emission:
    """Make one record in three one that nobody can read: a release of a producer with another format."""
    return (
        emission._replace(event=b'{"this": "is JSON"}') if crc32(str(emission.number).encode()) % 3 == 0 else emission
    )


def without_query(emission: Emission) -> Emission:
    """Strip query strings and referrers from landings: a redirect that loses them."""
    event = emission.event
    if isinstance(event, SessionLanded):
        return emission._replace(event=replace(event, landing_url=event.landing_url.partition("?")[0], referrer=None))
    return emission


def in_one_group(emission: Emission) -> Emission:
    """Let all lines be of a commission group that the settings know."""
    return _with_lines(emission, "shoes")


def garbled(emission: Emission) -> Emission:
    """Cut click checksums short, and give lines a category that the settings do not know."""
    event = emission.event
    if isinstance(event, SessionLanded):
        return emission._replace(event=replace(event, landing_url=_CHECKSUM.sub(r"\1", event.landing_url)))
    return _with_lines(emission, "autumn-special")


def as_test(emission: Emission) -> Emission:
    """Let orders say that they are tests."""
    event = emission.event
    return emission._replace(event=replace(event, test=True)) if isinstance(event, OrderCompleted) else emission


def _with_lines(emission: Emission, category: str) -> Emission:
    event = emission.event
    if not isinstance(event, OrderCompleted):
        return emission
    lines = tuple(replace(line, category=category) for line in event.lines)
    return emission._replace(event=replace(event, lines=lines))
