"""No window of time sees more than its limit allows, over all instances, whatever clocks and shares do."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from consumer.delivery.pacing.limiter import CallPace, ConcurrencyCap, RateLimiter

EPSILON = 1e-6
CALLS = 20
"""A minute, by Awin's word."""
waits = st.floats(0, 10) | st.sampled_from([0.0, 0.5, 1.0, 3_600.0])
fractions = st.sampled_from([0.0, 0.1, 0.5, 1.0]) | st.floats(0.001, 1)
partitions = st.lists(st.integers(0, 12), min_size=1, max_size=10).filter(any)
"""How many of them each instance has."""


class RateMachine(RuleBasedStateMachine):
    """Tokens are taken at any time; what comes in is the area under the rate while the clock goes on."""

    @initialize(rate_per_s=st.floats(0.01, 50), burst_s=st.sampled_from([0.0, 1.0, 5.0]))
    def begin(self, rate_per_s: float, burst_s: float) -> None:
        """It is empty at first."""
        self.now_s = 100.0
        self.whole_per_s, self.rate_per_s, self.burst_s = rate_per_s, rate_per_s, burst_s
        self.limiter = RateLimiter(rate_per_s, lambda: self.now_s, burst_s)
        self.came = 0.0
        self.taken: list[tuple[float, float]] = [(0.0, 0.0)]
        """Of each token: what had come in by then, and what the bucket may have held. The first stands for none."""

    @rule(seconds=waits)
    def time_passes(self, seconds: float) -> None:
        """Tokens come in."""
        self.now_s += seconds
        self.came += seconds * self.rate_per_s
        self.limiter.wait_s()

    @rule(seconds=waits)
    def clock_is_set_back(self, seconds: float) -> None:
        """No token comes or goes by that."""
        before = self.limiter.wait_s()
        self.now_s -= seconds
        assert self.limiter.wait_s() == before

    @rule(fraction=fractions)
    def share(self, fraction: float) -> None:
        """From now on they come in at another rate; what came before stays, as far as it may be saved up."""
        self.limiter.share(fraction)
        self.rate_per_s = self.whole_per_s * fraction

    @rule(most=st.integers(1, 30))
    def take(self, most: int) -> None:
        """In every window there are no more than were saved up when it began, and what came in since."""
        for _ in range(most):
            promised = self.limiter.wait_s() == 0
            assert self.limiter.take() == promised
            if not promised:
                return
            self.taken.append((self.came, max(1.0, self.rate_per_s * self.burst_s)))
            for number, (came, saved) in enumerate(self.taken[1:], 1):
                assert len(self.taken) - number <= saved + self.came - came + EPSILON

    @precondition(lambda self: self.rate_per_s > 0.001)
    @rule()
    def wait(self) -> None:
        """A token is there when it was promised."""
        self.time_passes(self.limiter.wait_s() + EPSILON)
        assert self.limiter.wait_s() == 0

    @invariant()
    def nothing_comes_without_a_share(self) -> None:
        """Then the wait has no end, and nothing is left of what was saved up."""
        if hasattr(self, "limiter"):
            assert (self.limiter.wait_s() == math.inf) == (self.rate_per_s == 0)


TestRate = RateMachine.TestCase


def test_without_a_limit_nothing_waits() -> None:
    """Shares mean nothing then."""
    limiter = RateLimiter(None, lambda: 0.0)
    limiter.share(0.0)
    assert limiter.wait_s() == 0
    assert all(limiter.take() for _ in range(1_000))


class Fleet:
    """Instances that share a key; each calls as often as it may, whenever it is awake."""

    def __init__(self, size: int) -> None:
        self.now_s = 0.0
        self.paces = [CallPace(CALLS, lambda: self.now_s) for _ in range(size)]
        self.calls: list[float] = []

    def share(self, counts: Sequence[int]) -> None:
        """Give each instance so many partitions."""
        for pace, count in zip(self.paces, counts, strict=True):
            pace.share(count / sum(counts))

    def run(self, seconds: float, awake: Sequence[bool]) -> None:
        """Let time pass."""
        until_s = self.now_s + seconds
        running = [pace for pace, is_awake in zip(self.paces, awake, strict=False) if is_awake]
        while True:
            self.calls += [self.now_s for pace in running if pace.take()]
            next_s = self.now_s + min((pace.wait_s() for pace in running), default=math.inf) + 1e-9
            if next_s > until_s:
                break
            self.now_s = next_s
        self.now_s = until_s

    def most(self) -> int:
        """Return the most calls in any minute."""
        return max((sum(0 <= each - first <= 60 for each in self.calls) for first in self.calls), default=0)


