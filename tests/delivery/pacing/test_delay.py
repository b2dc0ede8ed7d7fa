"""What was put off rests longer and longer while nothing comes of it, and never longer than that."""

from __future__ import annotations

from collections import deque
from itertools import pairwise

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from consumer.delivery.pacing.delay import Delay
from consumer.stream.log import Record

BASE_MS, CAP_MS = 60_000, 900_000
T0_MS = 1_700_000_000_000


def put_off(offset: int, at_ms: int) -> Record:
    """Return a record that was appended then."""
    return Record("awin.deferred", 0, offset, at_ms, None, None)


class DelayMachine(RuleBasedStateMachine):
    """Records are taken in order while others are appended and some are settled; the model knows the passes."""

    def __init__(self) -> None:
        super().__init__()
        self.delay = Delay(BASE_MS, CAP_MS)
        self.end = 0
        """Of the partition."""
        self.next_offset = 0
        """The next one to be taken."""
        self.pass_end = 0
        self.settled = True
        """Whether anything was, in this pass; before the first one there is nothing to wait for longer."""
        self.expected_ms = BASE_MS

    @rule(records=st.integers(1, 5))
    def append(self, records: int) -> None:
        """More is put off, by this pass among others."""
        self.end += records

    @rule()
    def take(self) -> None:
        """Only the first record of a pass changes the delay: it doubles if the last one settled nothing."""
        if self.next_offset == self.end:
            self.append(1)
        if self.next_offset >= self.pass_end:
            self.expected_ms = BASE_MS if self.settled else min(2 * self.expected_ms, CAP_MS)
            self.pass_end, self.settled = self.end, False
        self.delay.taking(self.next_offset, self.end)
        self.next_offset += 1

    @rule()
    def take_without_knowing_the_end(self) -> None:
        """The broker may not have told it yet, or an old one: then the record is a pass by itself."""
        self.end = max(self.end, self.next_offset + 1)
        if self.next_offset >= self.pass_end:
            self.expected_ms = BASE_MS if self.settled else min(2 * self.expected_ms, CAP_MS)
            self.pass_end, self.settled = self.next_offset + 1, False
        self.delay.taking(self.next_offset, 0)
        self.next_offset += 1

    @rule()
    def settle(self) -> None:
        """A conversion gets its ending."""
        self.delay.settled()
        self.settled = True

    @rule()
    def reset(self) -> None:
        """Somebody resumes: the shortest delay holds at once, and for the next pass."""
        self.delay.reset()
        self.expected_ms, self.pass_end, self.settled = BASE_MS, 0, True

    @rule(age_ms=st.integers(-10 * CAP_MS, 10 * CAP_MS))
    def ask(self, age_ms: int) -> None:
        """A record rests until it is as old as the delay, and never longer than that, wherever the clock was set."""
        left_ms = self.delay.left_ms(put_off(0, T0_MS), T0_MS + age_ms)
        assert 0 <= left_ms <= self.delay.now_ms
        assert (left_ms == 0) == (age_ms >= self.delay.now_ms)
        assert left_ms == self.delay.now_ms or age_ms > 0

    @invariant()
    def is_as_long_as_the_passes_say(self) -> None:
        """Never shorter than the shortest, never longer than the longest."""
        assert self.delay.now_ms == self.expected_ms
        assert BASE_MS <= self.delay.now_ms <= CAP_MS


TestDelay = DelayMachine.TestCase


def passes(hours: int, orders: int, settled_every_ms: int | None = None) -> list[int]:
    """Return when the first of so many orders of a stopped programme was tried, from its being put off on."""
    delay, log, tried, offset = Delay(BASE_MS, CAP_MS), deque[Record](), list[int](), orders
    log.extend(put_off(number, T0_MS) for number in range(orders))
    for now_ms in range(T0_MS, T0_MS + hours * 3_600_000, 1_000):
        while delay.left_ms(log[0], now_ms) == 0:
            record = log.popleft()
            if record.offset % orders == 0:
                tried.append((now_ms - T0_MS) // 1_000)
            delay.taking(record.offset, offset)
            log.append(put_off(offset, now_ms))
            offset += 1
            if settled_every_ms is not None and now_ms % settled_every_ms == 0:
                delay.settled()
    return tried


def test_a_long_halt_costs_little() -> None:
    """Within a day, what cannot be sent is read about a hundred times, not once a minute."""
    tried = passes(24, 3)
    gaps = [later - earlier for earlier, later in pairwise(tried)]
    assert gaps[:6] == [60, 120, 240, 480, 900, 900]
    assert set(gaps[6:]) == {900}


def test_while_something_is_settled_the_delay_stays_short() -> None:
    """Others of the partition get through: what is put off is tried every minute."""
    tried = passes(2, 3, settled_every_ms=1_000)
    assert {later - earlier for earlier, later in pairwise(tried)} == {60}
