"""How often something may be done, shared with other instances by their shares of the work. Pure but for the clock."""

from __future__ import annotations

import math
from collections.abc import Callable

_ROUNDING = 1e-9
"""More than a share loses as a floating-point number: 29 of 100 partitions are 29 of 100 attempts."""


class RateLimiter:
    """A token bucket that holds what comes in ``burst_s`` seconds, at least one token, and is empty at first.

    In any window of ``w`` seconds, as the clock goes on, no more tokens are taken than it holds and ``w`` times its
    rate; where the share changes meanwhile, that is the average one. A clock that is set back brings and costs nothing.

    Args:
        rate_per_s: tokens a second over all instances; ``None``: no limit.
        monotonic_s: the clock.
        burst_s: see above.
    """

    def __init__(self, rate_per_s: float | None, monotonic_s: Callable[[], float], burst_s: float = 0.0) -> None:
        self._whole_rate_per_s = rate_per_s
        self._monotonic_s = monotonic_s
        self._burst_s = burst_s
        self._rate_per_s = rate_per_s
        self._tokens = 0.0
        self._filled_s = monotonic_s()

    def share(self, fraction: float) -> None:
        """From now on so much of the whole rate is ours, between 0 and 1. Without a share nothing stays saved up."""
        self._fill()
        if self._whole_rate_per_s is not None:
            self._rate_per_s = self._ours(self._whole_rate_per_s, fraction)
            self._tokens = min(self._tokens, self._most())

    def take(self) -> bool:
        """Take a token if there is one."""
        if self._rate_per_s is None:
            return True
        self._fill()
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def wait_s(self) -> float:
        """Return the seconds until there will be a token: 0 when there is one, infinity without a share."""
        if self._rate_per_s is None:
            return 0.0
        self._fill()
        missing = 1 - self._tokens
        if missing <= 0:
            return 0.0
        return missing / self._rate_per_s if self._rate_per_s > 0 else math.inf

    def _ours(self, whole_rate_per_s: float, fraction: float) -> float:
        return whole_rate_per_s * fraction

    def _most(self) -> float:
        return max(1.0, self._rate_per_s * self._burst_s) if self._rate_per_s else 0.0

    def _fill(self) -> None:
        now_s = self._monotonic_s()
        if self._rate_per_s is not None:
            self._tokens = min(self._most(), self._tokens + max(0.0, now_s - self._filled_s) * self._rate_per_s)
        self._filled_s = now_s


class CallPace(RateLimiter):
    """Calls of one key, so many a minute over all instances. This one has no share at first.

    Every instance may have saved up a token, which in any minute comes on top of those that come in: so of its share
    one call less comes in, but at least half of it. That keeps all instances together to ``calls_per_minute`` in any
    minute, as long as each one's share is worth a call a minute: so with that many equal shares, too. Each one with
    less may add a call, and so may each whose share went in that minute, since what it had saved up may be used.
    """

    def __init__(self, calls_per_minute: float, monotonic_s: Callable[[], float]) -> None:
        super().__init__(calls_per_minute / 60, monotonic_s)
        self.share(0.0)

    def _ours(self, whole_rate_per_s: float, fraction: float) -> float:
        calls = whole_rate_per_s * 60 * fraction
        return max(calls - 1, calls / 2) / 60


class ConcurrencyCap:
    """How many attempts may be under way at once.

    Args:
        most: over all instances; ``None``: no limit.
    """

    def __init__(self, most: int | None) -> None:
        self._whole = most
        self._most = most
        self._taken = 0

    def share(self, fraction: float) -> None:
        """From now on so much of the whole is ours, between 0 and 1, rounded down, but at least one."""
        if self._whole is not None:
            self._most = max(1, int(self._whole * fraction + _ROUNDING))

    @property
    def free(self) -> bool:
        """Whether another may begin."""
        return self._most is None or self._taken < self._most

    def take(self) -> None:
        """One begins."""
        self._taken += 1

    def give_back(self) -> None:
        """One has ended."""
        self._taken -= 1
