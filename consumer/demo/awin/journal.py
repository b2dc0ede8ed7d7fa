"""The stand-in's memory of everything that arrived."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

from consumer.demo.awin.record import AwinCall, AwinRequest

_T = TypeVar("_T")


class Journal:
    """Keeps requests and calls in order of arrival. Its methods may be called from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._requests: list[AwinRequest] = []
        self._calls: list[AwinCall] = []
        self._violations: list[str] = []

    def add(self, requests: Sequence[AwinRequest], call: AwinCall | None) -> None:
        """Remember what came at once, and wake who waits for it."""
        with self._changed:
            if call is not None:
                self._calls.append(call)
                self._violations.extend(call.violations)
            self._requests.extend(requests)
            self._violations.extend(violation for request in requests for violation in request.violations)
            self._changed.notify_all()

    def next_number(self) -> int:
        """Return the number of the request that comes next."""
        with self._changed:
            return len(self._requests) + 1

    def requests(self) -> list[AwinRequest]:
        """Return all requests so far."""
        with self._changed:
            return list(self._requests)

    def calls(self) -> list[AwinCall]:
        """Return all calls so far."""
        with self._changed:
            return list(self._calls)

    def violations(self) -> list[str]:
        """Return all violations so far; those of a call come before those of its orders."""
        with self._changed:
            return list(self._violations)

    def wait_for_requests(self, count: int, timeout_s: float) -> list[AwinRequest]:
        """Return all requests as soon as there are ``count``.

        Raises:
            TimeoutError: fewer came within ``timeout_s``.
        """
        return self._wait_for(self._requests, "requests", count, timeout_s)

    def wait_for_calls(self, count: int, timeout_s: float) -> list[AwinCall]:
        """Return all calls as soon as there are ``count``.

        Raises:
            TimeoutError: fewer came within ``timeout_s``.
        """
        return self._wait_for(self._calls, "calls", count, timeout_s)

    def _wait_for(self, arrived: list[_T], what: str, count: int, timeout_s: float) -> list[_T]:
        with self._changed:
            if not self._changed.wait_for(lambda: len(arrived) >= count, timeout_s):
                raise TimeoutError(f"{len(arrived)} of {count} {what} came within {timeout_s} s")
            return list(arrived)

    def counts_by_ref(self, *, accepted_only: bool) -> Counter[str]:
        """Say how often each order reference came, or how often it was accepted."""
        return Counter(request.ref for request in self.requests() if request.accepted or not accepted_only)

    def sent_twice(self, *, accepted_only: bool) -> list[str]:
        """Return the references that came more than once to one merchant, in order of first arrival."""
        counts = Counter(
            (request.parameters.get("merchant"), request.ref)
            for request in self.requests()
            if request.accepted or not accepted_only
        )
        return [ref for (_, ref), count in counts.items() if count > 1]
