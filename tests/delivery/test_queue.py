"""Conversions of a programme share calls in the order of their claims, and a call that is sent again stays the same."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from consumer.delivery.outstanding import Outstanding
from consumer.delivery.pacing.gate import Gate, GatePolicy, Limits
from consumer.delivery.pacing.limiter import RateLimiter
from consumer.delivery.queue import Queue
from consumer.stream.log import Record
from tests.delivery.conversions import SALE, in_hand, sale
from tests.delivery.desks import Calls


def item(number: int, partition: int = 0) -> Outstanding:
    """Return a conversion in hand."""
    return in_hand(Record("awin.conversion", partition, number, 0, b"", b""), SALE)


class QueueMachine(RuleBasedStateMachine):
    """Conversions come, go by calls, come back and are withdrawn; plain lists say who is next."""

    @initialize(most=st.sampled_from([1, 2, 3]), gather_s=st.sampled_from([0.0, 5.0]))
    def begin(self, most: int, gather_s: float) -> None:
        """No limit holds anything back: those are asked before."""
        self.now_s = 1_000.0
        self.most, self.gather_s = most, gather_s
        self.queue = Queue(
            "1001",
            Calls(most=most, gather_s=gather_s),
            Gate(GatePolicy(), Limits(), lambda: self.now_s),
            RateLimiter(None, lambda: self.now_s),
        )
        self.number = 0
        self.fresh: list[tuple[float, Outstanding]] = []
        self.deferred: list[tuple[float, Outstanding]] = []
        self.waiting: list[tuple[float, list[Outstanding]]] = []
        self.due: list[list[Outstanding]] = []
        self.sent: list[list[Outstanding]] = []

    @rule(fresh=st.booleans(), partition=st.integers(0, 2))
    def add(self, fresh: bool, partition: int) -> None:  # noqa: FBT001 - drawn by hypothesis
        """One comes, for the first time or after it was put off."""
        self.number += 1
        new = item(self.number, partition)
        self.queue.add(new, self.now_s, fresh=fresh)
        (self.fresh if fresh else self.deferred).append((self.now_s, new))

    @rule(seconds=st.sampled_from([0, 1, 4, 5, 30]))
    def time_passes(self, seconds: float) -> None:
        """The clock goes on, or not."""
        self.now_s += seconds

    @rule(seconds=st.sampled_from([1, 5, 30]))
    def clock_is_set_back(self, seconds: float) -> None:
        """Waits may last longer by that, but nothing else changes."""
        self.now_s -= seconds

    @rule(hurry=st.booleans())
    def take(self, hurry: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        """What is sent again goes first, then fresh ones, then others, by calls that are full or have waited enough."""
        call = self.queue.take(self.now_s, hurry=hurry)
        self.due += [items for due_s, items in self.waiting if due_s <= self.now_s]
        self.waiting = [each for each in self.waiting if each[0] > self.now_s]
        if self.due:
            assert call is not None
            assert call.items in self.due
            self.due.remove(call.items)
        elif hurry or self._is_gathered():
            expected = [each for _, each in (*self.fresh, *self.deferred)][: self.most]
            assert (call.items if call else []) == expected
            left = max(0, self.most - len(self.fresh))
            del self.fresh[: self.most], self.deferred[:left]
        else:
            assert call is None
        if call is not None:
            self.sent.append(list(call.items))

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), delay_s=st.sampled_from([0, 1, 20]))
    def send_again(self, data: st.DataObject, delay_s: float) -> None:
        """A call failed, for some of its conversions at least."""
        items = self.sent.pop(data.draw(st.integers(0, len(self.sent) - 1)))
        failed = [each for each in items if data.draw(st.booleans())]
        self.queue.again(failed, self.now_s + delay_s)
        if failed:
            self.waiting.append((self.now_s + delay_s, failed))

    @rule(most=st.integers(0, 4), fresh=st.booleans())
    def withdraw_some(self, most: int, fresh: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        """The newest go that were not sent yet, those that were put off before first."""
        expected: list[Outstanding] = []
        for each in (self.deferred, self.fresh) if fresh else (self.deferred,):
            while each and len(expected) < most:
                expected.append(each.pop()[1])
        assert self.queue.withdraw(most, fresh=fresh) == expected

    @rule()
    def withdraw_all(self) -> None:
        """Everything goes, what was sent before included."""
        expected = self._all()
        assert _same(self.queue.withdraw(), expected)
        self.fresh, self.deferred, self.waiting, self.due = [], [], [], []

    @rule(partition=st.integers(0, 2))
    def forget(self, partition: int) -> None:
        """Exactly the conversions of a partition go; those that share a call with them stay in it."""
        self.queue.forget(partition)
        self.fresh = [each for each in self.fresh if each[1].at.partition != partition]
        self.deferred = [each for each in self.deferred if each[1].at.partition != partition]
        self.waiting = [(due_s, _without(items, partition)) for due_s, items in self.waiting]
        self.waiting = [each for each in self.waiting if each[1]]
        self.due = [left for items in self.due if (left := _without(items, partition))]

    @invariant()
    def tells_what_is_here(self) -> None:
        """How much, what, and when something may begin."""
        if not hasattr(self, "queue"):
            return
        assert _same(list(self.queue.items()), self._all())
        assert len(self.queue) == len(self._all())
        times = [due_s for due_s, _ in self.waiting]
        times += [unsent[0][0] + self.gather_s for unsent in (self.fresh, self.deferred) if unsent]
        if self.due or len(self.fresh) + len(self.deferred) >= self.most:
            times = [self.now_s]
        assert self.queue.due_in_s(self.now_s) == (max(0.0, min(times) - self.now_s) if times else None)

    def _is_gathered(self) -> bool:
        unsent = [*self.fresh[:1], *self.deferred[:1]]
        oldest_s = min((at_s for at_s, _ in unsent), default=self.now_s)
        is_full = len(self.fresh) + len(self.deferred) >= self.most
        return is_full or (bool(unsent) and self.now_s - oldest_s >= self.gather_s)

    def _all(self) -> list[Outstanding]:
        resent = [each for items in (*self.due, *(items for _, items in self.waiting)) for each in items]
        return [*(each for _, each in (*self.fresh, *self.deferred)), *resent]


TestQueue = QueueMachine.TestCase


def _same(found: Sequence[Outstanding], expected: Sequence[Outstanding]) -> bool:
    return sorted(map(id, found)) == sorted(map(id, expected))


def _without(items: list[Outstanding], partition: int) -> list[Outstanding]:
    return [each for each in items if each.at.partition != partition]


def queue(calls: Calls, limits: Limits, *, pace_per_s: float | None = None) -> Queue:
    """Return one on a clock that stands still."""
    gate = Gate(GatePolicy(), limits, lambda: 0.0)
    return Queue("1001", calls, gate, RateLimiter(pace_per_s, lambda: 0.0))


@pytest.mark.parametrize(
    ("made", "blocked"),
    [
        (queue(Calls(), Limits()), False),
        (queue(Calls(), Limits(requests_per_s=1)), True),
        (queue(Calls(), Limits(), pace_per_s=1), True),
        (queue(Calls(), Limits(concurrency=1)), False),
    ],
)
def test_any_limit_blocks(made: Queue, *, blocked: bool) -> None:
    """The rate, and the pace of the key."""
    assert made.blocked == blocked


def test_calls_under_way_block() -> None:
    """One if the method makes only one at a time, else as many as the cap allows."""
    one, capped = queue(Calls(one_call_at_a_time=True), Limits()), queue(Calls(), Limits(concurrency=1))
    one.under_way += 1
    capped.gate.cap.take()
    assert (one.blocked, capped.blocked) == (True, True)
    one.under_way -= 1
    capped.gate.cap.give_back()
    assert (one.blocked, capped.blocked) == (False, False)


def test_what_fits_in_the_next_call_holds_nobody_up() -> None:
    """Unless it waits for a probe, which may take its time."""
    made = queue(Calls(most=2), Limits(requests_per_s=1))
    held_up = []
    for number in range(3):
        made.add(item(number), 0.0, fresh=True)
        held_up.append(made.holds_up)
    assert held_up == [False, False, True]
    made.withdraw()
    made.gate.breaker.probe_next()
    made.gate.breaker.probing()
    made.add(in_hand(Record("awin.conversion", 0, 9, 0, b"", b""), sale("A-9")), 0.0, fresh=True)
    assert made.holds_up
