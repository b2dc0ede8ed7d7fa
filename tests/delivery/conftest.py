"""What the tests of delivery share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from consumer.demo.awin import StandInAwin
from tests.delivery.stages import World


@pytest.fixture
def stand_in() -> Iterator[StandInAwin]:
    """A strict Awin on this machine."""
    with StandInAwin(strict=True) as running:
        yield running


@pytest.fixture
def world(stand_in: StandInAwin) -> Iterator[World]:
    """An outbox of one partition."""
    made = World(stand_in)
    yield made
    made.close()
