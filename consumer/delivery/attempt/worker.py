"""The second thread: an event loop that makes the attempts it is handed, and hands back what became of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import NamedTuple, Protocol

from consumer.awin.http import HttpRequest
from consumer.delivery.attempt.sender import Answer


class Attempter(Protocol):
    """Makes attempts; see `consumer.delivery.attempt.sender.Sender`."""

    async def attempt(self, asked: HttpRequest) -> Answer:
        """Send one request. Raises nothing that a network can cause."""

    async def aclose(self) -> None:
        """Let go of connections."""


class Ticket(NamedTuple):
    """One attempt to be made."""

    number: int
    request: HttpRequest
    generation: int
    """The assignment under which it is ours to make."""


class Reply(NamedTuple):
    """One ticket's end; ``answer`` is ``None`` when the attempt was not allowed to start."""

    number: int
    answer: Answer | None
    started_at_ms: int
    seconds: float


class Worker:
    """Runs attempts. Its methods belong to one other thread.

    Args:
        attempter: used on the worker's thread only.
        may_start: asked with a ticket's generation on the worker's thread, right before its attempt.
        now_ms: the wall clock.
        monotonic_s: the clock for durations.
    """

    def __init__(
        self,
        attempter: Attempter,
        may_start: Callable[[int], bool],
        *,
        now_ms: Callable[[], int],
        monotonic_s: Callable[[], float],
    ) -> None:
        self._attempter = attempter
        self._may_start = may_start
        self._now_ms = now_ms
        self._monotonic_s = monotonic_s
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._replies: SimpleQueue[Reply | Exception] = SimpleQueue()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="deliver-http", daemon=True)
        self._thread.start()

    def submit(self, ticket: Ticket) -> None:
        """Have an attempt made. It is answered by exactly one reply, unless cancelled."""
        self._loop.call_soon_threadsafe(self._begin, ticket)

    def cancel(self, numbers: Iterable[int]) -> None:
        """Break these attempts off; their requests may have reached Awin. A reply may still be on its way."""
        self._loop.call_soon_threadsafe(self._cancel, tuple(numbers))

    def replies(self, timeout_s: float) -> list[Reply]:
        """Return all replies there are, as soon as there is one, else ``[]`` after the timeout.

        Raises:
            Exception: an attempt failed in a way that is a mistake in this software.
        """
        found: list[Reply] = []
        try:
            while True:
                wait_s = 0.0 if found else timeout_s
                reply = self._replies.get(timeout=wait_s) if wait_s > 0 else self._replies.get_nowait()
                if isinstance(reply, Exception):
                    raise reply
                found.append(reply)
        except Empty:
            return found

    def close(self) -> None:
        """Break off everything and end the thread. May be repeated."""
        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(self._shut_down(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _begin(self, ticket: Ticket) -> None:
        task = self._loop.create_task(self._attempt(ticket))
        self._tasks[ticket.number] = task
        task.add_done_callback(lambda _: self._tasks.pop(ticket.number))

    def _cancel(self, numbers: tuple[int, ...]) -> None:
        for number in numbers:
            if number in self._tasks:
                self._tasks[number].cancel()

    async def _attempt(self, ticket: Ticket) -> None:
        started_at_ms, started_s = self._now_ms(), self._monotonic_s()
        answer = None
        try:
            if self._may_start(ticket.generation):
                answer = await self._attempter.attempt(ticket.request)
        except Exception as error:  # noqa: BLE001 - `replies` raises it where the stage can act on it
            self._replies.put(error)
        else:
            self._replies.put(Reply(ticket.number, answer, started_at_ms, self._monotonic_s() - started_s))

    async def _shut_down(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._attempter.aclose()
