"""Places as people write them."""

from __future__ import annotations

import pytest

from consumer.events import Position
from consumer.letters import place

AT = Position("awin.dead-letter", 3, 1207)


def test_what_is_written_is_read() -> None:
    """Without the topic, since there is one."""
    assert place.written(AT) == "3@1207"
    assert place.parse(place.written(AT), AT.topic) == AT


def test_the_form_of_messages_is_read_too() -> None:
    """With the topic's name."""
    assert place.parse("awin.dead-letter[3]@1207", AT.topic) == AT


@pytest.mark.parametrize("text", ["", "3", "3@", "@7", "3@x", "-1@7", "other[3]@1207", "[3]@1207", "3@1207 "])
def test_what_is_no_place_is_none(text: str) -> None:
    """Nor is one in another topic."""
    assert place.parse(text, AT.topic) is None
