"""A breaker opens by a run of failures alone, is tried by one probe at a time, and always comes to try again."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from consumer.delivery.pacing.breaker import Breaker, BreakerPolicy

POLICY = BreakerPolicy(failures=3, after_s=4, cooldown_s=5, max_cooldown_s=60)
waits = st.sampled_from([0, 1, 4, 5, 20, 100]) | st.integers(0, 10_000)


@dataclass(eq=False)
class Attempt:
    """A request under way."""

    began_s: float
    probe: int = 0


class BreakerMachine(RuleBasedStateMachine):
    """Attempts begin where they may and end in any order, while the clock goes on, stands still or is set back."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 1_000.0
        self.breaker = Breaker(POLICY, lambda: self.now_s)
        self.under_way: list[Attempt] = []
        self.run: list[float] = []
        """When the attempts began that failed since the last one that got through."""
        self.until_s: float | None = None
        """When a probe may be made at the earliest; ``None`` while closed."""
        self.cooldown_s = POLICY.cooldown_s
        self.probe: Attempt | None = None
        """The one that is under way."""

    @rule(seconds=waits)
    def time_passes(self, seconds: float) -> None:
        """The clock goes on, maybe for long, maybe not at all."""
        self.now_s += seconds

    @rule(seconds=waits)
    def clock_is_set_back(self, seconds: float) -> None:
        """Nothing but waits may change by that."""
        self.now_s -= seconds

    @rule()
    def begin(self) -> None:
        """What may be done is what a model of the docstrings says."""
        permit = self.breaker.permit()
        if self.until_s is None:
            assert permit == "go"
            self.under_way.append(Attempt(self.now_s))
        elif self.probe is not None or self.now_s < self.until_s:
            assert permit == "stop"
        else:
            assert permit == "probe"
            self.probe = Attempt(self.now_s, self.breaker.probing())
            self.under_way.append(self.probe)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def succeed(self, data: st.DataObject) -> None:
        """Any attempt that gets through closes, one that began before it opened included."""
        self._end(data)
        self.breaker.succeeded()
        self.run, self.until_s, self.probe, self.cooldown_s = [], None, None, POLICY.cooldown_s

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        """A run of them opens; while it is open, only the probe says something new."""
        attempt = self._end(data)
        self.breaker.failed(attempt.began_s, attempt.probe)
        if self.until_s is None:
            self.run.append(attempt.began_s)
            if len(self.run) >= POLICY.failures and self.now_s - min(self.run) >= POLICY.after_s:
                self.run, self.until_s = [], self.now_s + self.cooldown_s
        elif attempt is self.probe:
            self.cooldown_s = min(2 * self.cooldown_s, POLICY.max_cooldown_s)
            self.until_s = max(self.until_s, self.now_s + self.cooldown_s)
            self.probe = None

    @precondition(lambda self: any(each.probe for each in self.under_way))
    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        """After a probe of which nothing is known another may be made; an older one says nothing of the present one."""
        attempt = data.draw(st.sampled_from([each for each in self.under_way if each.probe]))
        self.under_way.remove(attempt)
        self.breaker.withdrawn(attempt.probe)
        if attempt is self.probe:
            self.probe = None

    @rule(seconds=waits)
    def hold(self, seconds: float) -> None:
        """The server asks for a pause, which shortens none and ends no probe."""
        self.breaker.hold(seconds)
        self.run = []
        self.until_s = max(self.now_s + seconds, -1e9 if self.until_s is None else self.until_s)

    @rule()
    def resume(self) -> None:
        """Somebody says that it works again: no pause is left, and the next attempt is a probe."""
        self.breaker.probe_next()
        self.run, self.until_s, self.cooldown_s = [], self.now_s, POLICY.cooldown_s

    @precondition(lambda self: self.until_s is not None and self.probe is None)
    @rule()
    def outage_goes_on(self) -> None:
        """However long it has lasted, a probe is permitted once the present pause is over."""
        assert self.until_s is not None
        self.now_s = max(self.now_s, self.until_s)
        assert self.breaker.permit() == "probe"

    @invariant()
    def tells_its_state(self) -> None:
        """Asking changes nothing."""
        expected = "closed" if self.until_s is None else "open" if self.probe is None else "probing"
        assert self.breaker.state == expected
        assert self.breaker.permit() == self.breaker.permit()

    def _end(self, data: st.DataObject) -> Attempt:
        attempt: Attempt = data.draw(st.sampled_from(self.under_way))
        self.under_way.remove(attempt)
        return attempt


TestBreaker = BreakerMachine.TestCase


class Outage:
    """A breaker that was opened by failures at second 0, and whose clock goes on."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.breaker = Breaker(POLICY, lambda: self.now_s)
        for _ in range(POLICY.failures):
            self.breaker.failed(-POLICY.after_s)

    def probe(self) -> float:
        """Wait for the next probe, in steps of a second; return how long that took."""
        began_s = self.now_s
        while self.breaker.permit() == "stop":
            self.now_s += 1
        return self.now_s - began_s


def test_pauses_double_up_to_the_longest() -> None:
    """Probes of a long outage are made ever more rarely, but never more rarely than that."""
    outage = Outage()
    pauses = []
    for _ in range(7):
        pauses.append(outage.probe())
        outage.breaker.failed(outage.now_s, outage.breaker.probing())
    assert pauses == [5, 10, 20, 40, 60, 60, 60]


def test_after_a_success_pauses_begin_anew() -> None:
    """The next outage is probed as soon as the first one was."""
    outage = Outage()
    outage.probe()
    outage.breaker.failed(outage.now_s, outage.breaker.probing())
    outage.breaker.succeeded()
    for _ in range(POLICY.failures):
        outage.breaker.failed(outage.now_s - POLICY.after_s)
    assert outage.probe() == POLICY.cooldown_s


def test_a_pause_that_the_server_asks_for_survives_a_probe() -> None:
    """An answer to an older attempt may ask for it while the probe is under way, whose end does not shorten it."""
    outage = Outage()
    outage.probe()
    first = outage.breaker.probing()
    outage.breaker.hold(100)
    assert outage.breaker.permit() == "stop"
    outage.breaker.withdrawn(first)
    assert outage.probe() == 100


@given(st.lists(st.floats(0, 1_000), max_size=2), st.floats(0, 3.9))
def test_neither_few_failures_nor_short_trouble_open(began_s: list[float], lasting_s: float) -> None:
    """Both are needed: so many in a row, and for so long."""
    few = Breaker(POLICY, lambda: 1_000_000.0)
    for each in began_s:
        few.failed(each)
    short = Breaker(POLICY, lambda: 10.0)
    for _ in range(100):
        short.failed(10 - lasting_s)
    assert (few.permit(), short.permit()) == ("go", "go")
