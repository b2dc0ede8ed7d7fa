"""Where the time of a loop goes."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from consumer.loop_time import LoopTime


class Clock:
    """A clock that is moved by hand."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5_000)), max_size=30))
def test_no_second_is_lost_or_counted_twice(turns: list[tuple[str, int]]) -> None:
    """Each state has exactly the time that was spent in it, however the reports fall."""
    clock = Clock()
    told: dict[str, float] = dict.fromkeys(["first", *"abc"], 0.0)
    spent = dict(told)

    def report(seconds: Mapping[str, float]) -> None:
        for state, spent_s in seconds.items():
            told[state] += spent_s

    loop = LoopTime(report, clock, first="first")
    state = "first"
    for following, ms in turns:
        clock.now_s += ms / 1024  # a sum of such fractions is exact
        spent[state] += ms / 1024
        loop.enter(following)
        state = following
    loop.flush()
    assert told == spent


def test_reports_come_about_once_a_second() -> None:
    """A loop that turns a thousand times a second does not report as often."""
    clock, reports = Clock(), list[Mapping[str, float]]()
    loop = LoopTime(reports.append, clock, first="a")
    for turn in range(4_096):
        clock.now_s += 1 / 1024
        loop.enter("ab"[turn % 2])
    assert len(reports) == 4
