"""The committed offset never passes anything unfinished."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from consumer.delivery.frontier import Frontier


class FrontierMachine(RuleBasedStateMachine):
    """Reads and finishes records in any order, and holds the frontier against a plain set of unfinished offsets."""

    def __init__(self) -> None:
        super().__init__()
        self.frontier = Frontier(5)
        self.next_offset = 5
        self.unfinished: set[int] = set()

    @rule(gap=st.integers(0, 3))
    def read(self, gap: int) -> None:
        """The next record comes, maybe after a gap."""
        offset = self.next_offset + gap
        self.frontier.read(offset)
        self.unfinished.add(offset)
        self.next_offset = offset + 1

    @rule(gap=st.integers(0, 3))
    def pass_gap(self, gap: int) -> None:
        """A gap at the end is passed."""
        self.next_offset += gap
        self.frontier.passed(self.next_offset)

    @precondition(lambda self: self.unfinished)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        """Any unfinished record gets its ending."""
        offset = data.draw(st.sampled_from(sorted(self.unfinished)))
        self.unfinished.remove(offset)
        self.frontier.finish(offset)

    @invariant()
    def holds(self) -> None:
        """The position is the lowest unfinished offset, else the end of what was read."""
        assert len(self.frontier) == len(self.unfinished)
        assert self.frontier.lowest == min(self.unfinished, default=None)
        assert self.frontier.position == min(self.unfinished, default=self.next_offset)


TestFrontier = FrontierMachine.TestCase


def test_an_offset_is_read_once() -> None:
    """Reading backwards is a mistake that is refused."""
    frontier = Frontier(0)
    frontier.read(3)
    with pytest.raises(ValueError, match="offset 3 was read after offset 3"):
        frontier.read(3)
