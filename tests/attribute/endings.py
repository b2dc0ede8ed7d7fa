"""Holds what came of a world against the reference: every order's ending, the counts, and the state."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import NamedTuple
from urllib.parse import urlsplit

from consumer.awin import sread
from consumer.demo.awin import MINOR_DIGITS
from consumer.demo.awin.rules import Rules as StandIn
from consumer.demo.reference import (
    Expected,
    History,
    doubts,
    endings_of,
    fault_of_session,
    history_of,
)
from consumer.events import Conversion, DeadLetter, outbox_key
from consumer.state import orders
from consumer.state.orders import Ledger, Link
from consumer.stream.log import Record, TopicPartition
from tests.attribute.cluster import (
    CONVERSIONS,
    DECODE_CONVERSION,
    DECODE_DEAD_LETTER,
    ORDERS,
    PARTITIONS,
    SESSIONS,
    Cluster,
)
from tests.attribute.scripts import Input

Place = tuple[int, int]
DEAD = {"dead_letter", "conflict"}


class Account(NamedTuple):
    """What the reference says of a world, and what came of it."""

    history: History
    expected: dict[Place, Expected]
    conversions: dict[Place, Conversion]
    """By the partition and offset of their orders."""


def check_endings(cluster: Cluster, given: Input, *, swept: bool = False) -> Account:
    """Make sure that everything ended as the reference says, that nothing did twice, and that all adds up.

    Args:
        cluster: what worked on it.
        given: the logs.
        swept: whether refused checksums were looked for when everything had been read and decided.
    """
    conversions = conversions_of(cluster)
    letters = dead_letters_of(cluster)
    links = _links(cluster)
    history = history_for(cluster, given, swept=swept)
    expected = endings_of(given.orders, history, cluster.rulebook, _cut_over(cluster))
    ledgers = [ledger_of(cluster, partition) for partition in range(PARTITIONS)]
    assert doubts(given.orders, history, expected) == []
    read = {place: e for place, e in expected.items() if place[1] >= ledgers[place[0]].first_order_offset}
    assert all(e.ending in {"before_cut_over", "dead_letter"} for p, e in expected.items() if p not in read)

    decided = {place: e for place, e in read.items() if e.why}
    assert decided.keys() == history.facts.decided_in.keys() <= history.facts.read_at.keys()
    assert {place: (link.channel, link.click_checksums, link.reported) for place, link in links.items()} == {
        place: (e.channel, e.linked_checksums, e.ending == "conversion") for place, e in decided.items()
    }
    assert set(conversions) == {place for place, e in read.items() if e.ending == "conversion"}
    for place, conversion in conversions.items():
        assert said(conversion) == said_by_reference(expected[place])
        assert violations(conversion) == []

    wanted = {(ORDERS, *place): (e.reason, e.field) for place, e in read.items() if e.ending == "dead_letter"}
    wanted |= {(ORDERS, *place): ("conflict", "order_ref") for place, e in read.items() if e.ending == "conflict"}
    wanted |= {place: (reason, "") for place, reason in given.poison.items() if _is_read(place, ledgers)}
    wanted |= {place: reason for place, reason in _dead_sessions(cluster, given).items() if _is_read(place, ledgers)}
    assert {place: (letter.reason, letter.field) for place, letter in letters.items()} == wanted

    for partition, ledger in enumerate(ledgers):
        _check_ledger(cluster, given, partition, ledger, read)
    return Account(history, expected, conversions)


def history_for(cluster: Cluster, given: Input, *, swept: bool = False) -> History:
    """What the reference is to know of the sessions, and of when things were done."""
    facts = cluster.witness.facts()
    if swept:
        last = [cluster.witness.last_sweep(partition) for partition in range(PARTITIONS)]
        facts = replace(facts, sweeps=[*facts.sweeps, *last])
    return history_of(given.sessions, cluster.rulebook.shop, facts)


def check_state(cluster: Cluster) -> None:
    """Make sure that what the owners keep is what their changelogs hold, key by key, and that nothing is pending."""
    owned: set[int] = set()
    for member in cluster.members.values():
        for partition in member.stage.assignment.active:
            owned.add(partition)
            state = member.state(partition)
            assert state == cluster.restored(partition)
            assert not [key for key in state if key.startswith(b"p")]
    assert owned == set(range(PARTITIONS))


def ledger_of(cluster: Cluster, partition: int) -> Ledger:
    """The ledger in a partition's changelog."""
    return orders.decode_ledger(cluster.restored(partition)[orders.LEDGER_KEY])


def said(conversion: Conversion) -> dict[str, object]:
    """What a conversion says of all that the reference knows."""
    return {
        "programme": conversion.programme,
        "order_ref": conversion.order_ref,
        "channel": conversion.channel,
        "why": conversion.reason,
        "click_checksums": conversion.click_checksums,
        "amount": conversion.amount,
        "currency": conversion.currency,
        "parts": conversion.parts,
        "vouchers": conversion.vouchers,
        "customer_acquisition": conversion.customer_acquisition,
        "custom": conversion.custom,
        "products": conversion.products,
        "notes": conversion.notes,
        "evidence": conversion.evidence,
        "test": conversion.test,
        "entered_at_ms": conversion.entered_at_ms,
        "decidable_at_ms": conversion.decidable_at_ms,
    }


