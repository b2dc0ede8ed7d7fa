"""A few bad records are no flood; many are, and doing work again makes no flood of a few."""

from __future__ import annotations

import pytest

from consumer.errors import Flood
from consumer.flood import FloodGuard

TOPIC = "order.completed"


def taken(guard: FloodGuard, records: str) -> int:
    """Take records, ``x`` being a rejected one, until the guard raises; return how many were taken."""
    for number, record in enumerate(records):
        try:
            guard.taken(rejected=record == "x")
        except Flood:
            return number
    return len(records)


def test_a_share_of_bad_records_is_borne() -> None:
    """Up to the share of the last 1,000 records may be rejected for ever."""
    guard = FloodGuard(TOPIC, 0.5)
    assert taken(guard, "x." * 5_000) == 10_000


def test_too_many_are_a_flood() -> None:
    """One more than the share of the window stops the stage, and it says where to look."""
    guard = FloodGuard(TOPIC, 0.5)
    assert taken(guard, "." * 500 + "x" * 600) == 1_000
    with pytest.raises(Flood, match=r"of the last 1000 records of order\.completed are bad"):
        guard.taken(rejected=True)


def test_a_flood_from_the_first_record_on() -> None:
    """Few records are not judged by their share: as many bad ones are needed as in a full window."""
    assert taken(FloodGuard(TOPIC, 0.1), "x" * 1_000) == 100


def test_old_rejections_are_forgotten() -> None:
    """Only the last 1,000 records count."""
    guard = FloodGuard(TOPIC, 0.1)
    for _ in range(50):
        assert taken(guard, "x" * 100 + "." * 900) == 1_000


def test_every_record_bad_is_borne_where_the_share_is_one() -> None:
    """With a share of 1 nothing is a flood."""
    assert taken(FloodGuard(TOPIC, 1.0), "x" * 3_000) == 3_000


def test_work_done_again_is_not_counted_again() -> None:
    """However often a commit fails, the bad records that it would have carried count once."""
    guard = FloodGuard(TOPIC, 0.5)
    for _ in range(100):
        assert taken(guard, "x" * 10) == 10
        guard.rollback()
    assert taken(guard, "x" * 300) == 300
    guard.mark_committed()
    guard.rollback()
    assert taken(guard, "x" * 300) == 200
