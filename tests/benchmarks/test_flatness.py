"""When memory counts as flat."""

from __future__ import annotations

import pytest

from benchmarks.flatness import Sample, judge


def test_filling_caches_first_is_flat() -> None:
    """What grows only in the first third is no leak."""
    verdict = judge([Sample(float(second), min(100.0 + second, 400.0)) for second in range(900)])
    assert verdict.flat
    assert (verdict.first_mib, verdict.most_mib, verdict.slope_mib_per_hour) == (100.0, 400.0, 0.0)


def test_a_leak_is_not_flat() -> None:
    """Steady growth shows as a slope, however small the steps."""
    verdict = judge([Sample(float(second), 200.0 + second / 10) for second in range(900)])
    assert not verdict.flat
    assert verdict.slope_mib_per_hour == pytest.approx(360.0)


def test_garbage_that_comes_and_goes_is_flat() -> None:
    """A saw that always falls back to where it was does not grow."""
    assert judge([Sample(float(second), 200.0 + second % 60) for second in range(900)]).flat


def test_too_few_samples_say_nothing() -> None:
    """A run that hardly began has no verdict."""
    with pytest.raises(ValueError, match="samples"):
        judge([Sample(0.0, 1.0)])
