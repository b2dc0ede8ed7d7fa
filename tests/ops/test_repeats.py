"""Lines that say the same over and over."""

from __future__ import annotations

from typing import Any

import pytest
import structlog

from consumer.ops.repeats import Repeats


class Clock:
    """A clock that stands until it is moved."""

    now_s = 0.0

    def __call__(self) -> float:
        """Return its time."""
        return self.now_s


def said(repeats: Repeats, level: str = "warning", **line: Any) -> dict[str, Any] | None:
    """Return the line as it is written, ``None`` if it is held back."""
    try:
        return dict(repeats(None, level, {"event": "x", **line}))
    except structlog.DropEvent:
        return None


def test_the_same_is_said_once_in_a_while() -> None:
    """The next line tells how many were held back, and then counting begins anew."""
    clock = Clock()
    repeats = Repeats(10.0, clock)
    assert said(repeats, reason="a", timestamp="1") is not None
    for number in range(5):
        clock.now_s += 1
        assert said(repeats, reason="a", timestamp=str(number)) is None
    clock.now_s = 10.0
    assert said(repeats, reason="a", timestamp="2") == {"event": "x", "reason": "a", "timestamp": "2", "repeated": 5}
    clock.now_s = 20.0
    assert said(repeats, reason="a") == {"event": "x", "reason": "a"}


def test_what_differs_is_told_apart() -> None:
    """Another reason or another partition is another line."""
    repeats = Repeats(10.0, Clock())
    assert said(repeats, reason="a", partition=1)
    assert said(repeats, reason="b", partition=1)
    assert said(repeats, reason="a", partition=2)
    assert said(repeats, reason="a", partition=1) is None


@pytest.mark.parametrize("level", ["info", "debug"])
def test_changes_of_state_are_never_held_back(level: str) -> None:
    """Two assignments of the same partitions are two events."""
    repeats = Repeats(10.0, Clock())
    assert said(repeats, level, partitions=[1])
    assert said(repeats, level, partitions=[1])


def test_what_is_remembered_is_bounded() -> None:
    """A line that differs every time must not fill the memory."""
    repeats = Repeats(10.0, Clock(), most=10)
    for number in range(1_000):
        assert said(repeats, reason=str(number))
    assert len(vars(repeats)["_written"]) <= 10
