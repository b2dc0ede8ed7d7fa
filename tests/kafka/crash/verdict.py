"""Holds everything that the attribute stage left in its topics against the reference, record by record."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from consumer.attribution.rules import Rulebook
from consumer.attribution.touch import Touch
from consumer.demo.reference import Expected, Facts, LoggedOrder, LoggedSession, expect, fault_of_session
from consumer.errors import Undecodable
from consumer.events import Conversion, DeadLetter, Position
from consumer.state import orders as order_state
from consumer.state import touches as touch_state
from consumer.state.orders import Ledger, Link
from consumer.stream.avro import OrderDecoder, SessionDecoder
from consumer.stream.log import Record
from consumer.stream.schemas import Schemas

Place = tuple[int, int]
"""Partition and offset in the order topic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Logs:
    """The committed records of every topic that the stage reads or writes."""

    sessions: Sequence[Record]
    orders: Sequence[Record]
    conversions: Sequence[Conversion]
    dead_letters: Sequence[DeadLetter]
    touches: Sequence[Record]
    order_changes: Sequence[Record]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What came of it: figures to show, and whatever is wrong."""

    expected: Sequence[Expected]
    sessions: int
    orders: int
    conversions: int
    forced: int
    dead_letters: int
    faults: Sequence[str]

    def to_report(self) -> list[str]:
        """Return the references of the orders that Awin has to hear of."""
        return [ending.order_ref for ending in self.expected if ending.ending == "conversion"]


def ledgers(order_changes: Iterable[Record]) -> dict[int, Ledger]:
    """Return the newest ledger of each partition."""
    newest = {record.partition: record.value for record in order_changes if record.key == order_state.LEDGER_KEY}
    return {partition: order_state.decode_ledger(value) for partition, value in newest.items() if value is not None}


def judge(logs: Logs, rulebook: Rulebook, schemas: Schemas) -> Account:
    """Compare, and say everything that differs."""
    sessions, bad_sessions = _sessions(logs.sessions, schemas, rulebook)
    orders, bad_orders = _orders(logs.orders, schemas)
    links = _links(logs.order_changes)
    cuts = {place: link.session_cut for place, link in links.items() if link.session_cut is not None}
    expected = expect(sessions, orders, rulebook, facts=Facts(cuts=cuts))
    letters = bad_sessions | bad_orders
    for place, ending in expected.items():
        if ending.ending in {"dead_letter", "conflict"}:
            letters[Position(logs.orders[0].topic, *place)] = ending.reason
    faults = [
        *_conversion_faults(expected, logs.conversions),
        *_letter_faults(letters, logs.dead_letters),
        *_cut_faults(cuts, logs),
        *_touch_faults(logs, bad_sessions),
        *_order_state_faults(logs.order_changes, links, logs.conversions, expected),
        *_ledger_faults(ledgers(logs.order_changes), logs, expected, letters, sessions),
    ]
    return Account(
        expected=list(expected.values()),
        sessions=len(logs.sessions),
        orders=len(logs.orders),
        conversions=len(logs.conversions),
        forced=len(cuts),
        dead_letters=len(logs.dead_letters),
        faults=faults,
    )


def _place(position: Position) -> Place:
    return position.partition, position.offset


def _sessions(
    records: Iterable[Record], schemas: Schemas, rulebook: Rulebook
) -> tuple[list[LoggedSession], dict[Position, str]]:
    """Return the sessions that can be read, and where the bad ones stand with the reason for it."""
    decode = SessionDecoder(schemas)
    good, bad = [], {}
    for record in records:
        at = Position(record.topic, record.partition, record.offset)
        try:
            event = decode(record.value)
        except Undecodable as error:
            bad[at] = error.reason
            continue
        session = LoggedSession(record.partition, record.offset, record.timestamp_ms, event)
        good.append(session)
        fault = fault_of_session(session, rulebook.shop)
        if fault is not None:
            bad[at] = fault.reason
    return good, bad


def _orders(records: Iterable[Record], schemas: Schemas) -> tuple[list[LoggedOrder], dict[Position, str]]:
    decode = OrderDecoder(schemas)
    good, bad = [], {}
    for record in records:
        try:
            event = decode(record.value)
        except Undecodable as error:
            bad[Position(record.topic, record.partition, record.offset)] = error.reason
        else:
            good.append(LoggedOrder(record.partition, record.offset, record.timestamp_ms, event))
    return good, bad


def _conversion_faults(expected: dict[Place, Expected], conversions: Iterable[Conversion]) -> Iterator[str]:
    found: dict[Place, list[Conversion]] = defaultdict(list)
    for conversion in conversions:
        found[_place(conversion.source)].append(conversion)
    wanted = {place: ending for place, ending in expected.items() if ending.ending == "conversion"}
    yield from (f"order {place}: no conversion" for place in wanted.keys() - found.keys())
    yield from (f"order {place}: an unexpected conversion" for place in found.keys() - wanted.keys())
    yield from (f"order {place}: {len(all_of)} conversions" for place, all_of in found.items() if len(all_of) > 1)
    references = Counter((c.programme, c.order_ref) for all_of in found.values() for c in all_of)
    yield from (f"{reference}: converted {times} times" for reference, times in references.items() if times > 1)
    for place in wanted.keys() & found.keys():
        for wrong in _differences(wanted[place], found[place][0]):
            yield f"order {place}: {wrong}"


def _differences(expected: Expected, found: Conversion) -> Iterator[str]:
    pairs = {
        "programme": (expected.programme, found.programme),
        "order_ref": (expected.order_ref, found.order_ref),
        "channel": (expected.channel, found.channel),
        "reason": (expected.why, found.reason),
        "checksums": (expected.click_checksums, found.click_checksums),
        "amount": (expected.amount, found.amount),
        "currency": (expected.currency, found.currency),
        "parts": (expected.parts, found.parts),
        "vouchers": (expected.vouchers, found.vouchers),
        "customer": (expected.customer_acquisition, found.customer_acquisition),
        "custom": (dict(expected.custom), found.custom),
        "products": (expected.products, found.products),
        "notes": (expected.notes, found.notes),
        "test": (expected.test, found.test),
        "entered": (expected.entered_at_ms, found.entered_at_ms),
        "decidable": (expected.decidable_at_ms, found.decidable_at_ms),
    }
    for name, (wanted, got) in pairs.items():
        if wanted != got:
            yield f"{name} is {got}, not {wanted}"


def _letter_faults(wanted: dict[Position, str], letters: Iterable[DeadLetter]) -> Iterator[str]:
    found: dict[Position, list[str]] = defaultdict(list)
    for letter in letters:
        found[letter.source].append(letter.reason)
    for at in wanted.keys() | found.keys():
        expected = [wanted[at]] if at in wanted else []
        if found.get(at, []) != expected:
            yield f"{at}: dead letters {found.get(at, [])}, not {expected}"


def _cut_faults(cuts: dict[Place, int], logs: Logs) -> Iterator[str]:
    """A forced decision must have seen every session that was appended before its order."""
    appended = {(order.partition, order.offset): order.timestamp_ms for order in logs.orders}
    last_before: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for session in logs.sessions:
        last_before[session.partition].append((session.offset, session.timestamp_ms))
    for place, cut in cuts.items():
        unseen = [offset for offset, at_ms in last_before[place[0]] if offset >= cut and at_ms < appended[place]]
        if unseen:
            yield f"order {place}: forced at session {cut}, though {unseen[-1]} was there before the order"


def _touch_faults(logs: Logs, bad_sessions: dict[Position, str]) -> Iterator[str]:
    """Every good session left one touch in the changelog."""
    found: Counter[Place] = Counter()
    for record in logs.touches:
        for _, value in touch_state.changes_of(record):
            touch: Touch = touch_state.decode(value or b"")
            found[record.partition, touch.offset] += 1
    bad = {_place(position) for position in bad_sessions}
    wanted = {(session.partition, session.offset) for session in logs.sessions} - bad
    yield from (f"session {place}: no touch" for place in wanted - found.keys())
    yield from (f"session {place}: an unexpected touch" for place in found.keys() - wanted)
    yield from (f"session {place}: {times} touches" for place, times in found.items() if times > 1)


def _links(order_changes: Iterable[Record]) -> dict[Place, Link]:
    """Return what is remembered of every decided order, by where it stands."""
    state = {(record.partition, record.key): record.value for record in order_changes}
    links: dict[Place, Link] = {}
    for (partition, key), value in state.items():
        if key is not None and key.startswith(b"o") and value is not None:
            link = order_state.decode_link(value)
            links[partition, link.offset] = link
    return links


def _order_state_faults(
    order_changes: Iterable[Record],
    links: dict[Place, Link],
    conversions: Iterable[Conversion],
    expected: dict[Place, Expected],
) -> Iterator[str]:
    """Nothing is pending any more, and every decided order has its link, made of the same decision."""
    state = {(record.partition, record.key): record.value for record in order_changes}
    for (partition, key), value in state.items():
        if key is not None and key.startswith(b"p") and value is not None:
            yield f"partition {partition}: an order is still pending"
    told = {_place(c.source): (c.channel, c.click_checksums, c.session_cut) for c in conversions}
    kept = {place: (link.channel, link.click_checksums, link.session_cut) for place, link in links.items()}
    yield from (
        f"order {place}: link {kept.get(place)}, not {wanted}"
        for place, wanted in told.items()
        if kept.get(place) != wanted
    )
    reported = {place for place, link in links.items() if link.reported}
    yield from (f"order {place}: a link without a conversion" for place in reported - told.keys())
    silent = {place: ending.channel for place, ending in expected.items() if ending.why and place not in told}
    found = {place: link.channel for place, link in links.items() if not link.reported}
    yield from (
        f"order {place}: not reported by {found.get(place)}, but by {silent.get(place)}"
        for place in silent.keys() | found.keys()
        if silent.get(place) != found.get(place)
    )


def _ledger_faults(
    found: dict[int, Ledger],
    logs: Logs,
    expected: dict[Place, Expected],
    letters: dict[Position, str],
    sessions: Iterable[LoggedSession],
) -> Iterator[str]:
    """The counts of every partition are what the topics hold, and add up."""
    session_topic, order_topic = logs.sessions[0].topic, logs.orders[0].topic
    bad = Counter((at.topic, at.partition) for at, reason in letters.items() if reason != "conflict")
    endings = Counter((ending.partition, ending.ending) for ending in expected.values())
    read = Counter((record.topic, record.partition) for record in (*logs.sessions, *logs.orders))
    watermarks: dict[int, int] = defaultdict(int)
    for session in sessions:
        if Position(session_topic, session.partition, session.offset) not in letters:
            reached = min(session.event.landed_at_ms, session.timestamp_ms)
            watermarks[session.partition] = max(watermarks[session.partition], reached)
    for partition, ledger in found.items():
        wanted = msgspec.structs.replace(
            ledger,
            watermark_ms=watermarks[partition],
            sessions=read[session_topic, partition],
            sessions_dead=bad[session_topic, partition],
            orders=read[order_topic, partition],
            decided=endings[partition, "conversion"],
            duplicates=endings[partition, "duplicate"],
            conflicts=endings[partition, "conflict"],
            before_cut_over=0,
            not_reportable=endings[partition, "not_reportable"],
            dead_letters=bad[order_topic, partition],
        )
        if ledger != wanted or ledger.pending():
            yield f"partition {partition}: the ledger is {ledger}, not {wanted}"
