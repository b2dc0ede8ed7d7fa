"""What a reader of the topics sees of the stage when something particular happens."""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from consumer.attribute.ports import Decoders
from consumer.attribution.rules import Rules
from consumer.errors import Flood, SchemaUnavailable, Unavailable
from consumer.events import DeadLetter, OrderCompleted, OrderLine, SessionLanded
from consumer.stream.avro import OrderDecoder, SessionDecoder
from consumer.stream.framing import Headers
from consumer.stream.log import TopicPartition
from consumer.stream.memory import MemoryTransaction
from tests.attribute.cluster import (
    DECODE_CONVERSION,
    DECODE_DEAD_LETTER,
    ENCODE_ORDER,
    ENCODE_SESSION,
    INPUTS,
    ORDERS,
    SCHEMAS,
    SESSIONS,
    START_MS,
    Cluster,
)
from tests.attribute.endings import ledger_of
from tests.attribute.witness import WatchedSource

RULES = Rules(advertiser_id="1001")
AWC = "1001_1700000000_a"
ORDER = OrderCompleted(
    order_id="1",
    order_ref="R1",
    completed_at_ms=START_MS,
    currency="EUR",
    subtotal=Decimal("1.5"),
    visitor_id="ann",
)


def produce_session(cluster: Cluster, after_ms: int, url: str = "https://shop.example/", visitor: str = "ann") -> None:
    """Append a landing, so long after the start, to partition 0."""
    at_ms = START_MS + after_ms
    event = SessionLanded(f"s{after_ms}", visitor, at_ms, url)
    cluster.log.produce(SESSIONS, b"key", ENCODE_SESSION(event), 0, timestamp_ms=at_ms)


def produce_order(cluster: Cluster, order: OrderCompleted = ORDER, partition: int = 0) -> None:
    """Append an order."""
    cluster.log.produce(ORDERS, b"key", ENCODE_ORDER(order), partition, timestamp_ms=order.completed_at_ms)


def produce_sale(cluster: Cluster) -> None:
    """Append a click, its order, and a session that lets the order be decided."""
    produce_session(cluster, -1_000, f"https://shop.example/?awc={AWC}")
    produce_order(cluster)
    produce_session(cluster, 60_000, visitor="bob")


def test_what_goes_in_and_out_is_counted() -> None:
    """By topic, once it is committed."""
    cluster = Cluster(RULES)
    produce_sale(cluster)
    cluster.log.produce(ORDERS, None, None, 0)
    member = cluster.start()
    cluster.settle()
    counts = member.metrics.counts
    assert (counts[SESSIONS], counts[ORDERS]) == (2, 2)
    assert (counts["awin.conversion written"], counts["awin.dead-letter written"]) == (1, 1)
    assert counts["touches written"] == sum(len(cluster.log.records("touches", number)) for number in (0, 1))
    assert counts["orders written"] == sum(len(cluster.log.records("orders", number)) for number in (0, 1))


def checksums(cluster: Cluster) -> list[tuple[str, ...]]:
    """The click checksums of every conversion."""
    return [DECODE_CONVERSION(record.value).click_checksums for record in cluster.conversions()]


def letters(cluster: Cluster) -> list[DeadLetter]:
    """Every dead letter."""
    return [DECODE_DEAD_LETTER(record.value) for record in cluster.dead_letters()]


class Balky(MemoryTransaction):
    """A transaction whose broker takes no conversion or dead letter a few times."""

    refusals = 3

    def send(
        self, topic: str, key: bytes | None, value: bytes | None, partition: int | None = None, headers: Headers = ()
    ) -> None:
        if topic.startswith("awin.") and self.refusals:
            self.refusals -= 1
            self.abort()
            raise Unavailable("the broker takes no records")
        super().send(topic, key, value, partition, headers)


