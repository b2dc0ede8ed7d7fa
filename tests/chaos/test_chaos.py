"""Eight faults of a fixed schedule; ``make chaos`` is the long run."""

from __future__ import annotations

import sys

import pytest

from tests.chaos.run import chaos
from tests.chaos.schedule import FIXED

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(300)]

SEED = 20
SECONDS = 76.0


def test_eight_faults_break_no_promise() -> None:
    """Three brokers, two members of each stage, a troubled Awin: nothing lost or wrong, repeats bounded and flagged."""
    found = chaos(SEED, FIXED, SECONDS, say=lambda text: sys.stderr.write(f"{text}\n"))
    assert found.broken == ()
    assert found.orders > 200
    assert found.delivered + found.rejected >= found.orders
    assert found.interruptions > 0
    assert sum(cost.times for cost in found.faults) == len(FIXED)
