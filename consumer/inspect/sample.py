"""What a sample of an input topic's newest records says about its producer. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal

from confluent_kafka import murmur2
from msgspec import Struct

from consumer.errors import Reject
from consumer.events import OrderCompleted, SessionLanded, forgets_orders_alone, orders_to_forget
from consumer.stream.framing import Headers
from consumer.stream.log import Record

Verdict = Literal["ok", "warn", "fail", "skipped"]
Decode = Callable[[bytes | None, Headers], SessionLanded | OrderCompleted]


class Judgement(Struct, frozen=True):
    """A verdict, what it rests on, and what to do about it."""

    verdict: Verdict
    found: str
    advice: str = ""


def keys(records: Sequence[Record], partitions: int) -> Judgement:
    """Judge whether records stand in the partition that Java's partitioner (murmur2) gives their key.

    Requests to forget an order alone have nobody's key.
    """
    records = [each for each in records if not forgets_orders_alone(each.key, each.value, each.headers)]
    if not records:
        return Judgement("skipped", "no records yet")
    unkeyed = sum(record.key is None for record in records)
    if unkeyed:
        advice = "have the producer key its records by visitor_id, orders without a visitor by order_ref"
        return Judgement("fail", f"{unkeyed:,} of the newest {len(records):,} records have no key", advice)
    if partitions == 1:
        return Judgement("ok", "one partition: every key leads there")
    right = sum(murmur2(record.key or b"", partitions) == record.partition for record in records)
    found = f"{right:,} of the newest {len(records):,} records are where murmur2 puts their key"
    if right == len(records):
        return Judgement("ok", found)
    advice = "set the producer's partitioner to murmur2_random, Java's default; librdkafka's own default is another"
    return Judgement("fail", found, advice)


def contents(records: Sequence[Record], decode: Decode, flood_share: float) -> Judgement:
    """Judge whether records can be decoded, and are keyed by the visitor.

    Args:
        records: the sample.
        decode: raises `Reject` for what becomes a dead letter.
        flood_share: the share of dead letters that stops the stage.
    """
    if not records:
        return Judgement("skipped", "no records yet")
    rejected: list[Reject] = []
    strangers = 0
    for record in records:
        if record.value is None and (record.key or orders_to_forget(record.headers)):
            continue  # asks for a visitor to be forgotten, or an order
        try:
            event = decode(record.value, record.headers)
        except Reject as error:
            rejected.append(error)
        else:
            strangers += event.visitor_id is not None and record.key != event.visitor_id.encode()
    if rejected:
        reasons = ", ".join(
            f"{reason} {count:,}" for reason, count in Counter(e.reason for e in rejected).most_common()
        )
        found = f"{len(rejected):,} of the newest {len(records):,} records cannot be decoded ({reasons})"
        return Judgement("fail" if len(rejected) > flood_share * len(records) else "warn", found, rejected[0].message)
    if strangers:
        found = f"{strangers:,} of the newest {len(records):,} records have another key than their visitor_id"
        advice = "fine only if sessions and orders of one visitor have the very same key"
        return Judgement("warn", found, advice)
    return Judgement("ok", f"the newest {len(records):,} records can be decoded")
