"""The demo's last word: what Awin received, held against a brute-force reference over everything that was produced."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from consumer.demo.awin import AwinRequest
from consumer.demo.comparison import compare
from consumer.demo.reference import Expected, Facts, LoggedOrder, LoggedSession, expect, fault_of_session
from consumer.demo.tap import everything
from consumer.errors import Undecodable
from consumer.events import Conversion
from consumer.settings import Settings
from consumer.stream.avro import DeadLetterDecoder, OrderDecoder, SessionDecoder
from consumer.stream.schemas import Schemas
from consumer.wiring.rulebook import rulebook


class Latency(Struct, frozen=True):
    """Milliseconds from the moment an order could be decided (and was in Kafka) to its arrival at Awin."""

    p50: int
    p99: int


class Summary(Struct, frozen=True, kw_only=True):
    """What `awin-consumer demo --json` prints."""

    sessions: int
    orders: int
    delivered: int
    """Orders that Awin accepted."""
    dead_letters: int
    duplicates_in: int
    """Order records that repeated an earlier one."""
    lost: int
    """Orders that should have reached Awin and did not, and bad records that are not among the dead letters."""
    sent_twice: int
    wrong_channel: int
    wrong_awc: int
    wrong_amount: int
    wrong_details: int
    """Requests whose voucher, custom parameters, product rows, customer type or test flag differ."""
    unexpected: int
    """Requests for no order, and dead letters that should have been none."""
    violations: int
    """Requests that break Awin's rules for `sread.php`."""
    forced: int
    """Orders decided on a quiet partition, without the watermark."""
    latency_ms: Latency

    def is_right(self) -> bool:
        """True when nothing is lost, repeated or wrong."""
        return not any(
            (
                self.lost,
                self.sent_twice,
                self.wrong_channel,
                self.wrong_awc,
                self.wrong_amount,
                self.wrong_details,
                self.unexpected,
                self.violations,
            )
        )


def summarize(
    settings: Settings, schemas: Schemas, conversions: Sequence[Conversion], requests: Sequence[AwinRequest]
) -> Summary:
    """Read the topics to their ends and check everything."""
    servers = settings.kafka.bootstrap_servers
    sessions, bad_sessions = _sessions(servers, settings.topics.session_landed, SessionDecoder(schemas))
    session_records = len(sessions) + len(bad_sessions)
    orders, bad_orders = _orders(servers, settings.topics.order_completed, OrderDecoder(schemas))
    rules = rulebook(settings)
    cuts = {(c.source.partition, c.source.offset): c.session_cut for c in conversions if c.session_cut is not None}
    expected = expect(sessions, orders, rules, facts=Facts(cuts=cuts))
    endings = list(expected.values())
    accepted = [request for request in requests if request.accepted]
    comparison = compare(endings, [request.parameters for request in accepted])
    bad_sessions |= {(s.partition, s.offset) for s in sessions if fault_of_session(s, rules.shop) is not None}
    wanted = {(settings.topics.session_landed, *place) for place in bad_sessions}
    wanted |= {(settings.topics.order_completed, *place) for place in bad_orders}
    wanted |= {
        (settings.topics.order_completed, e.partition, e.offset)
        for e in endings
        if e.ending in ("dead_letter", "conflict")
    }
    found = _dead_letters(servers, settings.topics.dead_letter, DeadLetterDecoder(schemas))
    return Summary(
        sessions=session_records,
        orders=len(orders) + len(bad_orders),
        delivered=len({(r.parameters.get("merchant"), r.ref) for r in accepted}),
        dead_letters=len(found),
        duplicates_in=sum(e.ending == "duplicate" for e in endings),
        lost=comparison.lost + len(wanted - found),
        sent_twice=comparison.sent_twice,
        wrong_channel=comparison.wrong_channel,
        wrong_awc=comparison.wrong_awc,
        wrong_amount=comparison.wrong_amount,
        wrong_details=comparison.wrong_details,
        unexpected=comparison.unexpected + len(found - wanted),
        violations=sum(bool(request.violations) for request in requests),
        forced=len(cuts),
        latency_ms=latency(accepted, endings, orders),
    )


def latency(accepted: Iterable[AwinRequest], endings: Iterable[Expected], orders: Iterable[LoggedOrder]) -> Latency:
    """Return the percentiles over the accepted requests."""
    recorded = {(o.partition, o.offset): o.timestamp_ms for o in orders}
    since = {
        (e.programme, e.order_ref): max(e.decidable_at_ms, recorded[e.partition, e.offset])
        for e in endings
        if e.ending == "conversion"
    }
    named = ((r.parameters.get("merchant", ""), r.ref, r.received_at_ms) for r in accepted)
    waits = sorted(at_ms - since[merchant, ref] for merchant, ref, at_ms in named if (merchant, ref) in since)
    if not waits:
        return Latency(0, 0)
    return Latency(p50=waits[len(waits) // 2], p99=waits[min(len(waits) - 1, len(waits) * 99 // 100)])


def _sessions(servers: str, topic: str, decode: SessionDecoder) -> tuple[list[LoggedSession], set[tuple[int, int]]]:
    events = []
    bad = set()
    for partition, offset, timestamp_ms, value in everything(servers, topic):
        try:
            events.append(LoggedSession(partition, offset, timestamp_ms, decode(value)))
        except Undecodable:
            bad.add((partition, offset))
    return events, bad


def _orders(servers: str, topic: str, decode: OrderDecoder) -> tuple[list[LoggedOrder], set[tuple[int, int]]]:
    events = []
    bad = set()
    for partition, offset, timestamp_ms, value in everything(servers, topic):
        try:
            events.append(LoggedOrder(partition, offset, timestamp_ms, decode(value)))
        except Undecodable:
            bad.add((partition, offset))
    return events, bad


def _dead_letters(servers: str, topic: str, decode: DeadLetterDecoder) -> set[tuple[str, int, int]]:
    """Return where the records stand that became dead letters of the attribute stage, or conversions of deliver."""
    letters = (decode(value) for _, _, _, value in everything(servers, topic))
    return {
        (letter.source.topic, letter.source.partition, letter.source.offset)
        for letter in letters
        if letter.stage != "replay"
    }
