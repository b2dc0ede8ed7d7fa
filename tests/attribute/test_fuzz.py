"""Whatever bytes come on the inputs, the flow goes on, and every record ends in exactly one way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from random import Random

from msgspec.structs import replace

from consumer.attribution.rules import Rules
from consumer.events import OrderCompleted, OrderLine, SessionLanded
from consumer.stream.framing import SCHEMA_ID_HEADER
from tests.attribute.cluster import (
    DECODE_CONVERSION,
    DECODE_DEAD_LETTER,
    ENCODE_ORDER,
    ENCODE_SESSION,
    ORDERS,
    PARTITIONS,
    SESSIONS,
    START_MS,
    Cluster,
)
from tests.attribute.endings import ledger_of, violations

RECORDS = 100_000
SEED = 20_26
CHUNK = 10_000
RULES = Rules(advertiser_id="1001", max_order_delay_ms=3_600_000)

Value = bytes | None
Mutation = Callable[[Random, bytes, Sequence[bytes]], Value]


def flipped(random: Random, value: bytes, _: Sequence[bytes]) -> Value:
    """Change a few bytes."""
    changed = bytearray(value)
    for _repeat in range(random.randint(1, 4)):
        changed[random.randrange(len(changed))] = random.randrange(256)
    return bytes(changed)


def cut(random: Random, value: bytes, _: Sequence[bytes]) -> Value:
    """Lose a piece."""
    start = random.randrange(len(value) + 1)
    return value[:start] + value[start + random.randrange(20) :]


def stuffed(random: Random, value: bytes, _: Sequence[bytes]) -> Value:
    """Get a piece in between."""
    at = random.randrange(len(value) + 1)
    return value[:at] + random.randbytes(random.randrange(1, 20)) + value[at:]


def spliced(random: Random, value: bytes, others: Sequence[bytes]) -> Value:
    """Go on as another record."""
    other = random.choice(others)
    return value[: random.randrange(len(value) + 1)] + other[random.randrange(len(other) + 1) :]


def noise(random: Random, value: bytes, _: Sequence[bytes]) -> Value:
    """Be something else, behind a good prefix or without."""
    return random.choice((b"", value[:10], b"\x00\x00\x00\x00\x07")) + random.randbytes(random.randrange(60))


def nothing(_random: Random, _value: bytes, _others: Sequence[bytes]) -> Value:
    """Be no value at all."""
    return None


def unharmed(_random: Random, value: bytes, _others: Sequence[bytes]) -> Value:
    """Stay good."""
    return value


MUTATIONS: tuple[Mutation, ...] = (
    flipped,
    flipped,
    cut,
    stuffed,
    spliced,
    noise,
    nothing,
    unharmed,
    unharmed,
    unharmed,
)


def session(random: Random, number: int) -> SessionLanded:
    """A good landing, or one that decodes and is odd."""
    url = random.choice(
        ("https://shop.example/", "?awc=", "https://[", "https://s.example/?awc=1001_1700000000_a&%ff", "x" * 99)
    )
    at_ms = START_MS + random.choice((0, 1_000, number, -86_400_000, 10**9))
    visitor = random.choice(("ann", "bob", "ü" * 40, "v" * 1_001))
    return SessionLanded(f"s{number}", visitor, at_ms, url, random.choice((None, "", "//", "https://t.co/")))


def order(random: Random, number: int) -> OrderCompleted:
    """A good order, or one that decodes and is odd."""
    amount = random.choice((Decimal("12.34"), Decimal(0), Decimal(-1), Decimal("99999999999999.99"), Decimal("0.0001")))
    line = OrderLine(product_id="p", unit_price=amount, quantity=random.choice((1, 0, -3)), amount=amount)
    return OrderCompleted(
        order_id="i",
        order_ref=random.choice((f"R{number}", f"R{number % 50}", "", "\n", "R" * 51)),
        completed_at_ms=START_MS + random.choice((0, number, -86_400_000, 10**9)),
        currency=random.choice(("EUR", "JPY", "KWD", "eur", "")),
        subtotal=random.choice((amount, Decimal("12.34"))),
        visitor_id=random.choice(("ann", "bob", None)),
        lines=(line,) * random.randrange(3),
        channel=random.choice((None, "tv", "no channel")),
        awc=random.choice((None, "1001_1700000000_a", "bad")),
    )


def produce(cluster: Cluster, random: Random, count: int) -> Counter[str]:
    """Append so many records of both topics; return how many of each."""
    sessions = [ENCODE_SESSION(session(random, number)) for number in range(200)]
    orders = [ENCODE_ORDER(order(random, number)) for number in range(200)]
    produced: Counter[str] = Counter()
    for _ in range(count):
        topic, values = random.choice(((SESSIONS, sessions), (ORDERS, orders)))
        value = random.choice(MUTATIONS)(random, random.choice(values), random.choice((sessions, orders)))
        partition = random.randrange(PARTITIONS)
        key = random.choice((b"key", None, b"\xff", b""))
        headers = random.choice(
            ((), (), (), ((SCHEMA_ID_HEADER, random.randbytes(random.choice((0, 5, 17)))),), (("other", None),))
        )
        at_ms = START_MS + random.choice((0, 100, 10**6, -(10**7)))
        cluster.log.produce(topic, key, value, partition, timestamp_ms=at_ms, headers=headers)
        produced[topic] += 1
    return produced


def test_nothing_stops_the_flow_and_nothing_is_lost() -> None:
    """Each record is a touch, an erasure, a dead letter or an ending of its order; what is reported is sound."""
    random = Random(SEED)
    cluster = Cluster(RULES, flood_share=1.0, max_poll_records=500, max_waiting_orders=1_000)
    member = cluster.start()
    produced: Counter[str] = Counter()
    for _ in range(RECORDS // CHUNK):
        produced += produce(cluster, random, CHUNK)
        cluster.settle()
    for partition in range(PARTITIONS):
        late = replace(
            session(random, 0), visitor_id="z", landed_at_ms=START_MS + 10**10, landing_url="https://s.example/"
        )
        cluster.log.produce(SESSIONS, b"z", ENCODE_SESSION(late), partition, timestamp_ms=START_MS + 10**10)
    cluster.settle()

    ledgers = [ledger_of(cluster, partition) for partition in range(PARTITIONS)]
    letters = [DECODE_DEAD_LETTER(record.value) for record in cluster.dead_letters()]
    assert sum(ledger.orders for ledger in ledgers) == produced[ORDERS]
    assert sum(ledger.sessions for ledger in ledgers) == produced[SESSIONS] + PARTITIONS
    assert [ledger.pending() for ledger in ledgers] == [0] * PARTITIONS
    dead = Counter(letter.source.topic for letter in letters)
    assert dead[SESSIONS] == sum(ledger.sessions_dead for ledger in ledgers)
    assert dead[ORDERS] == sum(ledger.dead_letters + ledger.conflicts for ledger in ledgers)
    conversions = [DECODE_CONVERSION(record.value) for record in cluster.conversions()]
    assert len(conversions) == sum(ledger.decided for ledger in ledgers)
    assert len({(each.programme, each.order_ref, each.source.partition) for each in conversions}) == len(conversions)
    assert [what for each in conversions for what in violations(each)] == []
    assert min(Counter(letter.reason for letter in letters).values()) > 0
    assert {"undecodable", "bad_framing", "unknown_schema", "null_value"} <= {letter.reason for letter in letters}
    assert len(conversions) > 100
    assert cluster.restored(0) == member.state(0)
