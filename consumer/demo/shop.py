"""A synthetic shop: visitors who land from everywhere, come back, reload, and sometimes buy.

Made to be awkward where real shops are: reloaded affiliate links, several clicks before one order, events that come out
of order or too late, orders that arrive before their session or twice, and now and then a record that nobody can read.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Literal, NamedTuple

import msgspec

from consumer.events import Consent, OrderCompleted, OrderLine, SessionLanded

ADVERTISER = "1001"
HOST = "www.shop.example"

_PAGES = ("/", "/shoes/trail-runner", "/jackets/rain-shell", "/sale", "/gifts?size=M&color=blue", "/caf%C3%A9/mugs")
_PRODUCTS = (
    ("P-100", "Trail runner", "shoes", "119.90"),
    ("P-200", "Rain shell", "jackets", "189.00"),
    ("P-300", "Merino socks", "socks", "14.95"),
    ("P-400", "Café mug ☕", "home", "9.50"),
)
_GROUPS = {"shoes": "SHOES", "jackets": "OUTDOOR"}
_CURRENCIES = ("EUR",) * 8 + ("GBP", "JPY")

_EVENTS_PER_JOURNEY = 2.9
"""Landings and orders of an average journey."""

_SOURCES = {
    "direct": 26,
    "awin": 14,
    "bookmark": 6,
    "awin_gclid": 2,
    "foreign_awc": 1,
    "malformed_awc": 1,
    "internal": 8,
    "google": 12,
    "google_ads": 9,
    "bing_ads": 3,
    "facebook": 4,
    "newsletter": 6,
    "instagram": 3,
    "partner": 2,
    "display": 2,
    "price_search": 1,
}
_PLAIN_SOURCES: dict[str, tuple[str, str | None]] = {
    "awin": ("", "https://blog.example/best-shoes"),
    "awin_gclid": ("", "https://www.google.com/"),
    "malformed_awc": ("awc=%7B%7Bawc%7D%7D", None),
    "internal": ("", f"https://{HOST}/checkout"),
    "google": ("", "https://www.google.de/"),
    "google_ads": ("utm_source=google&utm_medium=cpc&gclid=EAIaIQobChMI9", "https://www.google.com/"),
    "bing_ads": ("msclkid=9f3c2b7a41", "https://www.bing.com/"),
    "facebook": ("fbclid=IwAR0x", "https://l.facebook.com/"),
    "newsletter": ("utm_source=crm&utm_medium=email&utm_campaign=week%2048", None),
    "instagram": ("", "https://www.instagram.com/"),
    "partner": ("utm_source=partner&utm_medium=affiliate", "https://coupons.example/"),
    "display": ("utm_source=adnet&utm_medium=display", "https://news.example/"),
    "price_search": ("utm_source=idealo", "https://www.idealo.example/"),
}


class Emission(NamedTuple):
    """Something that the shop says to Kafka; ordered by when it says so."""

    at_ms: int
    number: int
    topic: Literal["session", "order"]
    key: str
    event: SessionLanded | OrderCompleted | bytes | None
    """``bytes`` and, of orders, ``None`` are poison: not a record of any schema, and no value at all."""


class Shop:
    """Emits, for the same seed and calls, the same events."""

    def __init__(self, seed: int, events_per_second: float) -> None:
        self._random = Random(seed)
        self._journeys_per_ms = events_per_second / 1000 / _EVENTS_PER_JOURNEY
        self._queue: list[Emission] = []
        self._numbers = count()
        self._orders = count(1)
        self._regulars: list[str] = []
        self._bookmarks: list[str] = []
        self._run = f"{seed:x}"

    def events(self, start_ms: int, end_ms: int) -> Iterator[Emission]:
        """Yield what is to be emitted from ``start_ms`` to ``end_ms``, beginning new journeys in that time."""
        at = float(start_ms)
        while (at := at + self._random.expovariate(self._journeys_per_ms)) < end_ms:
            self._journey(int(at))
        yield from self.rest(end_ms)

    def rest(self, end_ms: int | None = None) -> Iterator[Emission]:
        """Yield what is still to be emitted (until ``end_ms``) without beginning anything new."""
        while self._queue and (end_ms is None or self._queue[0].at_ms < end_ms):
            yield heappop(self._queue)

    def _journey(self, at_ms: int) -> None:
        visitor = self._visitor()
        random = self._random
        landings = random.choice((1, 1, 2, 2, 3, 4, 6))
        for landing in range(landings):
            self._land(visitor, at_ms, f"{visitor}-{next(self._numbers)}")
            if landing < landings - 1:
                at_ms += 50 + int(random.expovariate(1 / 900))
        if random.random() < 0.27:
            self._buy(visitor, at_ms + 200 + int(random.expovariate(1 / 1_000)))

    def _visitor(self) -> str:
        if self._regulars and self._random.random() < 0.3:
            return self._random.choice(self._regulars)
        visitor = f"visitor-{self._random.getrandbits(48):012x}"
        self._regulars.append(visitor)
        del self._regulars[:-500]
        return visitor

    def _land(self, visitor: str, at_ms: int, session: str) -> None:
        url, referrer = self._source(at_ms)
        consent: Consent | None = self._random.choices((None, "granted", "denied"), (6, 3, 1))[0]
        event = SessionLanded(session, visitor, at_ms, url, referrer, consent)
        self._emit(at_ms + self._delay(), "session", visitor, event)
        if self._random.random() < 0.03:
            update = SessionLanded(session, visitor, at_ms + 900, url, referrer, "granted")
            self._emit(at_ms + 900 + self._delay(), "session", visitor, update)
        if self._random.random() < 0.002:
            # Not one without a value: that would ask to forget the visitor.
            poison = self._random.choice((b"not avro at all", b"\xc3\x01" + bytes(12)))
            self._emit(at_ms, "session", visitor, poison)

    def _source(self, at_ms: int) -> tuple[str, str | None]:
        """Return a landing URL and its referrer."""
        random = self._random
        page = f"https://{HOST}{random.choice(_PAGES)}"
        kind = random.choices(tuple(_SOURCES), tuple(_SOURCES.values()))[0]
        if kind == "bookmark" and self._bookmarks:
            return random.choice(self._bookmarks), None
        parameters, referrer = _PLAIN_SOURCES.get(kind, ("", None))
        match kind:
            case "awin":
                parameters = self._awin_link(at_ms)
            case "awin_gclid":
                parameters = f"awaid={ADVERTISER}&gclid=Cj0K{random.getrandbits(40):x}"
            case "foreign_awc":
                parameters = f"awc=2002_{at_ms // 1000}_{random.getrandbits(64):016x}"
            case _:
                pass
        joint = "&" if "?" in page else "?"
        return (page + joint + parameters if parameters else page), referrer

    def _awin_link(self, at_ms: int) -> str:
        random = self._random
        clicked_s = at_ms // 1000 - random.choice((0, 1, 2, 900))
        link = f"awc={ADVERTISER}_{clicked_s}_{random.getrandbits(128):032x}"
        if random.random() < 0.12:
            link += "&sn=1"
        self._bookmarks.append(f"https://{HOST}/?{link}")
        del self._bookmarks[:-50]
        return link

    def _buy(self, visitor: str, at_ms: int) -> None:
        random = self._random
        order = self._order(visitor, at_ms)
        emitted_ms = at_ms + self._delay()
        key = order.visitor_id or order.order_ref
        self._emit(emitted_ms, "order", key, self._spoiled(order))
        if random.random() < 0.03:
            self._emit(emitted_ms + random.randrange(5, 3_000), "order", key, order)
        if random.random() < 0.005:
            dearer = _changed(order, subtotal=order.subtotal + 1, lines=())
            self._emit(emitted_ms + random.randrange(500, 3_000), "order", key, dearer)

    def _order(self, visitor: str, at_ms: int) -> OrderCompleted:
        random = self._random
        number = next(self._orders)
        currency = random.choice(_CURRENCIES)
        lines = tuple(self._line(currency) for _ in range(random.choice((1, 1, 2, 3))))
        return OrderCompleted(
            order_id=f"internal-{self._run}-{number}",
            order_ref=f"S{self._run}-{number:07d}",
            completed_at_ms=at_ms,
            currency=currency,
            subtotal=sum((line.amount for line in lines), Decimal(0)),
            visitor_id=None if random.random() < 0.02 else visitor,
            lines=lines if random.random() < 0.8 else (),
            voucher_codes=("SAVE10 & more",) if random.random() < 0.15 else (),
            customer_type=random.choice((None, "NEW", "RETURNING")),
            market="de",
        )

    def _line(self, currency: str) -> OrderLine:
        product, name, category, price = self._random.choice(_PRODUCTS)
        unit_price = Decimal(price).quantize(Decimal(1)) if currency == "JPY" else Decimal(price)
        quantity = self._random.choice((1, 1, 1, 2, 3))
        return OrderLine(
            product_id=product,
            sku=f"{product}-M",
            name=name,
            category=category,
            unit_price=unit_price,
            quantity=quantity,
            amount=unit_price * quantity,
            commission_group=_GROUPS.get(category),
        )

    def _spoiled(self, order: OrderCompleted) -> OrderCompleted | bytes | None:
        """Now and then return something in the order's place that must become a dead letter."""
        if self._random.random() > 0.012:
            return order
        spoils: tuple[OrderCompleted | bytes | None, ...] = (
            _changed(order, order_ref=order.order_ref + "-" + "9" * 60),
            _changed(order, subtotal=-order.subtotal, lines=()),
            _changed(order, subtotal=order.subtotal + 1, lines=order.lines or (self._line(order.currency),)),
            _changed(order, completed_at_ms=order.completed_at_ms + 86_400_000),
            _changed(order, currency="euro"),
            b'{"order": "this is JSON"}',
            None,
        )
        return self._random.choice(spoils)

    def _delay(self) -> int:
        """Milliseconds from an event to its record: mostly little, sometimes out of order, rarely too late."""
        chance = self._random.random()
        if chance < 0.95:
            return int(self._random.expovariate(1 / 40))
        return self._random.randrange(200, 1_500) if chance < 0.993 else self._random.randrange(3_000, 6_000)

    def _emit(
        self,
        at_ms: int,
        topic: Literal["session", "order"],
        key: str,
        event: SessionLanded | OrderCompleted | bytes | None,
    ) -> None:
        heappush(self._queue, Emission(at_ms, next(self._numbers), topic, key, event))


def _changed(order: OrderCompleted, **changes: object) -> OrderCompleted:
    return msgspec.structs.replace(order, **changes)
