"""Back-off grows to its cap, Retry-After is obeyed, and an outage exhausts nothing."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from consumer.delivery.pacing.retry import Retries, RetryPolicy, Trial
from consumer.events import Outcome

POLICY = RetryPolicy(base_ms=500, cap_ms=30_000, max_attempts=3)
failures: st.SearchStrategy[Outcome] = st.sampled_from(["throttled", "not_sent", "unknown"])


class RetryMachine(RuleBasedStateMachine):
    """Two orders of one programme fail while others come and go; a plain count says when one is exhausted."""

    def __init__(self) -> None:
        super().__init__()
        self.retries = Retries(POLICY, Random(7))
        self.trials: dict[str, Trial] = {}
        self.counted: dict[str, int] = {}
        self.succeeded_since: dict[str, bool] = {}

    @rule(order=st.sampled_from("ab"))
    def begin(self, order: str) -> None:
        """An order is taken in."""
        self.trials[order] = self.retries.begin("1001")
        self.counted[order] = 0
        self.succeeded_since[order] = False

    @rule(programme=st.sampled_from(["1001", "2002"]))
    def succeed(self, programme: str) -> None:
        """Another order of some programme is delivered."""
        self.retries.succeeded(programme)
        if programme == "1001":
            self.succeeded_since = dict.fromkeys(self.succeeded_since, True)

    @rule(order=st.sampled_from("ab"), outcome=failures, wished_s=st.none() | st.floats(0, 3600))
    def fail(self, order: str, outcome: Outcome, wished_s: float | None) -> None:
        """An attempt fails: exhausted exactly at the third failure that counts, else a wait within its bounds."""
        if order not in self.trials:
            return
        self.counted[order] += outcome != "not_sent" and self.succeeded_since[order]
        self.succeeded_since[order] = False
        delay_ms = self.retries.failed(self.trials[order], outcome, wished_s)
        if self.counted[order] >= POLICY.max_attempts:
            assert delay_ms is None
            del self.trials[order]
            return
        assert delay_ms is not None
        assert min(int((wished_s or 0) * 1000), POLICY.cap_ms) <= delay_ms <= POLICY.cap_ms


TestRetries = RetryMachine.TestCase


def test_waits_double_up_to_the_cap() -> None:
    """The longest of many waits approaches base, twice base, … and then stays at the cap."""
    longest = [0] * 10
    for seed in range(300):
        retries = Retries(POLICY, Random(seed))
        trial = retries.begin("1001")
        for n in range(10):
            longest[n] = max(longest[n], retries.failed(trial, "unknown", None) or 0)
    ceilings = [min(500 * 2**n, 30_000) for n in range(10)]
    assert all(0.9 * ceiling <= wait <= ceiling for wait, ceiling in zip(longest, ceilings, strict=True))


@given(failures, st.integers(1, 8))
def test_an_outage_exhausts_nothing(outcome: Outcome, max_attempts: int) -> None:
    """While nothing of the programme succeeds, an order fails as often as it likes."""
    retries = Retries(RetryPolicy(base_ms=1, cap_ms=10, max_attempts=max_attempts), Random(1))
    trial = retries.begin("1001")
    assert all(retries.failed(trial, outcome, None) is not None for _ in range(2_000))


def test_waits_come_from_the_given_random() -> None:
    """The same seed gives the same waits."""
    first, second = (Retries(POLICY, Random(42)) for _ in range(2))
    trials = first.begin("1001"), second.begin("1001")
    waits = [(first.failed(trials[0], "unknown", None), second.failed(trials[1], "unknown", None)) for _ in range(9)]
    assert all(one == other for one, other in waits)
