"""What no process of the product may say: promise 7 of the design. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_PERSONAL = {
    "a click checksum": re.compile(r"[0-9]+_[0-9]{9,}_[0-9A-Za-z]{8,}|gclid_[0-9]+_|gclid=|awc=", re.IGNORECASE),
    "a visitor's id": re.compile(r"visitor-[0-9a-f]{12}"),
    "an address": re.compile(r"https?://|sread\.php|/s2s/|www\.shop\.example"),
}


def leaks(name: str, output: str, keys: Iterable[str]) -> Iterator[str]:
    """Yield what a process told that is personal or secret: the kind of it once, and how often; never itself.

    Args:
        name: who told it.
        output: all that it wrote.
        keys: API keys.
    """
    for what, pattern in _PERSONAL.items():
        lines = [number for number, line in enumerate(output.splitlines(), 1) if pattern.search(line)]
        if lines:
            yield f"{name} tells {what} in line {lines[0]}, and in {len(lines) - 1} others"
    times = sum(output.count(key) for key in keys)
    if times:
        yield f"{name} tells an API key {times} times"
