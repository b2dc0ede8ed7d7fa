"""What to write so that somebody is forgotten."""

from __future__ import annotations

import pytest
from confluent_kafka import murmur2

from consumer.attribution.rules import Condition, Rulebook, Rules
from consumer.errors import Unfound
from consumer.events import FORGET_ORDER_HEADER
from consumer.inspect.forgetting import Forgetting, Tombstone, of_order, of_visitor
from consumer.inspect.reading import EVERYTHING
from consumer.inspect.search import Search
from consumer.state import orders, touches
from consumer.state.orders import Link
from tests.attribute.cluster import DEAD_LETTERS, ORDER_STATE, ORDERS, SCHEMAS, SESSIONS
from tests.inspect.log_reader import LogReader
from tests.inspect.memory_topics import MemoryTopics
from tests.inspect.shop import TOPICS, Shop

PARTITIONS = 8
BOOK = Rulebook((Rules(advertiser_id="1001"),), ((Condition("market", frozenset({"de"})),),))
AWC = "1001_1700000900_abc"
HEADERS = ((FORGET_ORDER_HEADER, b"1001:R1"),)
FOR_ORDER = Tombstone(SESSIONS, 0, b"", HEADERS)
FOR_BOTH = Tombstone(SESSIONS, 0, b"ann", HEADERS)
ELSEWHERE = Tombstone(SESSIONS, 1, b"", HEADERS)


def sold(visitor: str | None = "ann") -> Shop:
    """Return a shop in which a click led to order R1."""
    shop = Shop(BOOK)
    shop.landed(-100, f"https://shop.example/?awc={AWC}")
    shop.ordered("R1", visitor=visitor, awc=AWC)
    shop.end(60)
    return shop


def forgetting(shop: Shop, ref: str = "R1") -> Forgetting:
    """Return what makes the stage forget an order with its visitor."""
    reader = LogReader(shop.cluster.log, (ORDER_STATE,))
    search = Search(reader, SCHEMAS, TOPICS, ("group", "deliver"), BOOK, EVERYTHING)
    programme, traces = search.find(("1001",), ref)
    return of_order(programme, ref, traces, TOPICS, reader)


def obeyed(shop: Shop, found: Forgetting) -> tuple[Link, int]:
    """Let the stage obey; return what it remembers of R1, and how many touches it keeps of ann."""
    for each in found.tombstones:
        shop.cluster.log.produce(each.topic, each.key, None, each.partition, headers=each.headers)
    shop.work()
    state = shop.cluster.restored(0)
    kept = [touches.decode(value) for key, value in state.items() if key.startswith(touches.visitor_prefix("ann"))]
    return orders.decode_link(state[orders.link_key(b"1001:R1")]), sum(touch.channel == "aw" for touch in kept)


def expire_records(shop: Shop) -> None:
    """Let the order records be gone."""
    shop.cluster.log.truncate(ORDERS, 0, shop.cluster.log.end_offset(ORDERS, 0))


def test_a_visitor_is_addressed_as_his_sessions_are() -> None:
    """By key, in the partition of Kafka's own partitioner."""
    key = "Änn".encode()
    found = of_visitor("Änn", TOPICS, MemoryTopics({TOPICS.session_landed: PARTITIONS}))
    tombstone = Tombstone(TOPICS.session_landed, murmur2(key, PARTITIONS), key)
    assert found == Forgetting(tombstones=(tombstone,), visitor="forgotten", order_checksums=False)


@pytest.mark.parametrize("conversions_are_there", [True, False])
def test_an_order_is_forgotten_with_its_visitor(*, conversions_are_there: bool) -> None:
    """Where the order was read, by its record."""
    shop = sold()
    if not conversions_are_there:
        shop.expire_conversions()
    found = forgetting(shop)
    assert found == Forgetting(tombstones=(FOR_BOTH,), visitor="forgotten", order_checksums=True)
    link, clicks = obeyed(shop, found)
    assert (link.click_checksums, clicks) == ((), 0)


def test_an_order_without_visitor_is_forgotten_alone() -> None:
    """Nobody else is, whatever his id."""
    shop = sold(visitor=None)
    found = forgetting(shop)
    assert found == Forgetting(tombstones=(FOR_ORDER,), visitor="none", order_checksums=True)
    link, clicks = obeyed(shop, found)
    assert (link.click_checksums, clicks) == ((), 1)


@pytest.mark.parametrize("conversions_are_there", [True, False])
def test_an_order_whose_record_is_gone_is_forgotten_alone(*, conversions_are_there: bool) -> None:
    """Its conversion, or what is remembered of it, says where."""
    shop = sold()
    expire_records(shop)
    if not conversions_are_there:
        shop.expire_conversions()
    found = forgetting(shop)
    assert found == Forgetting(tombstones=(FOR_ORDER,), visitor="not_known", order_checksums=True)
    link, clicks = obeyed(shop, found)
    assert (link.click_checksums, clicks) == ((), 1)


def test_where_nobody_knows_the_partition_all_are_asked() -> None:
    """Of an order of which only the receipt is left."""
    shop = sold()
    shop.deliver()
    shop.expire_conversions()
    expire_records(shop)
    log = shop.cluster.log
    log.truncate(ORDER_STATE, 0, log.end_offset(ORDER_STATE, 0))
    found = forgetting(shop)
    assert found == Forgetting(tombstones=(FOR_ORDER, ELSEWHERE), visitor="not_known", order_checksums=True)


def test_an_order_under_two_visitors_is_forgotten_in_both_partitions() -> None:
    """The visitor of the one that was sent, and the checksums wherever they are remembered."""
    shop = sold()
    shop.ordered("R1", visitor="bob", awc=AWC, partition=1)
    shop.landed(60, "https://shop.example/", "zoe", partition=1)
    shop.work()
    for _ in range(2):
        found = forgetting(shop)
        assert found == Forgetting(tombstones=(FOR_BOTH, ELSEWHERE), visitor="forgotten", order_checksums=True)
        shop.expire_conversions()


def test_an_order_that_was_not_accepted_has_a_visitor_all_the_same() -> None:
    """One that is excluded, say; nothing is remembered of it."""
    shop = Shop(BOOK)
    shop.ordered("R1", market="de")
    shop.ordered("R2", market="de", visitor=None)
    shop.end(60)
    found = forgetting(shop)
    assert found.tombstones == (Tombstone(SESSIONS, 0, b"ann"),)
    assert (found.visitor, found.order_checksums) == ("forgotten", False)
    with pytest.raises(Unfound, match="order R2 has no visitor and was not accepted"):
        forgetting(shop, "R2")


def test_an_order_that_is_not_there_is_told() -> None:
    """Never known, or refused, with its record gone."""
    shop = sold()
    shop.ordered("R2", currency="euro")
    shop.work()
    expire_records(shop)
    for ref in ("R2", "R3"):
        with pytest.raises(Unfound, match=f"order {ref} of programme 1001: there is no conversion, receipt or record"):
            forgetting(shop, ref)
    assert shop.cluster.log.records(DEAD_LETTERS, 0)
