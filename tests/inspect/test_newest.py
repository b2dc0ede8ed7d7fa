"""The newest of many things."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from consumer.inspect.newest import Newest


@given(st.lists(st.integers(0, 5), max_size=30), st.integers(0, 8))
def test_the_newest_are_kept(times: list[int], most: int) -> None:
    """So many at most, the latest first; of those of the same time the last taken comes first."""
    newest: Newest[int] = Newest(most)
    for number, at_ms in enumerate(times):
        newest.take(at_ms, number)
    wanted = sorted(range(len(times)), key=lambda number: (-times[number], -number))[:most]
    assert list(newest.latest_first()) == wanted
