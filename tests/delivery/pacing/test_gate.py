"""A programme is sent unless somebody stopped it, Awin refused too much of it, or nothing gets through."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from consumer.delivery.pacing.breaker import BreakerPolicy
from consumer.delivery.pacing.gate import Gate, GatePolicy, Gates, Limits
from consumer.events import ProgrammeState

POLICY = GatePolicy(breaker=BreakerPolicy(failures=2, after_s=0, cooldown_s=5, max_cooldown_s=5), halt_after=3)
states: st.SearchStrategy[ProgrammeState] = st.sampled_from(["running", "paused", "halted"])


class GateMachine(RuleBasedStateMachine):
    """Orders, answers and outages come in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.gate = Gate(POLICY, Limits(), lambda: self.now_s)
        self.ordered: ProgrammeState = "running"
        self.rejected = 0
        self.untried = False
        """Whether it was resumed, and nothing has got through since."""

    @rule(state=states)
    def order(self, state: ProgrammeState) -> None:
        """What was said last holds; only who was stopped before is resumed."""
        resumed = state == "running" and self.ordered != "running"
        assert self.gate.order(state) == resumed
        self.ordered = state
        if resumed:
            self.untried, self.rejected = True, 0
            assert self.gate.breaker.state == "probing" or self.gate.permit() == "probe"

    @rule()
    def deliver(self) -> None:
        """An answer that was under way may come whatever was ordered meanwhile."""
        self.gate.delivered()
        self.untried, self.rejected = False, 0

    @rule()
    def reject(self) -> None:
        """So many in a row, with none delivered and no resume between, are too many."""
        self.rejected += 1
        self.untried = False
        assert self.gate.rejected() == (self.rejected >= POLICY.halt_after)

    @rule(seconds=st.integers(-10, 10))
    def fail(self, seconds: int) -> None:
        """Nothing gets through for a while; the clock may be set back meanwhile."""
        for _ in range(POLICY.breaker.failures):
            self.gate.breaker.failed(self.now_s)
        self.now_s += seconds

    @precondition(lambda self: self.gate.permit() == "probe")
    @rule()
    def probe(self) -> None:
        """A permitted probe begins."""
        self.gate.breaker.probing()

    @invariant()
    def stops_while_it_was_told_to(self) -> None:
        """The order comes first, then the breaker; conversions wait for nothing but a probe's end."""
        if self.ordered != "running":
            assert (self.gate.stop, self.gate.turns_away) == (self.ordered, self.ordered)
        assert (self.gate.permit() == "stop") == bool(self.gate.stop)
        if self.ordered == "running" and self.gate.stop:
            probing = self.gate.breaker.state == "probing"
            assert (self.gate.stop, self.gate.turns_away) == ("breaker", "" if probing else "breaker")

    @invariant()
    def resumes_by_a_probe(self) -> None:
        """Until something got through after a resume, nothing else is permitted."""
        assert not (self.untried and self.gate.permit() == "go")


TestGate = GateMachine.TestCase


def made(limits: dict[str, Limits]) -> Gates:
    """Return gates on a clock that stands still."""
    return Gates(POLICY, limits, lambda: 0.0)


def test_shares_reach_gates_that_are_made_later() -> None:
    """A programme that is first seen after the partitions came has its part of its limits all the same."""
    gates = made({"1001": Limits(requests_per_s=10, concurrency=4), "2002": Limits(requests_per_s=10, concurrency=4)})
    first = gates.of("1001")
    gates.share(0.5)
    second = gates.of("2002")
    assert (first.rate.wait_s(), second.rate.wait_s()) == (0.2, 0.2)
    for gate in (first, second):
        gate.cap.take()
        assert gate.cap.free
        gate.cap.take()
        assert not gate.cap.free


def test_without_a_share_nothing_is_sent() -> None:
    """Before partitions come, a limited programme has no part of its rate; one without limits needs none."""
    gates = made({"1001": Limits(requests_per_s=10)})
    assert not gates.of("1001").rate.take()
    assert gates.of("2002").rate.take()


def test_orders_tell_who_runs_again() -> None:
    """Programmes that nobody had asked for are stopped by an order, too."""
    gates = made({})
    assert gates.order({"1001": "paused", "2002": "running", "3003": "halted"}) == []
    assert dict(gates.stops()) == {"1001": "paused", "2002": "", "3003": "halted"}
    assert gates.order({"1001": "running", "2002": "running", "3003": "paused"}) == ["1001"]
    assert dict(gates.stops()) == {"1001": "breaker", "2002": "", "3003": "paused"}
    assert len(gates) == 3


@pytest.mark.parametrize(
    ("limited", "asked", "alone"),
    [([], [], True), (["1001"], ["1001"], True), (["1001", "2002"], [], False), (["1001"], ["2002"], False)],
)
def test_a_programme_is_alone_if_no_other_is_known(limited: list[str], asked: list[str], *, alone: bool) -> None:
    """Limits name programmes before the first conversion of them comes."""
    gates = made(dict.fromkeys(limited, Limits()))
    for programme in asked:
        gates.of(programme)
    assert gates.alone == alone
