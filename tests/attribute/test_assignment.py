"""Partitions are restored before they are worked on, and released only by those who worked on them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import pytest

from consumer.assignment import Assignment
from consumer.errors import TopicError
from consumer.state.restore import Restorer
from consumer.stream.changelog_memory import MemoryChangelogReader
from consumer.stream.log import Committed, TopicPartition
from consumer.stream.memory import MemoryLog
from tests.attribute.cluster import INPUTS, ORDER_STATE, ORDERS, SESSIONS, TOUCHES, Disk
from tests.silent_metrics import SilentMetrics

BOTH = [TopicPartition(topic, number) for topic in INPUTS for number in (0, 1)]


class Owner:
    """A stage that remembers what it was told."""

    def __init__(self) -> None:
        self.log = MemoryLog(dict.fromkeys((*INPUTS, TOUCHES, ORDER_STATE), 2))
        self.heard: list[object] = []
        self.refuses = 0
        restorer = Restorer(Disk().tables(lambda: 0), INPUTS, lambda: MemoryChangelogReader(self.log), background=False)
        self.assignment = Assignment(INPUTS, restorer, self, SilentMetrics())

    def activate(self, partition: int, committed: Mapping[TopicPartition, Committed]) -> None:
        """Remember; give it back while told to refuse."""
        if self.refuses:
            self.refuses -= 1
            self.assignment.restore_again(partition)
        else:
            self.heard.append((partition, {each.topic: at.offset for each, at in committed.items()}))

    def release(self, partitions: Sequence[int], *, lost: bool) -> None:
        """Remember."""
        self.heard.append(("lost" if lost else "revoked", list(partitions)))


@pytest.mark.parametrize(
    ("assigned", "message"),
    [
        ([TopicPartition(SESSIONS, 0)], r"partition 0 was assigned without its counterpart in order\.completed"),
        ([*BOTH, TopicPartition(ORDERS, 2)], r"partition 2 was assigned without its counterpart in session\.landed"),
    ],
)
def test_partitions_come_in_pairs(assigned: list[TopicPartition], message: str) -> None:
    """A partition without the other topic's of the same number stops the stage before anything is begun."""
    owner = Owner()
    with pytest.raises(TopicError, match=message):
        owner.assignment.on_assigned(assigned)
    assert (owner.assignment.restoring, owner.assignment.joined) == (frozenset(), False)


def test_partitions_are_activated_with_the_groups_offsets() -> None:
    """What is assigned is restored first; then the stage is told where the group stands, if it ever did."""
    owner = Owner()
    owner.log.group().committed[TopicPartition(ORDERS, 1)] = Committed(7, "")
    owner.assignment.on_assigned(BOTH)
    assert (set(owner.assignment.restoring), set(owner.assignment.active)) == ({0, 1}, set())
    assert owner.heard == []
    owner.assignment.advance()
    assert (set(owner.assignment.restoring), set(owner.assignment.active)) == (set(), {0, 1})
    assert owner.heard == [(0, {}), (1, {ORDERS: 7})]


def test_nothing_to_do_is_an_assignment_too() -> None:
    """A member that gets no partition has joined all the same."""
    owner = Owner()
    owner.assignment.on_assigned([])
    assert owner.assignment.joined


def test_what_cannot_start_now_is_restored_again() -> None:
    """The stage may give a partition back; it comes again."""
    owner = Owner()
    owner.refuses = 2
    owner.assignment.on_assigned(BOTH)
    for _ in range(4):
        owner.assignment.advance()
    assert sorted(owner.heard, key=str) == [(0, {}), (1, {})]
    assert owner.assignment.active == {0, 1}


def test_who_lost_its_partitions_is_no_member_until_the_group_assigns_anew() -> None:
    """So readiness does not hold for a stage that works on nothing."""
    owner = Owner()
    assignment = owner.assignment
    joined = []
    assignment.on_assigned(BOTH)
    assignment.advance()
    joined.append(assignment.joined)
    assignment.on_lost(BOTH)
    joined.append(assignment.joined)
    assignment.on_assigned([])
    joined.append(assignment.joined)
    assignment.on_revoked([])
    joined.append(assignment.joined)
    assert joined == [True, False, True, True]


@pytest.mark.parametrize("lost", [False, True])
def test_active_partitions_are_released(*, lost: bool) -> None:
    """The stage is told once for all of them, and whether it may still commit."""
    owner = Owner()
    owner.assignment.on_assigned(BOTH)
    owner.assignment.advance()
    (owner.assignment.on_lost if lost else owner.assignment.on_revoked)(BOTH)
    assert owner.heard[2:] == [("lost" if lost else "revoked", [0, 1])]
    assert owner.assignment.active == frozenset()


def test_partitions_that_go_while_they_are_restored_are_none_of_the_stages_business() -> None:
    """They are never activated, and may come again at once."""
    owner = Owner()
    owner.assignment.on_assigned(BOTH)
    owner.assignment.on_revoked(BOTH)
    owner.assignment.advance()
    assert owner.heard == []
    owner.assignment.on_assigned(BOTH)
    owner.assignment.advance()
    assert owner.heard == [(0, {}), (1, {})]


def test_a_slow_broker_does_not_keep_the_stage_from_polling() -> None:
    """When activating takes long, the others wait for the next call; those that go meanwhile are forgotten."""
    owner = Owner()
    clock = itertools.count(step=2)
    restorer = Restorer(Disk().tables(lambda: 0), INPUTS, lambda: MemoryChangelogReader(owner.log), background=False)
    assignment = Assignment(INPUTS, restorer, owner, SilentMetrics(), monotonic_s=lambda: float(next(clock)))
    assignment.on_assigned(BOTH)
    assignment.advance()
    assert (assignment.active, assignment.restoring) == (frozenset({0}), frozenset({1}))
    assignment.on_revoked([each for each in BOTH if each.partition == 1])
    assignment.advance()
    assert (assignment.active, assignment.restoring) == (frozenset({0}), frozenset())
    assert owner.heard == [(0, {})]
