"""Keys that lie where murmur2 does not put them."""

from __future__ import annotations

import pytest
from confluent_kafka import murmur2
from msgspec.structs import replace

from consumer.attribute.keys import KeyGuards
from consumer.errors import TopicError
from consumer.events import FORGET_ORDER_HEADER
from consumer.stream.log import Record

PARTITIONS = 4


def placed(number: int, *, shift: int) -> Record:
    """A record whose partition is its key's, moved on by some."""
    key = f"visitor-{number}".encode()
    return Record("session.landed", (murmur2(key, PARTITIONS) + shift) % PARTITIONS, number, 0, key, b"")


def test_keys_of_javas_default_partitioner_are_fine() -> None:
    """Any number of well-placed keys raises nothing, nor do a few stray ones among them."""
    guards = KeyGuards(["session.landed"])
    guards.look([placed(number, shift=number % 25 == 7) for number in range(500)], PARTITIONS)


def test_foreign_partitioning_stops_the_stage_within_the_first_batch() -> None:
    """When most keys lie elsewhere, an error names the topic and the partitioner to use."""
    guards = KeyGuards(["session.landed", "order.completed"])
    with pytest.raises(TopicError, match=r"session\.landed.*murmur2_random"):
        guards.look([placed(number, shift=1) for number in range(60)], PARTITIONS)


@pytest.mark.parametrize("partitions", [2, 4, 12])
def test_one_producer_of_two_with_another_hash_is_noticed(partitions: int) -> None:
    """Half of its keys lie elsewhere even with two partitions, and one order in four misses its sessions."""
    other = [(murmur2(b"other-%d" % number, partitions), number) for number in range(200)]
    records = [
        Record(
            "session.landed",
            where if number % 2 else murmur2(b"v%d" % number, partitions),
            number,
            0,
            b"v%d" % number,
            b"",
        )
        for where, number in other
    ]
    with pytest.raises(TopicError):
        KeyGuards(["session.landed"]).look(records, partitions)


def test_records_without_key_count_as_misplaced() -> None:
    """A topic without keys cannot be joined either."""
    unkeyed = [Record("order.completed", 0, number, 0, None, b"") for number in range(60)]
    with pytest.raises(TopicError, match=r"order\.completed"):
        KeyGuards(["order.completed"]).look(unkeyed, PARTITIONS)


@pytest.mark.parametrize("key", [b"", None])
def test_requests_to_forget_an_order_alone_are_no_strays(key: bytes | None) -> None:
    """They have nobody's key, and come to every partition where the order's is not known."""
    headers = ((FORGET_ORDER_HEADER, b"1001:R1"),)
    requests = [Record("session.landed", number % PARTITIONS, number, 0, key, None, headers) for number in range(60)]
    guards = KeyGuards(["session.landed"])
    guards.look(requests, PARTITIONS)
    with pytest.raises(TopicError):
        guards.look([replace(each, headers=()) for each in requests], PARTITIONS)


def test_a_change_of_partitioner_is_noticed_later_too() -> None:
    """After a long time with good keys, one record of each batch is enough to notice bad ones."""
    guards = KeyGuards(["session.landed"])
    guards.look([placed(number, shift=0) for number in range(1_000)], PARTITIONS)

    def look_at_first_records_of_batches() -> None:
        for number in range(200):
            guards.look([placed(number, shift=2)], PARTITIONS)

    with pytest.raises(TopicError):
        look_at_first_records_of_batches()