def small(counts: Sequence[int]) -> int:
    """Return how many instances have a share that is worth less than a call a minute."""
    return sum(0 < count * CALLS < sum(counts) for count in counts)


naps = st.lists(
    st.tuples(st.floats(0.1, 90), st.lists(st.booleans(), min_size=10, max_size=10)), min_size=1, max_size=5
)


@given(partitions, naps)
def test_a_key_is_used_no_more_often_than_it_allows(counts: list[int], awake: list[tuple[float, list[bool]]]) -> None:
    """In any minute, over all instances, however their orders come; one with hardly any share may add a call."""
    fleet = Fleet(len(counts))
    fleet.share(counts)
    for seconds, who in [*awake, (130.0, [True] * 10)]:
        fleet.run(seconds, who)
    assert fleet.most() <= CALLS + small(counts)


@given(st.integers(1, CALLS))
def test_equal_shares_keep_to_the_limit(size: int) -> None:
    """So do as many instances as there are calls in a minute; and what they do not use is less than half."""
    fleet = Fleet(size)
    fleet.share([1] * size)
    fleet.run(120, [False] * size)
    fleet.run(600, [True] * size)
    assert fleet.most() <= CALLS
    assert len(fleet.calls) >= CALLS * 10 / 2


@given(st.lists(st.tuples(st.floats(1, 60), st.lists(st.integers(0, 4), min_size=5, max_size=5).filter(any))))
def test_a_rebalance_adds_at_most_a_call_for_each_instance(phases: list[tuple[float, list[int]]]) -> None:
    """What one had saved up before its share went, another one's new share does not know of."""
    fleet = Fleet(5)
    for seconds, counts in phases:
        fleet.share(counts)
        fleet.run(seconds, [True] * 5)
    assert fleet.most() <= CALLS + 4


def test_who_comes_has_saved_up_nothing() -> None:
    """An instance that gets its first share takes no call that the others were still allowed."""
    fleet = Fleet(10)
    fleet.run(120, [False] * 10)
    fleet.share([10] + [0] * 9)
    fleet.run(120, [True])
    fleet.share([1] * 10)
    fleet.run(120, [True] * 10)
    assert fleet.most() <= CALLS


class CapMachine(RuleBasedStateMachine):
    """Attempts begin where there is room, and end; shares come and go meanwhile."""

    @initialize(most=st.integers(1, 100))
    def begin(self, most: int) -> None:
        """All of it is ours at first."""
        self.whole, self.ours, self.under_way = most, most, 0
        self.cap = ConcurrencyCap(most)

    @rule(count=st.integers(0, 100), of=st.integers(1, 100))
    def share(self, count: int, of: int) -> None:
        """What is under way goes on, even if it is too much now."""
        self.cap.share(min(count, of) / of)
        self.ours = max(1, self.whole * min(count, of) // of)

    @precondition(lambda self: self.under_way < self.ours)
    @rule()
    def take(self) -> None:
        """One begins."""
        self.cap.take()
        self.under_way += 1

    @precondition(lambda self: self.under_way)
    @rule()
    def give_back(self) -> None:
        """One ends."""
        self.cap.give_back()
        self.under_way -= 1

    @invariant()
    def there_is_room_for_our_part(self) -> None:
        """Exactly that, rounded down, but at least for one."""
        if hasattr(self, "cap"):
            assert self.cap.free == (self.under_way < self.ours)


TestCap = CapMachine.TestCase


@given(partitions, st.integers(1, 50))
@example([29, 71], 100)
def test_all_instances_together_keep_to_the_cap(counts: list[int], most: int) -> None:
    """No more are under way than it says, or one for each instance where there are more of those."""
    under_way = 0
    for count in counts:
        cap = ConcurrencyCap(most)
        cap.share(count / sum(counts))
        while cap.free:
            cap.take()
            under_way += 1
    assert under_way <= most + sum(count * most < sum(counts) for count in counts)
