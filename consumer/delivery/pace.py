"""When to commit: at once while nothing else is to do, else grouped. Pure but for the clock."""

from __future__ import annotations

from collections.abc import Callable


class CommitPace:
    """Tells when pending endings have waited enough for others to commit with.

    Args:
        group_ms: longest wait, and the pause after a failed commit.
        many: so many pending endings wait no longer, since they take up room.
        monotonic_s: the clock.
    """

    def __init__(self, group_ms: int, many: int, monotonic_s: Callable[[], float]) -> None:
        self._group_s = group_ms / 1000
        self._many = many
        self._monotonic_s = monotonic_s
        self._since_s: float | None = None
        self._again_at_s = 0.0

    def due(self, pending: int, *, idle: bool) -> bool:
        """Say whether to commit now; ``idle`` when nothing is in flight and nothing came."""
        now_s = self._monotonic_s()
        if not pending:
            self._since_s = None
            return False
        if self._since_s is None:
            self._since_s = now_s
        return self.may_try() and (idle or pending >= self._many or now_s - self._since_s >= self._group_s)

    def may_try(self) -> bool:
        """Say whether the latest failure is long enough ago."""
        return self._monotonic_s() >= self._again_at_s

    def committed(self) -> None:
        """Take note of a commit."""
        self._since_s = None

    def failed(self) -> None:
        """Take note of a commit that failed."""
        self._again_at_s = self._monotonic_s() + self._group_s
