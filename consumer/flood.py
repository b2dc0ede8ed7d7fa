"""Tells a few bad records from a flood of them."""

from __future__ import annotations

from collections import deque

from consumer.errors import Flood

_WINDOW = 1_000


class FloodGuard:
    """Watches the share of rejected records among the last 1,000 of one topic."""

    def __init__(self, topic: str, share: float) -> None:
        self._topic = topic
        self._allowed = share * _WINDOW
        self._taken = self._committed = 0
        self._rejected: deque[int] = deque()

    def taken(self, *, rejected: bool) -> None:
        """Note one record.

        Raises:
            Flood: too many of the last records were rejected. The caller stops before committing them.
        """
        self._taken += 1
        if not rejected:
            return
        self._rejected.append(self._taken)
        while self._rejected[0] <= self._taken - _WINDOW:
            self._rejected.popleft()
        if len(self._rejected) > self._allowed:
            raise Flood(
                f"{len(self._rejected)} of the last {min(self._taken, _WINDOW)} records of {self._topic} are bad: "
                "a wrong schema or a bad deploy rather than bad records. The last of them are not committed. The dead "
                "letters say what is wrong: mend the producer or the schemas, and start again"
            )

    def passed(self, records: int) -> None:
        """Note so many good records."""
        self._taken += records

    def mark_committed(self) -> None:
        """Note that the transaction with everything so far has committed."""
        self._committed = self._taken

    def rollback(self) -> None:
        """Go back to the last commit: what was taken since comes again and must not count twice."""
        self._taken = self._committed
        while self._rejected and self._rejected[-1] > self._taken:
            self._rejected.pop()
