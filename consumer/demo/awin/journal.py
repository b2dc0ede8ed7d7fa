"""The stand-in's memory of everything that arrived."""

from __future__ import annotations

import threading
from collections import Counter

from consumer.demo.awin.record import AwinRequest


class Journal:
    """Keeps requests in order of arrival. Its methods may be called from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._requests: list[AwinRequest] = []

    def add(self, request: AwinRequest) -> None:
        """Remember a request, and wake who waits for it."""
        with self._changed:
            self._requests.append(request)
            self._changed.notify_all()

    def next_number(self) -> int:
        """Return the number of the request that comes next."""
        with self._changed:
            return len(self._requests) + 1

    def requests(self) -> list[AwinRequest]:
        """Return all of them so far."""
        with self._changed:
            return list(self._requests)

    def wait_for_requests(self, count: int, timeout_s: float) -> list[AwinRequest]:
        """Return all of them as soon as there are ``count``.

        Raises:
            TimeoutError: fewer came within ``timeout_s``.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._requests) >= count, timeout_s):
                raise TimeoutError(f"{len(self._requests)} of {count} requests came within {timeout_s} s")
            return list(self._requests)

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
