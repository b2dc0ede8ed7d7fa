"""Whether memory stays flat: a verdict on samples over time. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import linear_regression, median
from typing import NamedTuple

from msgspec import Struct

TOLERANCE = 0.05
"""How much more the last third of a run may take than the one before it: garbage and the allocator come and go."""
_LEAST_SAMPLES = 9


class Sample(NamedTuple):
    """What a process had resident at a moment."""

    at_s: float
    mib: float


class Verdict(Struct, frozen=True, kw_only=True):
    """How a process's memory went. The first third of the run is left to it to fill its caches."""

    first_mib: float
    """At the first sample."""
    second_third_mib: float
    """Median of the second third of the run; as the next."""
    last_third_mib: float
    most_mib: float
    slope_mib_per_hour: float
    """Of a straight line through the last two thirds, by least squares."""
    flat: bool


def judge(samples: Sequence[Sample]) -> Verdict:
    """Return the verdict on samples, which are in the order of time.

    Raises:
        ValueError: they are too few to say anything.
    """
    if len(samples) < _LEAST_SAMPLES:
        raise ValueError(f"{len(samples)} samples say nothing: at least {_LEAST_SAMPLES} are needed")
    third_s = (samples[-1].at_s - samples[0].at_s) / 3
    warm = [each for each in samples if each.at_s >= samples[0].at_s + third_s]
    second = median(each.mib for each in warm if each.at_s < samples[0].at_s + 2 * third_s)
    last = median(each.mib for each in warm if each.at_s >= samples[0].at_s + 2 * third_s)
    slope, _ = linear_regression([each.at_s for each in warm], [each.mib for each in warm])
    return Verdict(
        first_mib=round(samples[0].mib, 1),
        second_third_mib=round(second, 1),
        last_third_mib=round(last, 1),
        most_mib=round(max(each.mib for each in samples), 1),
        slope_mib_per_hour=round(slope * 3_600, 1),
        flat=last <= second * (1 + TOLERANCE),
    )
