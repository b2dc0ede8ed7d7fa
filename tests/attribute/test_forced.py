"""When a quiet partition's orders are decided by force: never too soon, never because of an outage, never forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from consumer.attribute.quiet import EndAsker
from consumer.attribution.join import EndTarget, FetchClock, PendingOrders, Waiting
from consumer.attribution.rules import Rules
from consumer.events import OrderCompleted, SessionLanded
from consumer.stream.log import Record, TopicPartition
from consumer.stream.memory import MemoryLog, MemorySource
from tests.attribute.cluster import (
    DECODE_CONVERSION,
    ENCODE_ORDER,
    ENCODE_SESSION,
    INPUTS,
    ORDERS,
    SESSIONS,
    START_MS,
    Clock,
    Cluster,
)

IDLE_WAIT_S = 3.0
MAX_HOLD_S = 8.0
INTERVAL_S = 0.25
UNNOTICED_S = 2.0
"""How much of each outage may count as time, for nobody asks without a pause."""
AT = TopicPartition(SESSIONS, 0)


class Held(NamedTuple):
    """What is known of a waiting order."""

    polled_s: float
    end: int
    """Of the session partition when it was polled."""


class QuietPartition(RuleBasedStateMachine):
    """One partition of sessions and orders, read by a loop that is as the stage's."""

    @initialize(batch=st.integers(1, 3))
    def open(self, batch: int) -> None:
        """Join as the only member and begin to read."""
        self.batch = batch
        self.clock = Clock()
        self.log = MemoryLog(dict.fromkeys(INPUTS, 1), clock_ms=self.clock.now_ms)
        self.source = MemorySource(self.log, INPUTS, self, monotonic=self.clock.monotonic_s)
        self.log.rebalance({"member": self.log.partitions(*INPUTS)})
        self.source.poll(0, 0)
        for each in self.log.partitions(*INPUTS):
            self.source.start(each, 0)
        self.asker = EndAsker(self.source, INTERVAL_S, self.clock.monotonic_s)
        self.pending = self._nothing_pending()
        self.held: dict[bytes, Held] = {}
        self.last_session_s = 0.0
        self.outages: list[tuple[float, float]] = []

    def on_assigned(self, partitions: object) -> None:
        """A listener needs nothing else here."""

    on_revoked = on_lost = on_assigned

    def _nothing_pending(self) -> PendingOrders:
        return PendingOrders(idle_wait_s=IDLE_WAIT_S, max_hold_s=MAX_HOLD_S, monotonic_s=self.clock.monotonic_s)

    @rule(topic=st.sampled_from(INPUTS), number=st.integers(1, 4))
    def produce(self, topic: str, number: int) -> None:
        """Append records."""
        for _ in range(number):
            self.log.produce(topic, b"", b"", 0)

    @rule()
    def append_a_gap(self) -> None:
        """End the session partition with records that nobody will see."""
        self.log.take_over("a producer")
        transaction = self.log.begin("a producer")
        self.log.append(transaction, SESSIONS, b"", b"", 0)
        self.log.finish(transaction, "aborted")

    @rule(seconds=st.sampled_from((0.0, 0.1, 0.25, 0.5, 1.0, 1.9, 5.0)), turns=st.integers(1, 8))
    def turn(self, seconds: float, turns: int) -> None:
        """Let the loop turn, so long apart."""
        for _ in range(turns):
            self.clock.advance(seconds)
            self._turn()

    @rule(turns=st.integers(1, 40))
    def outage(self, turns: int) -> None:
        """Let the broker give no answers for a while, in which nothing may be decided."""
        began_s = self.clock.monotonic_s()
        self.log.available = False
        for _ in range(turns):
            self.clock.advance(INTERVAL_S)
            assert self._turn() == 0
        self.log.available = True
        self.outages.append((began_s, self.clock.monotonic_s()))

    @rule()
    def roll_back(self) -> None:
        """Abort: what waits is loaded anew from the last commit."""
        self.pending = self._nothing_pending()
        for number, key in enumerate(self.held):
            self.pending.add(Waiting(2**62, number, key))

    @invariant()
    def nothing_else_waits(self) -> None:
        """Every order that was read and not decided waits, and no other does."""
        assert len(self.pending) == len(self.held)

    def teardown(self) -> None:
        """At last, with a broker that answers and nothing new, everything is decided."""
        for _ in range(200):
            self.clock.advance(INTERVAL_S)
            self._turn()
        assert not self.held

    def _turn(self) -> int:
        """Turn the loop once; return how many orders were forced."""
        for record in self.source.poll(self.batch, 0):
            self._take(record)
        self.asker.advance([(AT, self.pending)])
        position = self.source.next_offset(AT)
        return sum(self._decided(waiting, position) for waiting in self.pending.forced(position))

    def _take(self, record: Record) -> None:
        now_s = self.clock.monotonic_s()
        if record.topic == ORDERS:
            key = b"%d" % record.offset
            self.pending.add(Waiting(2**62, record.offset, key))
            self.held[key] = Held(now_s, self.log.end_offset(SESSIONS, 0))
        else:
            self.pending.session_read()
            self.last_session_s = now_s

    def _decided(self, waiting: Waiting, position: int) -> bool:
        polled_s, end = self.held.pop(waiting.key)
        assert position >= end, "something that came before the order was polled has not been read"
        since_order_s = self._working_s(polled_s)
        was_quiet = min(since_order_s, self._working_s(self.last_session_s)) >= IDLE_WAIT_S
        assert was_quiet or since_order_s >= MAX_HOLD_S, "it has not waited long enough"
        return True

    def _working_s(self, since_s: float) -> float:
        """Seconds from then on in which the broker answered, plus what of outages may go unnoticed."""
        now_s = self.clock.monotonic_s()
        lost_s = sum(max(0.0, until - max(began, since_s) - UNNOTICED_S) for began, until in self.outages)
        return now_s - since_s - lost_s + 1e-9


