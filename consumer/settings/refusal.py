"""What is wrong with settings, in the words of whoever wrote them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from pydantic import ValidationError
from pydantic_core import ErrorDetails

_KEY = "[key]"
"""Ends a place where not the value is wrong but its key."""
_MESSAGES: Mapping[str, str] = {
    "extra_forbidden": "there is no such setting",
    "missing": "is required",
    "string_type": "must be text: write it in quotes",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "too_short": "must not be empty",
}


def faults(error: ValidationError) -> Iterator[str]:
    """Yield what is wrong, each with its place as in ``programmes[0].when.market`` and without its value."""
    details = error.errors(include_input=False, include_url=False)
    places = [each["loc"] for each in details]
    for each in details:
        # A list of which an item is wrong is told to be empty, too.
        if each["type"] == "too_short" and any(_is_within(place, each["loc"]) for place in places):
            continue
        place = _written(each["loc"])
        yield f"{place}: {_message(each)}" if place else _message(each)


def _is_within(place: Sequence[int | str], other: Sequence[int | str]) -> bool:
    return len(place) > len(other) and place[: len(other)] == other


def _written(place: Sequence[int | str]) -> str:
    text = ""
    for part, following in zip_longest(place, place[1:]):
        if isinstance(part, int) and following != _KEY:
            text += f"[{part}]"
        elif part != _KEY:
            text += f".{part}" if text else str(part)
    return text


def _message(error: ErrorDetails) -> str:
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    return _MESSAGES.get(error["type"]) or error["msg"].removeprefix("Input ").removeprefix("String ")
