"""The second thread makes what it is handed, only while it may, and hands everything back."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from consumer.awin.http import HttpRequest
from consumer.delivery.attempt.sender import Answer
from consumer.delivery.attempt.worker import Reply, Ticket, Worker

DELIVERED = Answer(outcome="delivered", http_status=200, retry_after_s=None, excerpt="")


class Puppet:
    """An attempter that answers at once, hangs, or breaks, as the URL says."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.broken_off = threading.Semaphore(0)
        self.urls: list[str] = []
        self.closed = False

    async def attempt(self, asked: HttpRequest) -> Answer:
        """Do as the URL says."""
        url = asked.url
        self.urls.append(url)
        self.begun.release()
        if url == "break":
            raise RuntimeError("a mistake of ours")
        if url == "hang":
            try:
                await asyncio.Event().wait()
            finally:
                self.broken_off.release()
        return DELIVERED

    async def aclose(self) -> None:
        """Note it."""
        self.closed = True


@contextmanager
def running(puppet: Puppet, may_start: Callable[[int], bool] = lambda _: True) -> Iterator[Worker]:
    """Run a worker."""
    worker = Worker(puppet, may_start, now_ms=lambda: 1_700_000_000_000, monotonic_s=time.monotonic)
    try:
        yield worker
    finally:
        worker.close()


def replies(worker: Worker, count: int) -> list[Reply]:
    """Wait for so many replies."""
    found: list[Reply] = []
    deadline_s = time.monotonic() + 10
    while len(found) < count and time.monotonic() < deadline_s:
        found += worker.replies(0.5)
    return found


def test_every_ticket_is_answered() -> None:
    """Each attempt is made once and answered under its number, with the time at which it began."""
    puppet = Puppet()
    with running(puppet) as worker:
        for number in range(50):
            worker.submit(Ticket(number, HttpRequest(url=f"url-{number}"), 1))
        found = replies(worker, 50)
    assert sorted(reply.number for reply in found) == list(range(50))
    assert all(reply.answer == DELIVERED and reply.started_at_ms == 1_700_000_000_000 for reply in found)
    assert sorted(puppet.urls) == sorted(f"url-{number}" for number in range(50))
    assert puppet.closed


def test_attempts_run_side_by_side() -> None:
    """One that hangs holds up no other."""
    with running(Puppet()) as worker:
        worker.submit(Ticket(1, HttpRequest(url="hang"), 1))
        worker.submit(Ticket(2, HttpRequest(url="url"), 1))
        assert [reply.number for reply in replies(worker, 1)] == [2]


def test_an_attempt_that_may_not_start_is_not_made() -> None:
    """The guard is asked with the ticket's generation right before the attempt."""
    puppet = Puppet()
    with running(puppet, lambda generation: generation == 2) as worker:
        worker.submit(Ticket(1, HttpRequest(url="old"), 1))
        worker.submit(Ticket(2, HttpRequest(url="new"), 2))
        found = {reply.number: reply.answer for reply in replies(worker, 2)}
    assert found == {1: None, 2: DELIVERED}
    assert puppet.urls == ["new"]


def test_a_cancelled_attempt_is_broken_off() -> None:
    """It ends without a reply, and cancelling what is over or unknown does nothing."""
    puppet = Puppet()
    with running(puppet) as worker:
        worker.submit(Ticket(1, HttpRequest(url="hang"), 1))
        assert puppet.begun.acquire(timeout=10)
        worker.cancel([1, 7])
        assert puppet.broken_off.acquire(timeout=10)
        worker.submit(Ticket(2, HttpRequest(url="url"), 1))
        assert [reply.number for reply in replies(worker, 1)] == [2]


def test_a_mistake_comes_to_light() -> None:
    """An attempt that fails in an unforeseen way is raised where the stage stops."""
    with running(Puppet()) as worker:
        worker.submit(Ticket(1, HttpRequest(url="break"), 1))
        with pytest.raises(RuntimeError, match="a mistake of ours"):
            replies(worker, 1)


def test_closing_breaks_everything_off() -> None:
    """Whatever is under way ends, and closing twice is as closing once."""
    puppet = Puppet()
    with running(puppet) as worker:
        worker.submit(Ticket(1, HttpRequest(url="hang"), 1))
        assert puppet.begun.acquire(timeout=10)
        worker.close()
    assert puppet.broken_off.acquire(timeout=10)
    assert puppet.closed


def test_waiting_for_replies_ends() -> None:
    """Without a reply the wait lasts as long as it was told to."""
    with running(Puppet()) as worker:
        assert worker.replies(0.0) == []
        assert worker.replies(0.01) == []
