"""The made-up hour of a shop that the benchmarks read: the same for the same sizes and start."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from operator import attrgetter
from random import Random
from typing import NamedTuple

from confluent_kafka import murmur2

from consumer.demo.reference import LoggedOrder, LoggedSession
from consumer.demo.shop import ADVERTISER, HOST
from consumer.events import Consent, OrderCompleted, OrderLine, SessionLanded

OUT_OF_ORDER_SHARE = 0.02
OUT_OF_ORDER_MS = 5_000
GRACE_MS = 10_000
ORDER_AFTER_MS = 60_000
"""Longest time from the session that an order follows to the order."""
ORDER_DELAY_MS = 20
"""From an order to its record."""

_SEED = 1
_PAGES = ("/", "/shoes/trail-runner", "/jackets/rain-shell", "/sale", "/gifts?size=M&color=blue")
_GROUPS = ("SHOES", "OUTDOOR", None)
_CONSENTS: tuple[Consent | None, ...] = (None, None, None, "granted", "granted", "denied")
_SOURCES: tuple[tuple[int, str, str | None], ...] = (
    (26, "", None),
    (16, "awc={awc}", "https://blog.example/best-shoes"),
    (2, "awc={awc}&sn=1", "https://blog.example/best-shoes"),
    (8, "", f"https://{HOST}/checkout"),
    (14, "", "https://www.google.de/"),
    (12, "utm_source=google&utm_medium=cpc&gclid=EAIaIQobChMI9", "https://www.google.com/"),
    (3, "msclkid=9f3c2b7a41", "https://www.bing.com/"),
    (6, "fbclid=IwAR0x", "https://l.facebook.com/"),
    (7, "utm_source=crm&utm_medium=email&utm_campaign=week%2048", None),
    (3, "", "https://www.instagram.com/"),
    (3, "utm_source=partner&utm_medium=affiliate", "https://coupons.example/"),
)


class Size(NamedTuple):
    """How much there is to read."""

    sessions: int
    orders: int
    visitors: int
    partitions: int


@dataclass(frozen=True, slots=True)
class Workload:
    """Records where they will stand in their topics, in the order in which they are produced."""

    size: Size
    start_ms: int
    """Nothing happened earlier."""
    sessions: list[LoggedSession]
    orders: list[LoggedOrder]


def build(size: Size, start_ms: int, span_ms: int) -> Workload:
    """Make the events of ``span_ms`` from ``start_ms`` on.

    Sessions are even over the time and over the visitors; an order follows a session of its visitor by up to a minute.
    A record enters its topic up to 50 ms after its event, two in a hundred sessions up to 5 s after it, and has that
    moment as its time. One more session per partition comes a grace after everything else, so that no order is left
    waiting for a quiet partition to be called quiet.
    """
    shop, random = Shop(size.visitors), Random(_SEED)
    arrivals = list(_landings(shop, random, size, start_ms, span_ms))
    buyers = [arrivals[index].event for index in random.sample(range(size.sessions), size.orders)]
    arrivals += _closing(size, start_ms + span_ms)
    arrivals.sort(key=attrgetter("at_ms"))
    bought = [shop.order(each.visitor_id, each.landed_at_ms + random.randrange(100, ORDER_AFTER_MS)) for each in buyers]
    bought.sort(key=attrgetter("completed_at_ms"))
    log = Log(size.partitions)
    sessions = [log.session(event, at_ms) for at_ms, event in arrivals]
    orders = [log.order(event, event.completed_at_ms + ORDER_DELAY_MS) for event in bought]
    return Workload(size, start_ms, sessions, orders)


class Log:
    """Gives events their places: partitions as by Java's producers, offsets as they come."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._session_offsets = [count() for _ in range(partitions)]
        self._order_offsets = [count() for _ in range(partitions)]

    def session(self, event: SessionLanded, at_ms: int) -> LoggedSession:
        """Return the next session record."""
        partition = partition_of(event.visitor_id, self._partitions)
        return LoggedSession(partition, next(self._session_offsets[partition]), at_ms, event)

    def order(self, event: OrderCompleted, at_ms: int) -> LoggedOrder:
        """Return the next order record."""
        partition = partition_of(str(event.visitor_id), self._partitions)
        return LoggedOrder(partition, next(self._order_offsets[partition]), at_ms, event)


def partition_of(visitor: str, partitions: int) -> int:
    """Return where Kafka's own producers put a visitor."""
    return murmur2(visitor.encode(), partitions)


class Shop:
    """Makes events, the same for the same calls."""

    def __init__(self, visitors: int) -> None:
        self._random = Random(_SEED)
        self._visitors = visitors
        self._numbers = count()
        self._weights = [weight for weight, _, _ in _SOURCES]

    def landing(self, landed_at_ms: int) -> SessionLanded:
        """Return a session of some visitor."""
        random = self._random
        number = next(self._numbers)
        _, parameters, referrer = random.choices(_SOURCES, self._weights)[0]
        url = f"https://{HOST}{random.choice(_PAGES)}"
        if parameters:
            awc = f"{ADVERTISER}_{landed_at_ms // 1000 - 1}_{random.getrandbits(128):032x}"
            url += ("&" if "?" in url else "?") + parameters.format(awc=awc)
        visitor = f"visitor-{random.randrange(self._visitors):012x}"
        return SessionLanded(f"session-{number:09d}", visitor, landed_at_ms, url, referrer, random.choice(_CONSENTS))

    def order(self, visitor_id: str, completed_at_ms: int) -> OrderCompleted:
        """Return an order."""
        random = self._random
        number = next(self._numbers)
        lines = tuple(self._line() for _ in range(random.choice((1, 1, 2, 3))))
        return OrderCompleted(
            order_id=f"internal-{number}",
            order_ref=f"B{number:09d}",
            completed_at_ms=completed_at_ms,
            currency="EUR",
            subtotal=sum((line.amount for line in lines), Decimal(0)),
            visitor_id=visitor_id,
            lines=lines,
            voucher_codes=("SAVE10",) if random.random() < 0.15 else (),
            customer_type=random.choice((None, "NEW", "RETURNING")),
            market="de",
        )

    def _line(self) -> OrderLine:
        random = self._random
        unit_price = Decimal(random.randrange(500, 20_000)).scaleb(-2)
        quantity = random.choice((1, 1, 1, 2))
        product = f"P-{random.randrange(1_000)}"
        return OrderLine(
            product_id=product,
            sku=f"{product}-M",
            name="Trail runner",
            category="shoes",
            unit_price=unit_price,
            quantity=quantity,
            amount=unit_price * quantity,
            commission_group=random.choice(_GROUPS),
        )


class _Arrival(NamedTuple):
    at_ms: int
    event: SessionLanded


def _landings(shop: Shop, random: Random, size: Size, start_ms: int, span_ms: int) -> Iterator[_Arrival]:
    for number in range(size.sessions):
        landed_at_ms = start_ms + number * span_ms // size.sessions
        delay_ms = random.randrange(OUT_OF_ORDER_MS if random.random() < OUT_OF_ORDER_SHARE else 50)
        yield _Arrival(landed_at_ms + delay_ms, shop.landing(landed_at_ms))


def _closing(size: Size, end_ms: int) -> Iterator[_Arrival]:
    at_ms = end_ms + ORDER_AFTER_MS + GRACE_MS
    missing = set(range(size.partitions))
    for number in count():
        visitor = f"closing-{number}"
        partition = partition_of(visitor, size.partitions)
        if partition in missing:
            missing.remove(partition)
            yield _Arrival(at_ms, SessionLanded(visitor, visitor, at_ms, f"https://{HOST}/"))
        if not missing:
            return
