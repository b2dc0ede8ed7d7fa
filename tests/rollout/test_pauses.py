"""Which orders a pause is told of, and how long it is."""

from __future__ import annotations

from tests.rollout.pauses import Wait, pauses


def test_the_longest_wait_is_told_by_partition_and_phase() -> None:
    """Before and during, each partition for itself."""
    waits = [Wait(1, 0, 1.0, 1.5), Wait(1, 100, 2.0, 2.5), Wait(1, 10_000, 3.0, 9.0), Wait(0, 10_000, 4.0, 5.0)]
    found = {(each.partition, each.phase): each for each in pauses(waits, 9_000, 20_000)}
    assert found.keys() == {(0, "during"), (1, "before"), (1, "during")}
    assert found[1, "before"].orders == 2
    assert (found[1, "before"].converted_median_s, found[1, "before"].converted_longest_s) == (1.5, 2.0)
    assert found[1, "during"].reported_longest_s == 9.0


def test_an_order_on_its_way_when_the_rollout_begins_is_during_it() -> None:
    """Though it entered before; what enters after the end is of no phase."""
    (found,) = pauses([Wait(0, 8_000, 1.0, 1.0), Wait(0, 20_001, 1.0, 1.0)], 9_000, 20_000)
    assert (found.phase, found.orders) == ("during", 1)
