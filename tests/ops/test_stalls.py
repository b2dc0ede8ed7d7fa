"""Loops that stand still are told of in time."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from consumer.ops.health import Health, Heartbeat
from consumer.ops.stalls import Stalls, Watcher, stacks
from tests.kafka.crash.program import wait_until


class Clock:
    """A clock that stands until it is moved."""

    now_s = 0.0

    def __call__(self) -> float:
        """Return its time."""
        return self.now_s


def test_a_stall_is_told_once_and_so_is_its_end() -> None:
    """However often one looks; the end tells how long it took."""
    clock = Clock()
    stalls, beat = Stalls(30.0), Heartbeat("deliver", 300, clock)
    clock.now_s = 29.0
    assert stalls.look([beat]) == []
    clock.now_s = 31.0
    assert [(change.stage, change.stalled) for change in stalls.look([beat])] == [("deliver", True)]
    clock.now_s = 55.0
    assert stalls.look([beat]) == []
    beat.beat()
    (change,) = stalls.look([beat])
    assert (change.stalled, change.seconds) == (False, 55.0)
    assert stalls.look([beat]) == []


def test_each_loop_stalls_on_its_own() -> None:
    """One that stands does not hide another."""
    clock = Clock()
    stalls, first, second = Stalls(30.0), Heartbeat("attribute", 300, clock), Heartbeat("deliver", 300, clock)
    clock.now_s = 31.0
    second.beat()
    assert [change.stage for change in stalls.look([first, second])] == ["attribute"]
    clock.now_s = 62.0
    assert [change.stage for change in stalls.look([first, second])] == ["deliver"]


@pytest.fixture
def blocked() -> Iterator[threading.Thread]:
    """A thread that waits for something that never comes, until the test is over."""
    never = threading.Event()

    def waits_for_ever(secret: str) -> None:
        del secret
        never.wait()

    thread = threading.Thread(target=waits_for_ever, args=("1001_1700000000_secret",), name="blocked-loop")
    thread.start()
    yield thread
    never.set()
    thread.join()


def test_stacks_name_threads_and_functions_and_no_values(blocked: threading.Thread) -> None:
    """Where each thread is, and nothing of what it has in hand."""
    text = stacks()
    assert blocked.name in text
    assert "waits_for_ever" in text
    assert "secret" not in text


def test_the_watcher_logs_the_stacks_of_a_stalled_loop(blocked: threading.Thread) -> None:
    """One line with all stacks when it stalls, one when it goes on."""
    clock, seen = Clock(), threading.Event()

    class Looking(Health):
        """Tells when it was looked at."""

        def look(self) -> None:
            super().look()
            seen.set()

    health, beat = Looking(clock), Heartbeat("deliver", 300, clock)
    health.watch(beat)
    with capture_logs() as lines:
        watcher = Watcher(health, stall_after_s=30.0, interval_s=0.01)
        try:
            clock.now_s = 31.0
            wait_until(lambda: bool(lines), "the stall is logged")
            beat.beat()
            wait_until(lambda: len(lines) == 2, "its end is logged")
        finally:
            watcher.close()
    assert [(line["event"], line["stage"]) for line in lines] == [
        ("loop.stalled", "deliver"),
        ("loop.resumed", "deliver"),
    ]
    assert blocked.name in lines[0]["stacks"]
    assert seen.is_set()
