"""Commits are grouped under load and immediate otherwise."""

from __future__ import annotations

from consumer.delivery.pace import CommitPace


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


def test_nothing_pending_is_never_due() -> None:
    """An idle stage commits nothing."""
    assert not CommitPace(100, 4, Clock()).due(0, idle=True)


def test_an_idle_stage_commits_at_once() -> None:
    """With nothing else to do there is nothing to wait for."""
    assert CommitPace(100, 4, Clock()).due(1, idle=True)


def test_a_busy_stage_groups() -> None:
    """Endings wait for others, counted from the first of them, and a commit begins a new group."""
    clock = Clock()
    pace = CommitPace(100, 4, clock)
    assert not pace.due(1, idle=False)
    clock.now_s += 0.09
    assert not pace.due(2, idle=False)
    clock.now_s += 0.02
    assert pace.due(3, idle=False)
    pace.committed()
    assert not pace.due(1, idle=False)


def test_many_endings_do_not_wait() -> None:
    """They take up room that fresh conversions need."""
    assert CommitPace(100, 4, Clock()).due(4, idle=False)


def test_a_failed_commit_is_not_repeated_at_once() -> None:
    """A broker in trouble is asked again after a pause."""
    clock = Clock()
    pace = CommitPace(100, 4, clock)
    assert pace.due(4, idle=True)
    pace.failed()
    assert not pace.due(4, idle=True)
    clock.now_s += 0.11
    assert pace.due(4, idle=True)