def test_an_outage_in_the_middle_of_a_transaction_is_waited_out() -> None:
    """A conversion or dead letter that cannot be sent now is sent later, once, and nothing else is lost with it."""
    cluster = Cluster(RULES, open_transaction=lambda log, name, source, _: Balky(log, name, source))
    produce_sale(cluster)
    cluster.log.produce(ORDERS, None, None, 0)
    member = cluster.start()
    cluster.settle()
    assert checksums(cluster) == [(AWC,)]
    assert [letter.reason for letter in letters(cluster)] == ["null_value"]
    assert member.metrics.counts["aborted unavailable"] == 3
    assert ledger_of(cluster, 0).pending() == 0


@pytest.mark.parametrize("broken", [0, 1])
def test_an_outage_in_one_partition_loses_nothing_of_the_others(broken: int) -> None:
    """Records of the same batch that were not reached are read again, whatever comes after them."""
    cluster = Cluster(RULES, open_transaction=lambda log, name, source, _: Balky(log, name, source))
    cluster.start()
    cluster.settle()
    cluster.log.produce(ORDERS, None, None, broken)
    order = replace(ORDER, visitor_id=None)
    for ref, partition in (("A", 0), ("B", 1)):
        produce_order(cluster, replace(order, order_ref=ref), partition)
    cluster.step()
    for ref, partition in (("C", 0), ("D", 1)):
        produce_order(cluster, replace(order, order_ref=ref), partition)
    cluster.settle()
    assert sorted(DECODE_CONVERSION(record.value).order_ref for record in cluster.conversions()) == ["A", "B", "C", "D"]
    assert [ledger_of(cluster, partition).pending() for partition in (0, 1)] == [0, 0]


