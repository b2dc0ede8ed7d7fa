"""When the oldest of the conversions that were put off entered Kafka. Pure."""

from __future__ import annotations

from collections import deque


class PutOff:
    """Remembers what was put off in the last while, which is as long as a round over the deferred conversions takes.

    They stand in a topic, of which only what was just read is known. While a programme is stopped each of them is read
    and put off again in every round, so the oldest of the last round's is the oldest of all. What a backlog holds
    beyond that is younger than what is in hand of it, since it is read in the order of time.

    Args:
        kept_s: how long a round takes at most.
    """

    def __init__(self, kept_s: float) -> None:
        self._kept_s = kept_s
        self._entered: deque[tuple[float, int]] = deque()
        self._added_s = 0.0

    def add(self, entered_at_ms: int, now_s: float) -> None:
        """One was put off just now."""
        while self._entered and self._entered[-1][1] >= entered_at_ms:
            self._entered.pop()
        self._entered.append((now_s, entered_at_ms))
        self._added_s = now_s

    def oldest_ms(self, now_s: float) -> int | None:
        """Return when the oldest entered, ``None`` when none is left."""
        while self._entered and self._entered[0][0] < now_s - self._kept_s:
            self._entered.popleft()
        return self._entered[0][1] if self._entered else None

    def none_left(self, now_s: float, after_s: float) -> None:
        """Nothing is there to be read: forget them, unless one came so shortly ago that it cannot be seen yet."""
        if now_s - self._added_s >= after_s:
            self._entered.clear()
