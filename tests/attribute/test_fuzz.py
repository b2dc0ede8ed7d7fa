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
RULES = Rules(advertiser_id="1001", max_order_delay_ms=3_600_000, zero_value="skip")
CUT_OVER_MS = START_MS - 2 * 86_400_000
ORDER_ENDINGS = ("decided", "duplicates", "conflicts", "before_cut_over", "not_reportable", "dead_letters")
"""As a ledger counts them."""
REASONS = {
    *(
        (topic, reason)
        for topic in (SESSIONS, ORDERS)
        for reason in (
            *("undecodable", "bad_framing", "unknown_schema", "null_value"),
            *("bad_event_time", "event_time_in_future", "visitor_id_too_long"),
        )
    ),
    *((SESSIONS, reason) for reason in ("bad_visitor_key", "missing_field")),
    *((ORDERS, reason) for reason in ("order_ref_empty", "order_ref_too_long", "order_ref_bad", "bad_currency")),
    *((ORDERS, reason) for reason in ("bad_amount", "negative_amount", "bad_commission_group", "bad_channel")),
    *((ORDERS, reason) for reason in ("conflict", "order_too_late")),
}
"""Topic and reason of the dead letters that must be among those that come of it."""

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


AMOUNTS = tuple(map(Decimal, ("12.34", "0", "-1", "99999999999999.99", "1E14", "0.0001")))


def session(random: Random, number: int) -> SessionLanded:
    """A good landing, or one that decodes and is odd."""
    url = random.choice(
        ("https://shop.example/", "?awc=", "https://[", "https://s.example/?awc=1001_1700000000_a&%ff", "x" * 99)
    )
    at_ms = START_MS + random.choice((0, 1_000, number, -86_400_000, 10**9))
    visitor = random.choice(("ann", "bob", "ü" * 40, "v" * 1_001, ""))
    return SessionLanded(f"s{number}", visitor, at_ms, url, random.choice((None, "", "//", "https://t.co/")))


def order(random: Random, number: int) -> OrderCompleted:
    """A good order, or one that decodes and is odd."""
    amount = random.choice(AMOUNTS)
    line = OrderLine(
        product_id="p",
        unit_price=amount,
        quantity=random.choice((1, 0, -3)),
        amount=amount,
        commission_group=random.choice((None, None, None, "SHOES", "no group")),
    )
    return OrderCompleted(
        order_id="i",
        order_ref=random.choice((*(f"R{number}",) * 4, f"R{number % 50}", "", "\n", "R" * 51)),
        completed_at_ms=START_MS + random.choice((0, 0, number, number, -86_400_000, 10**9, -(10**9))),
        currency=random.choice(("EUR", "EUR", "EUR", "JPY", "KWD", "eur", "")),
        subtotal=random.choice((amount, Decimal("12.34"))),
        visitor_id=random.choice(("ann", "bob", "ann", "bob", None, None, "v" * 1_001)),
        lines=(line,) * random.randrange(3),
        channel=random.choice((None, None, "tv", "no channel")),
        awc=random.choice((None, None, "1001_1700000000_a", "bad")),
    )


def produce(cluster: Cluster, random: Random, count: int, chunk: int) -> Counter[tuple[str, str]]:
    """Append so many records of both topics; return how many of each topic were mutated how."""
    numbers = range(1_000 * chunk, 1_000 * (chunk + 1))
    sessions = [ENCODE_SESSION(session(random, number)) for number in numbers]
    orders = [ENCODE_ORDER(order(random, number)) for number in numbers]
    produced: Counter[tuple[str, str]] = Counter()
    for _ in range(count):
        topic, values = random.choice(((SESSIONS, sessions), (ORDERS, orders)))
        mutation = random.choice(MUTATIONS)
        value = mutation(random, random.choice(values), random.choice((sessions, orders)))
        partition = random.randrange(PARTITIONS)
        key = random.choice((b"key", None, b"\xff", b""))
        headers = random.choice(
            ((), (), (), ((SCHEMA_ID_HEADER, random.randbytes(random.choice((0, 5, 17)))),), (("other", None),))
        )
        at_ms = START_MS + random.choice((0, 100, 10**6, -(10**7)))
        cluster.log.produce(topic, key, value, partition, timestamp_ms=at_ms, headers=headers)
        produced[topic, mutation.__name__] += 1
    return produced


def test_nothing_stops_the_flow_and_nothing_is_lost() -> None:
    """Each record is a touch, an erasure, a dead letter or an ending of its order; what is reported is sound.

    Every mutation and every ending occurs on both inputs.
    """
    random = Random(SEED)
    cluster = Cluster(RULES, cut_over_ms=CUT_OVER_MS, flood_share=1.0, max_poll_records=500, max_waiting_orders=1_000)
    member = cluster.start()
    produced: Counter[tuple[str, str]] = Counter()
    for chunk in range(RECORDS // CHUNK):
        produced += produce(cluster, random, CHUNK, chunk)
        cluster.settle()
    for partition in range(PARTITIONS):
        late = replace(
            session(random, 0), visitor_id="z", landed_at_ms=START_MS + 10**10, landing_url="https://s.example/"
        )
        cluster.log.produce(SESSIONS, b"z", ENCODE_SESSION(late), partition, timestamp_ms=START_MS + 10**10)
    cluster.settle()

    ledgers = [ledger_of(cluster, partition) for partition in range(PARTITIONS)]
    letters = [DECODE_DEAD_LETTER(record.value) for record in cluster.dead_letters()]
    assert set(produced) == {(topic, mutation.__name__) for topic in (SESSIONS, ORDERS) for mutation in MUTATIONS}
    assert sum(ledger.orders for ledger in ledgers) == _of_topic(produced, ORDERS)
    assert sum(ledger.sessions for ledger in ledgers) == _of_topic(produced, SESSIONS) + PARTITIONS
    assert [ledger.pending() for ledger in ledgers] == [0] * PARTITIONS
    dead = Counter(letter.source.topic for letter in letters)
    assert dead[SESSIONS] == sum(ledger.sessions_dead for ledger in ledgers)
    assert dead[ORDERS] == sum(ledger.dead_letters + ledger.conflicts for ledger in ledgers)
    conversions = [DECODE_CONVERSION(record.value) for record in cluster.conversions()]
    assert len(conversions) == sum(ledger.decided for ledger in ledgers)
    assert len({(each.programme, each.order_ref, each.source.partition) for each in conversions}) == len(conversions)
    # A flipped bit may make a reference that looks percent-encoded, which the stand-in can only guess at.
    sound = [each for each in conversions if "%" not in each.order_ref]
    assert [what for each in sound for what in violations(each)] == []
    order_endings = {name: sum(getattr(ledger, name) for ledger in ledgers) for name in ORDER_ENDINGS}
    forgotten = member.metrics.counts["erased visitors"]
    touches = sum(ledger.sessions - ledger.sessions_dead for ledger in ledgers) - forgotten
    assert min(forgotten, touches, dead[SESSIONS], *order_endings.values()) > 0
    assert {(letter.source.topic, letter.reason) for letter in letters} >= REASONS
    assert len(conversions) > 300
    assert cluster.restored(0) == member.state(0)


def _of_topic(produced: Counter[tuple[str, str]], topic: str) -> int:
    return sum(count for (each, _), count in produced.items() if each == topic)
