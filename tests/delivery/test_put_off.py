"""When the oldest of what was put off entered Kafka."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from consumer.delivery.put_off import PutOff

KEPT_S = 10.0


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 50)), max_size=40))
def test_it_is_the_oldest_of_the_last_while(added: list[tuple[int, int]]) -> None:
    """Held against all that was put off, one by one."""
    put_off, now_s, known = PutOff(KEPT_S), 0.0, list[tuple[float, int]]()
    for passed_s, entered_ms in added:
        now_s += passed_s
        put_off.add(entered_ms, now_s)
        known.append((now_s, entered_ms))
        assert put_off.oldest_ms(now_s) == min(entered for at_s, entered in known if at_s >= now_s - KEPT_S)


def test_what_was_not_put_off_again_is_over() -> None:
    """After the longest that a round takes nothing is left of it."""
    put_off = PutOff(KEPT_S)
    put_off.add(5, 0.0)
    assert put_off.oldest_ms(10.0) == 5
    assert put_off.oldest_ms(10.5) is None


def test_nothing_to_be_read_means_that_none_is_left() -> None:
    """But not at once: what was just written is not seen yet."""
    put_off = PutOff(KEPT_S)
    put_off.add(5, 0.0)
    put_off.none_left(1.0, after_s=2.0)
    assert put_off.oldest_ms(1.0) == 5
    put_off.none_left(2.0, after_s=2.0)
    assert put_off.oldest_ms(2.0) is None
