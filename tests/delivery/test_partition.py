"""What is in hand of a partition keeps its order, its counts and its suspects, whatever finishes first."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from consumer.delivery.outstanding import Finished
from consumer.delivery.partition import OutboxPartition
from tests.delivery.conversions import outstanding, sale

SUSPECTS = 3


class PartitionMachine(RuleBasedStateMachine):
    """Reads, finishes and commits in any order; a model of plain sets says what must come out."""

    def __init__(self) -> None:
        super().__init__()
        self.partition = OutboxPartition(0, 0, suspects=SUSPECTS, suspects_end=100, counts={"delivered": 10})
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
        suspect = self.partition.read(offset)
        assert suspect == (len(self.suspects) < SUSPECTS)
        if suspect:
            self.suspects.append(offset)

    @rule()
    def read_known(self) -> None:
        """A record comes that turns out to be finished: another one is among the first few in its place."""
        offset = len(self.read_offsets)
        self.read_offsets.append(offset)
        self.partition.read(offset)
        self.partition.finish(Finished(offset=offset, ending="known"))
        self.ended[offset] = False
        self.known.add(offset)

    @precondition(lambda self: len(self.ended) < len(self.read_offsets))
    @rule(data=st.data(), in_order=st.booleans())
    def finish(self, data: st.DataObject, in_order: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        """Any unfinished record gets an ending, with or without a receipt to remember it."""
        offset = data.draw(st.sampled_from([each for each in self.read_offsets if each not in self.ended]))
        self.ended[offset] = in_order
        self.partition.finish(Finished(offset=offset, ending="shadow", in_order=in_order))

    @rule()
    def commit(self) -> None:
        """Everything pending is committed."""
        self.committed.update(finished.offset for finished in self.partition.pending)
        assert self.partition.committed() == []

    @invariant()
    def an_ending_without_receipt_is_committed_with_its_offset(self) -> None:
        """What no receipt remembers is never committed before the position passes it."""
        pending = {finished.offset for finished in self.partition.pending}
        taken = pending | self.committed
        assert all(offset < self.partition.position for offset in taken if self.ended[offset])
        held = self.ended.keys() - taken
        assert all(self.ended[offset] for offset in held)
        assert self.partition.position == min(set(self.read_offsets) - taken, default=len(self.read_offsets))
        assert self.partition.unfinished == len(self.read_offsets) - len(self.committed)

    @invariant()
    def the_mark_tells_counts_and_suspects(self) -> None:
        """Counts include what is pending; suspects are those of the first few that have no ending yet."""
        taken = {finished.offset for finished in self.partition.pending} | self.committed
        left = SUSPECTS - len(taken.intersection(self.suspects))
        assert self.partition.clean_mark().suspects == left
        assert self.partition.mark(2).suspects == max(2, left)
        counts = self.partition.clean_mark().counts
        assert counts["delivered"] == 10
        assert counts.get("shadow", 0) == len(taken - self.known)


TestPartition = PartitionMachine.TestCase


def test_suspicion_ends_where_the_earlier_owner_cannot_have_been() -> None:
    """What came after the takeover is not suspect, and once all before it is read no suspicion is handed on."""
    partition = OutboxPartition(0, 3, suspects=5, suspects_end=5)
    assert partition.read(3)
    partition.finish(Finished(offset=3, ending="shadow"))
    assert partition.clean_mark().suspects == 4
    partition.passed(5)
    assert partition.clean_mark().suspects == 0
    assert not partition.read(5)


def test_one_conversion_of_a_key_at_a_time() -> None:
    """A second one waits for the commit of the first, a third for that of the second."""
    partition = OutboxPartition(0, 0)
    first, second, third = (outstanding(sale("A-1"), offset) for offset in range(3))
    entered = []
    for item in (first, second, third):
        partition.read(item.at.offset)
        entered.append(partition.enter(item))
    assert entered == [True, False, False]
    for item, following in ((first, [second]), (second, [third]), (third, [])):
        partition.finish(Finished(offset=item.at.offset, ending="delivered", key=item.key))
        assert partition.committed() == following
    partition.read(3)
    assert partition.enter(outstanding(sale("A-1"), 3))


def test_an_unfinished_unknown_attempt_is_a_doubt() -> None:
    """A partition is in doubt until the conversion that may have reached Awin has its ending."""
    partition = OutboxPartition(0, 0)
    item = outstanding(sale("A-1"), 0)
    partition.read(0)
    partition.enter(item)
    doubts = [partition.in_doubt]
    item.unknown_attempts = 1
    doubts.append(partition.in_doubt)
    partition.finish(Finished(offset=0, ending="delivered", key=item.key))
    doubts.append(partition.in_doubt)
    assert doubts == [False, True, False]


def test_what_was_known_is_passed_and_not_counted() -> None:
    """A record that was committed before moves the position only."""
    partition = OutboxPartition(0, 0, counts={"delivered": 1})
    partition.read(0)
    partition.finish(Finished(offset=0, ending="known"))
    assert partition.position == 1
    assert partition.clean_mark().counts == {"delivered": 1}
