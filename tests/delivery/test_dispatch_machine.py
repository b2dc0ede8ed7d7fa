"""Whatever happens to calls, a conversion is in one place at a time, and is decided exactly once while it is ours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from random import Random
from typing import Literal, TypeAlias, cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from consumer.delivery.attempt.worker import Reply, Ticket, Worker
from consumer.delivery.dispatch import Dispatch
from consumer.delivery.outstanding import Decided, Outstanding
from consumer.delivery.pacing.gate import Gates, Limits
from consumer.delivery.pacing.limiter import RateLimiter
from consumer.delivery.pacing.retry import Retries, RetryPolicy
from consumer.delivery.queue import Call
from consumer.delivery.settings import DeliverSettings
from consumer.events import Method, Outcome, ProgrammeState
from consumer.stream.log import Record
from tests.delivery.conversions import T0_MS, in_hand, key_of, sale
from tests.delivery.desks import Calls, answer
from tests.delivery.recording import RecordingMetrics

PROGRAMMES = ("1001", "2002")
METHODS: tuple[Method, ...] = ("sread", "conversion_api")
PARTITIONS = 2
SETTINGS = DeliverSettings(
    breaker_failures=1,
    breaker_after_ms=0,
    breaker_cooldown_ms=5_000,
    breaker_cooldown_cap_ms=20_000,
    halt_after=3,
    max_attempts=3,
    retry_cap_ms=2_000,
    limits={"1001": Limits(concurrency=2), "2002": Limits(requests_per_s=1)},
)
outcomes: st.SearchStrategy[Outcome] = st.sampled_from(
    ["delivered", "delivered", "delivered", "rejected", "throttled", "not_sent", "unknown"]
)
Kind: TypeAlias = Literal["told", "split", "key_refused"]
kinds: st.SearchStrategy[Kind] = st.sampled_from(["told", "told", "told", "told", "split", "key_refused"])
states: st.SearchStrategy[ProgrammeState] = st.sampled_from(["running", "running", "running", "paused", "halted"])


class Hands:
    """A worker that does nothing by itself: a test says when which attempt has ended, and how."""

    def __init__(self) -> None:
        self.open: list[int] = []
        self.ended: list[Reply] = []

    def submit(self, ticket: Ticket) -> None:
        self.open.append(ticket.number)

    def cancel(self, numbers: Iterable[int]) -> None:
        """Leave them open: their answers may still come."""

    def replies(self, timeout_s: float) -> list[Reply]:  # noqa: ARG002  # nothing comes by waiting
        ended, self.ended = self.ended, []
        return ended


class DispatchMachine(RuleBasedStateMachine):
    """Conversions of two programmes and three partitions, by calls of two, under every limit."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 1_000.0
        self.hands = Hands()
        self.calls = Calls(most=2, gather_s=1.0)
        self.gates = Gates(SETTINGS.gates(), SETTINGS.limits, lambda: self.now_s)
        self.gates.share(1.0)
        pace = RateLimiter(2.0, lambda: self.now_s)
        self.dispatch = Dispatch(
            cast("Worker", self.hands),
            {"sread": Calls(), "conversion_api": self.calls},
            self.gates,
            dict.fromkeys(PROGRAMMES, pace),
            Retries(RetryPolicy(base_ms=500, cap_ms=2_000, max_attempts=3), Random(1)),
            SETTINGS,
            RecordingMetrics(),
            halt=lambda _programme, _why: None,
            now_ms=lambda: T0_MS,
            monotonic_s=lambda: self.now_s,
        )
        self.set_back_s = 0.0
        self.number = 0
        self.ours: set[Outstanding] = set()

    @rule(
        programme=st.sampled_from(PROGRAMMES),
        partitions=st.lists(st.integers(0, PARTITIONS - 1), min_size=1, max_size=3),
        method=st.sampled_from(METHODS),
        deferrals=st.integers(0, 1),
    )
    def take(self, programme: str, partitions: list[int], method: Method, deferrals: int) -> None:
        """Conversions come."""
        for partition in partitions:
            self.number += 1
            conversion = replace(sale(f"A-{self.number}"), programme=programme, method=method)
            record = Record("awin.conversion", partition, self.number, T0_MS, key_of(conversion), b"")
            item = in_hand(record, conversion)
            item.deferrals = deferrals
            self.ours.add(item)
            decided = self.dispatch.add(item)
            self._decide([] if decided is None else [decided])

    @rule(seconds=st.sampled_from([0, 1, 5, 100]), hurry=st.booleans())
    def start(self, seconds: float, hurry: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        """After a while, what is due begins; a stopped programme keeps nothing, unless it waits for a probe."""
        self.now_s += seconds
        self._decide(self.dispatch.start(1, hurry=hurry))
        for queue in self.dispatch._queues.values():
            assert not queue.gate.turns_away or not len(queue)

    @precondition(lambda self: self.hands.open)
    @rule(data=st.data(), outcome=outcomes, kind=kinds, retry_after_s=st.sampled_from([None, None, 1.0, 100.0]))
    def end(self, data: st.DataObject, outcome: Outcome, kind: Kind, retry_after_s: float | None) -> None:
        """An attempt ends, perhaps one that was broken off: of each of its conversions something else may be said."""
        number = data.draw(st.sampled_from(self.hands.open))
        call = self.dispatch._in_flight.get(number)
        refs = [] if call is None else [item.conversion.order_ref for item in call.items]
        self.calls.means = {ref: data.draw(outcomes) for ref in refs} if kind == "told" else {}
        self.calls.kind, self.calls.has_new_key = kind, data.draw(st.booleans())
        said = answer(outcome, 400 if kind == "split" else None, retry_after_s)
        self._reply(number, Reply(number, said, T0_MS, 0.1))

    @precondition(lambda self: self.hands.open)
    @rule(data=st.data())
    def refuse(self, data: st.DataObject) -> None:
        """An attempt was not allowed to start."""
        number = data.draw(st.sampled_from(self.hands.open))
        self._reply(number, Reply(number, None, T0_MS, 0.0))

    @rule(partition=st.integers(0, PARTITIONS - 1))
    def forget(self, partition: int) -> None:
        """A partition goes, with calls of it under way."""
        self.dispatch.forget(partition)
        self.ours = {item for item in self.ours if item.at.partition != partition}

    @rule(programme=st.sampled_from(PROGRAMMES), state=states)
    def order(self, programme: str, state: ProgrammeState) -> None:
        """Somebody stops or resumes a programme."""
        self.gates.order({programme: state})

    @rule(most=st.integers(0, 3), fresh=st.booleans(), others=st.sets(st.sampled_from(["", *PROGRAMMES])))
    def relieve(self, most: int, fresh: bool, others: set[str]) -> None:  # noqa: FBT001 - drawn by hypothesis
        """Others wait for room."""
        self._decide(self.dispatch.relieve(lambda: others, most, fresh=fresh))

    @rule(seconds=st.sampled_from([1, 100]))
    def clock_is_set_back(self, seconds: float) -> None:
        """What waits may wait longer."""
        self.set_back_s += seconds
        self.now_s -= seconds

    @invariant()
    def everything_is_in_one_place(self) -> None:
        """What is ours and undecided waits or is under way, and nothing else."""
        waiting = [item for queue in self.dispatch._queues.values() for item in queue.items()]
        under_way = [item for call in self._under_way() for item in call.items if not item.dropped]
        assert Counter([*waiting, *under_way]) == Counter(self.ours)
        assert self.dispatch.in_flight() == len(under_way)

    @invariant()
    def limits_count_what_is_under_way(self) -> None:
        """Neither more nor less, and never more than they allow."""
        calls = Counter(call.queue for call in self._under_way())
        by_programme = Counter(call.queue.programme for call in self._under_way())
        for queue in self.dispatch._queues.values():
            assert queue.under_way == calls[queue]
            assert queue.gate.cap._taken == by_programme[queue.programme]
        assert by_programme["1001"] <= 2

    @invariant()
    def a_probe_is_under_way_while_a_breaker_says_so(self) -> None:
        """And no more than one."""
        for programme in PROGRAMMES:
            breaker = self.gates.of(programme).breaker
            calls = [call for call in self._under_way() if call.queue.programme == programme]
            probes = [call for call in calls if call.probe and call.probe == breaker._probes]
            assert len(probes) <= 1
            assert breaker.state != "probing" or len(probes) == 1

    def teardown(self) -> None:
        """However it went: when Awin works and everybody may run, everything is decided soon."""
        self.calls.kind, self.calls.means = "told", {}
        self.now_s += self.set_back_s
        for _ in range(200):
            if not self.ours:
                break
            self.gates.order(dict.fromkeys(PROGRAMMES, "running"))
            self.now_s += 10
            self._decide(self.dispatch.start(1))
            for number in list(self.hands.open):
                self._reply(number, Reply(number, answer("delivered", 200), T0_MS, 0.1))
        assert not self.ours

    def _reply(self, number: int, reply: Reply) -> None:
        self.hands.open.remove(number)
        self.hands.ended.append(reply)
        self._decide(self.dispatch.collect(0.0))

    def _decide(self, decided: Iterable[Decided]) -> None:
        for item, _, _ in decided:
            assert item in self.ours
            self.ours.remove(item)

    def _under_way(self) -> list[Call]:
        return list(self.dispatch._in_flight.values())


TestDispatch = DispatchMachine.TestCase
TestDispatch.settings = settings(stateful_step_count=100)