@pytest.mark.parametrize("failing", range(4))
def test_a_registry_outage_anywhere_in_a_batch_loses_nothing(failing: int) -> None:
    """Of four orders in two partitions, whichever cannot be decoded for a while."""
    decode, decoded = OrderDecoder(SCHEMAS), 0

    def decode_order(value: bytes | None, headers: Headers) -> OrderCompleted:
        nonlocal decoded
        decoded += 1
        if decoded == failing + 1:
            raise SchemaUnavailable("the registry does not answer")
        return decode(value, headers)

    cluster = Cluster(RULES, decoders=Decoders(SessionDecoder(SCHEMAS), decode_order))
    cluster.start()
    cluster.settle()
    refs = ["A", "B", "C", "D"]
    for number, ref in enumerate(refs):
        produce_order(cluster, replace(ORDER, visitor_id=None, order_ref=ref), number // 2)
    cluster.settle()
    produce_order(cluster, replace(ORDER, visitor_id=None, order_ref="E"), 1)
    cluster.settle()
    assert sorted(DECODE_CONVERSION(record.value).order_ref for record in cluster.conversions()) == [*refs, "E"]


def test_a_registry_that_does_not_answer_is_waited_out() -> None:
    """It is not the record's fault: no dead letter, and the record is decoded again later."""
    refusals = 3
    decode = OrderDecoder(SCHEMAS)

    def decode_order(value: bytes | None, headers: Headers) -> OrderCompleted:
        nonlocal refusals
        if refusals:
            refusals -= 1
            raise SchemaUnavailable("no answer")
        return decode(value, headers)

    cluster = Cluster(RULES, decoders=Decoders(SessionDecoder(SCHEMAS), decode_order))
    produce_sale(cluster)
    cluster.start()
    cluster.settle()
    assert checksums(cluster) == [(AWC,)]
    assert letters(cluster) == []
    assert ledger_of(cluster, 0).orders == 1


class SlowToStart(WatchedSource):
    """A source whose client cannot be brought to an offset a few times."""

    refusals = 3

    def start(self, partition: TopicPartition, offset: int) -> None:
        if self.refusals:
            self.refusals -= 1
            raise Unavailable("the client could not be brought there")
        super().start(partition, offset)


def test_a_partition_that_cannot_start_now_starts_later() -> None:
    """Neither the first start nor going back after an abort ends the stage."""
    cluster = Cluster(RULES, open_source=SlowToStart)
    member = cluster.start()
    cluster.settle()
    assert isinstance(member.source, SlowToStart)
    produce_sale(cluster)
    member.source.refusals = 3
    member.transaction.fail_next_commit(Unavailable("no answer"))
    cluster.settle()
    assert checksums(cluster) == [(AWC,)]


def test_bad_records_read_again_are_no_flood() -> None:
    """However long commits fail, a few bad records stay few."""
    cluster = Cluster(RULES)
    member = cluster.start()
    cluster.settle()
    for _ in range(20):
        cluster.log.produce(ORDERS, None, b"{}", 0)
    for _ in range(100):
        member.transaction.fail_next_commit(Unavailable("no answer"))
        cluster.clock.advance(1)
        cluster.step()
    cluster.settle()
    assert len(letters(cluster)) == 20


def test_a_flood_stops_the_stage_before_its_last_records_are_committed() -> None:
    """The offsets stay where good work ended, so that nothing is lost when the schema has been mended."""
    cluster = Cluster(RULES, flood_share=0.1)
    cluster.start()
    produce_sale(cluster)
    cluster.settle()
    for _ in range(101):
        cluster.log.produce(ORDERS, None, b"{}", 0)
    with pytest.raises(Flood, match=r"101 of the last 102 records of order\.completed"):
        cluster.members["a"].stage.run(threading.Event())
    assert cluster.log.group().committed[TopicPartition(ORDERS, 0)].offset < 102
    assert len(letters(cluster)) < 101
    assert cluster.log.group().members == {}


def test_a_dead_letter_that_does_not_fit_keeps_what_tells_it_apart() -> None:
    """Of a record too large to be copied whole, position, hash and the first 64 KB of key and value stay."""
    cluster = Cluster(RULES, max_message_bytes=220_000)
    key, value = b"k" * 100_000, b"{}" * 50_000
    cluster.log.produce(ORDERS, key, value, 0)
    cluster.start()
    cluster.settle()
    (letter,) = letters(cluster)
    assert (letter.reason, letter.truncated) == ("bad_framing", True)
    assert (letter.key, letter.value) == (key[:65_536], value[:65_536])
    assert (letter.source.offset, len(letter.value_sha256)) == (0, 32)


@pytest.mark.parametrize(
    ("note", "groups", "endings"), [(30_000, 2, ["A", "B"]), (60_000, 1, ["B"])], ids=["without rows", "dead letter"]
)
def test_an_order_that_says_more_than_its_topic_takes_stops_nothing(note: int, groups: int, endings: list[str]) -> None:
    """It is written without evidence and rows; what does not fit even so is put aside, and may be corrected."""
    custom = {str(number): "custom.note" for number in range(2, 4)}
    rules = Rules(advertiser_id="1001", custom=custom, products=True)
    cluster = Cluster(rules, max_message_bytes=100_000)
    line = OrderLine(
        product_id="p" * 20_000, unit_price=Decimal(0), quantity=1, amount=Decimal(0), commission_group="G" * 10
    )
    large = replace(ORDER, order_ref="A", subtotal=Decimal(0), lines=(line,) * groups, custom={"note": "n" * note})
    produce_order(cluster, replace(large, visitor_id=None))
    produce_order(cluster, replace(ORDER, order_ref="B", visitor_id=None))
    cluster.start()
    cluster.settle()
    assert sorted(DECODE_CONVERSION(record.value).order_ref for record in cluster.conversions()) == endings
    assert [letter.reason for letter in letters(cluster)] == ["order_too_large"] * (2 - len(endings))
    assert ledger_of(cluster, 0).pending() == 0
    if endings == ["B"]:
        produce_order(cluster, replace(ORDER, order_ref="A", visitor_id=None))
        cluster.settle()
    assert sorted(DECODE_CONVERSION(record.value).order_ref for record in cluster.conversions()) == ["A", "B"]


def test_a_dead_letter_fits_the_smallest_topic_there_can_be() -> None:
    """Whatever is cut away, the record is passed and the next one read."""
    cluster = Cluster(RULES, max_message_bytes=65_536)
    cluster.log.produce(ORDERS, b"k" * 100_000, b"{}" * 50_000, 0)
    produce_order(cluster, replace(ORDER, visitor_id=None))
    cluster.start()
    cluster.settle()
    assert [letter.truncated for letter in letters(cluster)] == [True]
    assert len(cluster.conversions()) == 1


def test_a_dead_letter_keeps_what_says_how_its_value_is_read() -> None:
    """A schema may be named by a header alone; headers of any size leave the letter small enough."""
    cluster = Cluster(RULES, max_message_bytes=65_536)
    named = ("__value_schema_id", b"\x00\x00\x00\x00\x07")
    cluster.log.produce(ORDERS, b"key", b"body", 0, headers=[named, ("trace", None)])
    cluster.log.produce(ORDERS, b"key", b"b" * 60_000, 0, headers=[("stack", b"s" * 500_000), named])
    cluster.log.produce(ORDERS, b"k" * 60_000, b"b" * 60_000, 0, headers=[("small", b"s" * 8_100)])
    cluster.start()
    cluster.settle()
    found = [tuple((header.name, header.value) for header in letter.headers) for letter in letters(cluster)]
    assert found == [(named, ("trace", None)), (named,), (("small", b"s" * 8_100),)]
    assert [letter.truncated for letter in letters(cluster)] == [False, True, True]


def test_a_session_id_too_long_to_be_kept_is_a_dead_letter() -> None:
    """It would be stored with the touch, and one record must not fill the changelog."""
    cluster = Cluster(RULES, max_message_bytes=65_536)
    for session_id in ("s" * 1_001, "s" * 1_000, "s" * 100_000):
        event = SessionLanded(session_id, "ann", START_MS, "https://shop.example/")
        cluster.log.produce(SESSIONS, b"key", ENCODE_SESSION(event), 0, timestamp_ms=START_MS)
    cluster.start()
    cluster.settle()
    assert [(letter.reason, letter.field) for letter in letters(cluster)] == [("session_id_too_long", "session_id")] * 2
    assert ledger_of(cluster, 0).sessions_dead == 2


def test_an_order_too_large_to_be_kept_is_a_dead_letter() -> None:
    """State takes more room than the event; an order that would not fit its changelog stops nothing."""
    lines = tuple(OrderLine(product_id="p", unit_price=Decimal(0), quantity=1, amount=Decimal(0)) for _ in range(1_000))
    cluster = Cluster(RULES, max_message_bytes=100_000)
    produce_order(cluster, replace(ORDER, order_ref="large", subtotal=Decimal(0), lines=lines))
    produce_order(cluster, replace(ORDER, subtotal=Decimal(0), lines=lines[:100]))
    produce_session(cluster, 60_000)
    cluster.start()
    cluster.settle()
    assert [(letter.reason, letter.order_ref) for letter in letters(cluster)] == [("order_too_large", "large")]
    assert [DECODE_CONVERSION(record.value).order_ref for record in cluster.conversions()] == ["R1"]


def test_a_session_whose_visitor_cannot_be_kept_is_a_dead_letter() -> None:
    """An id of any length stops nothing."""
    cluster = Cluster(RULES)
    produce_session(cluster, 0, visitor="v" * 1_001)
    produce_session(cluster, 0, visitor="v" * 70_000)
    produce_session(cluster, 0, visitor="é" * 1_000)
    cluster.start()
    cluster.settle()
    assert [(letter.reason, letter.field) for letter in letters(cluster)] == [("visitor_id_too_long", "visitor_id")] * 2
    assert ledger_of(cluster, 0).sessions_dead == 2


EMPTY: dict[str, Any] = {"visitor_id": "", "session_id": "", "customer_id": "", "market": "", "channel": "", "awc": ""}


def test_empty_optional_text_says_nothing() -> None:
    """Producers write an empty text for none: no visitor to wait for, no channel, no checksum, no group."""
    line = OrderLine(
        product_id="p",
        unit_price=ORDER.subtotal,
        quantity=1,
        amount=ORDER.subtotal,
        sku="",
        name="",
        category="",
        commission_group="",
    )
    none = replace(line, sku=None, name=None, category=None, commission_group=None)
    cluster = Cluster(RULES)
    produce_order(cluster, replace(ORDER, lines=(line,), **EMPTY))
    produce_order(cluster, replace(ORDER, lines=(none,), visitor_id=None))
    cluster.start()
    cluster.settle()
    (record,) = cluster.conversions()
    conversion = DECODE_CONVERSION(record.value)
    assert (conversion.channel, conversion.reason, conversion.click_checksums) == ("aw", "no_landing", ())
    assert [part.code for part in conversion.parts] == ["DEFAULT"]
    assert conversion.decidable_at_ms == START_MS
    assert ledger_of(cluster, 0).duplicates == 1


def test_what_is_read_again_is_counted_once_by_partition() -> None:
    """Late and malformed sessions are told with the commit that carries them."""
    cluster = Cluster(RULES)
    member = cluster.start()
    cluster.settle()
    produce_session(cluster, 60_000)
    produce_session(cluster, 0, "https://shop.example/?awc=broken&awc=broken")
    member.transaction.fail_next_commit(Unavailable("no answer"))
    cluster.settle()
    assert member.metrics.counts["aborted unavailable"] == 1
    assert len(member.metrics.lateness_ms) == member.metrics.counts["malformed_checksums"] == 1


def test_a_graceful_end_commits_what_is_done_and_leaves() -> None:
    """Whoever takes over finds everything, and nothing is done twice."""
    cluster = Cluster(RULES)
    member = cluster.start()
    cluster.settle()
    produce_order(cluster)
    turns = 0
    stop = threading.Event()

    def beat() -> None:
        nonlocal turns
        turns += 1
        if turns == 3:
            stop.set()

    member.stage.run(stop, beat)
    assert cluster.log.group().members == {}
    assert [cluster.log.group().committed[TopicPartition(topic, 0)].offset for topic in INPUTS] == [0, 1]
    assert (ledger_of(cluster, 0).orders, ledger_of(cluster, 0).pending()) == (1, 1)


def test_an_error_leaves_nothing_half_done() -> None:
    """What was not committed when the stage failed is done again by its successor."""
    cluster = Cluster(RULES)
    member = cluster.start()
    cluster.settle()
    produce_sale(cluster)

    def fail() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        member.stage.run(threading.Event(), fail)
    assert cluster.log.group().members == {}
    cluster.members.clear()
    cluster.start("b")
    cluster.settle()
    assert checksums(cluster) == [(AWC,)]


@pytest.mark.parametrize("leave", [Cluster.crash, Cluster.stop])
def test_ready_once_every_partition_is_worked_on(leave: Callable[[Cluster, str], object]) -> None:
    """A member is ready when nothing of its share is still being restored; one without a share is ready, too."""
    cluster = Cluster(RULES)
    first = cluster.start("a")
    assert not first.stage.ready()
    cluster.settle()
    assert first.stage.ready()
    others = [cluster.start(name) for name in ("b", "c")]
    cluster.step(5)
    assert all(member.stage.ready() for member in others)
    assert sorted(len(m.stage.assignment.active) for m in cluster.members.values()) == [0, 1, 1]
    leave(cluster, "a")
    cluster.step(5)
    assert sorted(len(m.stage.assignment.active) for m in cluster.members.values()) == [1, 1]