TestQuietPartition = QuietPartition.TestCase
TestQuietPartition.settings = settings(stateful_step_count=30)


def test_clock_runs_only_while_requests_are_answered() -> None:
    """It moves from one answered request to the next, but across no failure and no long gap."""
    clock = Clock()
    fetch = FetchClock(clock.monotonic_s)
    seen = []
    for sent_at_s in (10.0, 11.0, 13.0, 15.5, 16.0):
        fetch.confirm(sent_at_s)
        seen.append(fetch.now_s)
    fetch.interrupt()
    fetch.confirm(17.0)
    seen.append(fetch.now_s)
    assert seen == [0.0, 1.0, 3.0, 3.0, 3.5, 3.5]


def test_stamp_is_never_before_the_moment() -> None:
    """What happens between two confirmations is stamped with what the second one will make of it, at least."""
    clock = Clock()
    fetch = FetchClock(clock.monotonic_s)
    assert fetch.stamp_s() == 0.0
    fetch.confirm(0.0)
    clock.advance(1.5)
    assert fetch.stamp_s() == 1.5
    clock.advance(5.0)
    assert fetch.stamp_s() == 2.0


def test_waiting_begins_with_the_last_session_itself() -> None:
    """Not with the answer before it: however slowly answers come, the whole wait passes after the session."""
    clock = Clock()
    pending = PendingOrders(idle_wait_s=2, max_hold_s=100, monotonic_s=clock.monotonic_s)
    pending.add(Waiting(2**62, 0, b"0"))
    pending.answered(0.0, EndTarget(1, 0), 0)
    clock.advance(1.5)
    pending.session_read()
    for sent_at_s, decided in ((1.5, []), (3.0, []), (3.5, [b"0"])):
        pending.answered(sent_at_s, EndTarget(1, 1), 1)
        assert [waiting.key for waiting in pending.forced(1)] == decided


def test_watermark_decides_in_the_order_of_event_time() -> None:
    """Orders are handed out once, as soon as the watermark reaches them, forced or not."""
    pending = PendingOrders(idle_wait_s=1, max_hold_s=1, monotonic_s=Clock().monotonic_s)
    for number, at_ms in enumerate((30, 10, 20)):
        pending.add(Waiting(at_ms, number, b"%d" % number))
    assert [waiting.key for waiting in pending.ready(9)] == []
    assert [waiting.key for waiting in pending.ready(20)] == [b"1", b"2"]
    assert [waiting.key for waiting in pending.ready(100)] == [b"0"]
    assert len(pending) == 0


def test_nothing_is_forced_while_sessions_from_before_are_there_to_be_read() -> None:
    """However long it waits, an order is not decided before what was in the session partition when it was read."""
    cluster = Cluster(Rules(advertiser_id="1001"), idle_wait_s=10, max_hold_s=25)
    withheld = {SESSIONS}

    def chooser(ready: Sequence[TopicPartition], most: int) -> list[tuple[TopicPartition, int]]:
        return [(each, most) for each in ready if each.topic not in withheld]

    cluster.start(chooser=chooser)
    cluster.settle()
    event = SessionLanded("s", "ann", START_MS, "https://shop.example/?utm_medium=email")
    cluster.log.produce(SESSIONS, b"ann", ENCODE_SESSION(event), 0, timestamp_ms=START_MS)
    order = OrderCompleted(
        order_id="1", order_ref="R", completed_at_ms=START_MS, currency="EUR", subtotal=Decimal(1), visitor_id="ann"
    )
    cluster.log.produce(ORDERS, b"ann", ENCODE_ORDER(order), 0, timestamp_ms=START_MS)
    cluster.wait(100)
    assert cluster.conversions() == []
    withheld.clear()
    cluster.wait(100)
    assert [DECODE_CONVERSION(record.value).channel for record in cluster.conversions()] == ["email"]
