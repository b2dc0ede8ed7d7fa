"""Keeps a line that says the same over and over to one in a while, which says how often it came."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

_IGNORED = frozenset({"timestamp", "level"})


class Repeats:
    """A structlog processor. Lines that differ in any field are told apart; those of a state change are not held back.

    Args:
        interval_s: of lines that are the same, one in so long is written.
        monotonic_s: the clock.
        most: so many kinds of lines are remembered.
    """

    def __init__(
        self, interval_s: float = 10.0, monotonic_s: Callable[[], float] = time.monotonic, most: int = 1_000
    ) -> None:
        self._interval_s = interval_s
        self._monotonic_s = monotonic_s
        self._most = most
        self._written: dict[str, tuple[float, int]] = {}
        """When each kind was written last, and how many were held back since."""

    def __call__(
        self, _: structlog.typing.WrappedLogger, method: str, line: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        """Pass a line on, or hold it back."""
        if method not in {"warning", "error"}:
            return line
        kind = repr(sorted((name, value) for name, value in line.items() if name not in _IGNORED))
        now_s = self._monotonic_s()
        written_s, held = self._written.get(kind, (-self._interval_s, 0))
        if now_s - written_s < self._interval_s:
            self._written[kind] = written_s, held + 1
            raise structlog.DropEvent
        if len(self._written) >= self._most:
            self._written.clear()
        self._written[kind] = now_s, 0
        if held:
            line["repeated"] = held
        return line
