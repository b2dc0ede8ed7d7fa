"""What an owner leaves in the commit metadata can be read by the next one, or is refused."""

from __future__ import annotations

import pytest

from consumer.delivery import mark
from consumer.delivery.mark import Mark
from consumer.errors import StateError


def test_a_mark_survives_the_metadata() -> None:
    """What is written is read back, and is far smaller than Kafka allows."""
    counts = dict.fromkeys(("delivered", "shadow", "dead_letter", "repeat"), 10**12)
    left = Mark(suspects=10_000, counts=counts)
    text = mark.dump(left)
    assert mark.load(text, "awin.conversion[3]") == left
    assert len(text) < 400


def test_no_metadata_is_no_mark() -> None:
    """An offset that an operator set has no mark."""
    assert mark.load("", "awin.conversion[3]") is None


@pytest.mark.parametrize("text", ["hello", "[]", '{"version":"x"}', '{"version":1}'])
def test_foreign_metadata_is_refused(text: str) -> None:
    """Metadata that we did not write stops the stage and names the partition."""
    with pytest.raises(StateError, match=r"awin\.conversion\[3\].*not ours"):
        mark.load(text, "awin.conversion[3]")


def test_a_newer_mark_is_refused() -> None:
    """A version that we do not know stops the stage."""
    with pytest.raises(StateError, match="version 2"):
        mark.load('{"version":2,"suspects":"all"}', "awin.conversion[3]")