def said_by_reference(expected: Expected) -> dict[str, object]:
    """The same of an expectation."""
    return {
        "programme": expected.programme,
        "order_ref": expected.order_ref,
        "channel": expected.channel,
        "why": expected.why,
        "click_checksums": expected.click_checksums,
        "amount": expected.amount,
        "currency": expected.currency,
        "parts": expected.parts,
        "vouchers": expected.vouchers,
        "customer_acquisition": expected.customer_acquisition,
        "custom": expected.custom,
        "products": expected.products,
        "notes": expected.notes,
        "evidence": expected.evidence,
        "test": expected.test,
        "entered_at_ms": expected.entered_at_ms,
        "decidable_at_ms": expected.decidable_at_ms,
    }


def conversions_of(cluster: Cluster) -> dict[Place, Conversion]:
    """Every conversion by partition and offset of its order, under the right key."""
    found: dict[Place, Conversion] = {}
    for record in cluster.conversions():
        conversion = DECODE_CONVERSION(record.value)
        assert record.key == outbox_key(conversion.programme, conversion.order_ref)
        assert place_of(conversion) not in found, "an order was reported twice"
        found[place_of(conversion)] = conversion
    return found


def place_of(conversion: Conversion) -> Place:
    """Partition and offset of a conversion's order."""
    return conversion.source.partition, conversion.source.offset


def _links(cluster: Cluster) -> dict[Place, Link]:
    """Every decided order's link, by where its order stands."""
    found: dict[Place, Link] = {}
    for partition in range(PARTITIONS):
        for key, value in cluster.restored(partition).items():
            if key.startswith(b"o"):
                link = orders.decode_link(value)
                assert (partition, link.offset) not in found, "an order has two links"
                found[partition, link.offset] = link
    return found


def dead_letters_of(cluster: Cluster) -> dict[tuple[str, int, int], DeadLetter]:
    """Every dead letter by topic, partition and offset of its record, each with the original bytes."""
    found: dict[tuple[str, int, int], DeadLetter] = {}
    for record in cluster.dead_letters():
        letter = DECODE_DEAD_LETTER(record.value)
        source = letter.source
        place = source.topic, source.partition, source.offset
        assert place not in found, "a record became two dead letters"
        found[place] = letter
        original = _original(cluster, place)
        assert (letter.key, letter.value, letter.truncated) == (original.key, original.value, False)
        assert record.key == original.key
    return found


def _original(cluster: Cluster, place: tuple[str, int, int]) -> Record:
    return cluster.log.records(*place)[0]


def _dead_sessions(cluster: Cluster, given: Input) -> dict[tuple[str, int, int], tuple[str, str]]:
    faults = {(SESSIONS, s.partition, s.offset): fault_of_session(s, cluster.rulebook.shop) for s in given.sessions}
    return {place: (fault.reason, fault.field) for place, fault in faults.items() if fault is not None}


def _is_read(place: tuple[str, int, int], ledgers: list[Ledger]) -> bool:
    topic, partition, offset = place
    ledger = ledgers[partition]
    return offset >= (ledger.first_session_offset if topic == SESSIONS else ledger.first_order_offset)


def _cut_over(cluster: Cluster) -> int:
    assert cluster.settings.cut_over_ms is not None
    return cluster.settings.cut_over_ms


def _check_ledger(cluster: Cluster, given: Input, partition: int, ledger: Ledger, read: dict[Place, Expected]) -> None:
    endings = Counter(e.ending for place, e in read.items() if place[0] == partition)
    poison = [place for place in given.poison if place[1] == partition and _is_read(place, _alone(partition, ledger))]
    dead = [p for p in _dead_sessions(cluster, given) if p[1] == partition and _is_read(p, _alone(partition, ledger))]
    sessions = cluster.log.records(SESSIONS, partition, ledger.first_session_offset)
    order_poison = sum(topic == ORDERS for topic, _, _ in poison)
    assert ledger.pending() == 0
    assert ledger.cut_over_ms == _cut_over(cluster)
    assert ledger.orders == len(cluster.log.records(ORDERS, partition, ledger.first_order_offset))
    assert ledger.decided == endings["conversion"]
    assert ledger.duplicates == endings["duplicate"]
    assert ledger.conflicts == endings["conflict"]
    assert ledger.before_cut_over == endings["before_cut_over"]
    assert ledger.not_reportable == endings["not_reportable"]
    assert ledger.dead_letters == endings["dead_letter"] + order_poison
    assert ledger.sessions == len(sessions)
    assert ledger.sessions_dead == len(dead) + len(poison) - order_poison


def _alone(partition: int, ledger: Ledger) -> list[Ledger]:
    return [ledger] * (partition + 1)


def violations(conversion: Conversion) -> list[str]:
    """What the stand-in Awin finds wrong with the conversion's request."""
    split = urlsplit(sread.request(conversion).url)
    return list(StandIn(MINOR_DIGITS).violations("GET", f"{split.path}?{split.query}")[1])


def values(cluster: Cluster) -> set[tuple[bytes | None, bytes | None]]:
    """Keys and values of all conversions."""
    return {(record.key, record.value) for record in cluster.conversions()}


def ends(cluster: Cluster) -> dict[TopicPartition, int]:
    """How long every partition of the outbox is."""
    return {each: cluster.log.end_offset(*each) for each in cluster.log.partitions(CONVERSIONS)}
