"""What the stand-in is to do: steps that were planned, and then what a function chooses."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from consumer.demo.awin.behaviour import OK, Behaviour, CloseBeforeReading
from consumer.demo.awin.record import AwinRequest


class Script:
    """Its methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._steps: deque[Behaviour | CloseBeforeReading] = deque()
        self._choose: Callable[[AwinRequest], Behaviour] = lambda _: OK
        self._unread = 0

    def plan(self, *steps: Behaviour | CloseBeforeReading) -> None:
        """Add steps after those that were planned before."""
        with self._lock:
            self._steps.extend(steps)

    def behave(self, choose: Callable[[AwinRequest], Behaviour]) -> None:
        """Replace what chooses for requests without a step."""
        with self._lock:
            self._choose = choose

    def drops_unread(self) -> bool:
        """Take a `CloseBeforeReading` if it is next."""
        with self._lock:
            drops = bool(self._steps) and isinstance(self._steps[0], CloseBeforeReading)
            if drops:
                self._steps.popleft()
                self._unread += 1
            return drops

    def unread(self) -> int:
        """Return how often that was."""
        with self._lock:
            return self._unread

    def next_for(self, request: AwinRequest) -> Behaviour:
        """Take the next step, if it is for a request that was read, or else choose."""
        with self._lock:
            step = self._steps[0] if self._steps else None
            if step is None or isinstance(step, CloseBeforeReading):
                return self._choose(request)
            self._steps.popleft()
            return step
