"""What is in hand of an input partition keeps its order, its counts and its suspects, whatever finishes first."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from consumer.delivery.lane import Lane
from consumer.delivery.outstanding import Finished
from consumer.stream.log import Record, TopicPartition
from tests.delivery.conversions import outstanding, sale

SUSPECTS = 3
AT = TopicPartition("awin.conversion", 0)


class LaneMachine(RuleBasedStateMachine):
    """Reads, finishes and commits in any order; a model of plain sets says what must come out."""

    def __init__(self) -> None:
        super().__init__()
        self.lane = Lane(AT, 0, suspects=SUSPECTS, suspects_end=100, counts={"delivered": 10})
        self.read_offsets: list[int] = []
        self.ended: dict[int, bool] = {}
        self.committed: set[int] = set()
        self.known: set[int] = set()
        self.suspects: list[int] = []

    @rule()
    def read(self) -> None:
        """The next record is suspect exactly if it is among the first few that were unfinished."""
        offset = len(self.read_offsets)
        self.read_offsets.append(offset)
        suspect = self.lane.read(offset)
        assert suspect == (len(self.suspects) < SUSPECTS)
        if suspect:
            self.suspects.append(offset)

    @rule()
    def read_known(self) -> None:
        """A record comes that turns out to be finished: another one is among the first few in its place."""
        offset = len(self.read_offsets)
        self.read_offsets.append(offset)
        self.lane.read(offset)
        self.lane.finish(Finished(offset=offset, ending="known"))
        self.ended[offset] = False
        self.known.add(offset)

    @precondition(lambda self: len(self.ended) < len(self.read_offsets))
    @rule(data=st.data(), in_order=st.booleans())
    def finish(self, data: st.DataObject, in_order: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        """Any unfinished record gets an ending, with or without a receipt to remember it."""
        offset = data.draw(st.sampled_from([each for each in self.read_offsets if each not in self.ended]))
        self.ended[offset] = in_order
        self.lane.finish(Finished(offset=offset, ending="shadow", in_order=in_order))

    @rule()
    def commit(self) -> None:
        """Everything pending is committed."""
        self.committed.update(finished.offset for finished in self.lane.pending)
        self.lane.committed()

    @invariant()
    def an_ending_without_receipt_is_committed_with_its_offset(self) -> None:
        """What no receipt remembers is never committed before the position passes it."""
        pending = {finished.offset for finished in self.lane.pending}
        taken = pending | self.committed
        assert all(offset < self.lane.position for offset in taken if self.ended[offset])
        held = self.ended.keys() - taken
        assert all(self.ended[offset] for offset in held)
        assert self.lane.position == min(set(self.read_offsets) - taken, default=len(self.read_offsets))
        assert self.lane.unfinished == len(self.read_offsets) - len(self.committed)

    @invariant()
    def the_mark_tells_counts_and_suspects(self) -> None:
        """Counts include what is pending; suspects are those of the first few that have no ending yet."""
        taken = {finished.offset for finished in self.lane.pending} | self.committed
        left = SUSPECTS - len(taken.intersection(self.suspects))
        assert self.lane.clean_mark().suspects == left
        assert self.lane.mark(2).suspects == max(2, left)
        counts = self.lane.clean_mark().counts
        assert counts["delivered"] == 10
        assert counts.get("shadow", 0) == len(taken - self.known)


TestLane = LaneMachine.TestCase


def test_suspicion_ends_where_the_earlier_owner_cannot_have_been() -> None:
    """What came after the takeover is not suspect, and once all before it is read no suspicion is handed on."""
    lane = Lane(AT, 3, suspects=5, suspects_end=5)
    assert lane.read(3)
    lane.finish(Finished(offset=3, ending="shadow"))
    assert lane.clean_mark().suspects == 4
    lane.passed(5)
    assert lane.clean_mark().suspects == 0
    assert not lane.read(5)


def test_an_unfinished_unknown_attempt_is_a_doubt() -> None:
    """A partition is in doubt until the conversion that may have reached Awin has its ending."""
    lane = Lane(AT, 0)
    item = outstanding(sale("A-1"), 0)
    lane.read(0)
    lane.enter(item)
    doubts = [lane.in_doubt]
    item.unknown_attempts = 1
    doubts.append(lane.in_doubt)
    lane.finish(Finished(offset=0, ending="delivered", key=item.key))
    doubts.append(lane.in_doubt)
    assert doubts == [False, True, False]


def test_what_was_known_is_passed_and_not_counted() -> None:
    """A record that was committed before moves the position only."""
    lane = Lane(AT, 0, counts={"delivered": 1})
    lane.read(0)
    lane.finish(Finished(offset=0, ending="known"))
    assert lane.position == 1
    assert lane.clean_mark().counts == {"delivered": 1}


def test_a_slot_is_held_until_what_may_have_reached_awin_is_committed() -> None:
    """What was never attempted holds none once it has its ending."""
    lane = Lane(AT, 0)
    for offset in range(2):
        lane.read(offset)
        lane.enter(outstanding(sale(f"A-{offset}"), offset))
    slots = [lane.slots]
    lane.finish(Finished(offset=0, ending="deferred"))
    slots.append(lane.slots)
    lane.finish(Finished(offset=1, ending="delivered", attempted=True))
    slots.append(lane.slots)
    lane.committed()
    slots.append(lane.slots)
    assert slots == [2, 1, 1, 0]


def test_what_is_not_taken_in_yet_is_not_passed() -> None:
    """A record that was polled keeps its place, and comes once however often it is polled."""
    lane = Lane(AT, 0)
    records = [Record(*AT, offset, 0, None, None) for offset in range(2)]
    for record in [*records, *records]:
        lane.polled(record)
    lane.passed(7)
    assert (list(lane.unread), lane.position) == (records, 0)
    for record in records:
        lane.read(lane.unread.popleft().offset)
        lane.finish(Finished(offset=record.offset, ending="shadow"))
    lane.passed(7)
    assert lane.position == 7
