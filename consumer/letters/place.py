"""Where a dead letter stands, as people write it: ``3@1207`` is offset 1207 of partition 3. Pure."""

from __future__ import annotations

import re

from consumer.events import Position

_PLACE = re.compile(r"(?:(?P<topic>.+)\[(?P<in>\d+)\]|(?P<partition>\d+))@(?P<offset>\d+)")


def written(at: Position) -> str:
    """Write a place without its topic."""
    return f"{at.partition}@{at.offset}"


def parse(text: str, topic: str) -> Position | None:
    """Read a place in a topic, with or without its name: ``3@1207`` or ``awin.dead-letter[3]@1207``.

    Returns ``None`` for what is none, or is one in another topic.
    """
    found = _PLACE.fullmatch(text)
    if found is None or found["topic"] not in {None, topic}:
        return None
    return Position(topic, int(found["partition"] or found["in"]), int(found["offset"]))
