"""How many brokers a client is connected to, out of librdkafka's statistics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

INTERVAL_MS = 5_000
"""How often librdkafka tells: the statistics of a client with many partitions are long."""

_decode = msgspec.json.Decoder().decode


def connected(statistics: str) -> int:
    """Return how many brokers the client has a connection to; those it knows only by a bootstrap address aside."""
    brokers: Mapping[str, Mapping[str, Any]] = _decode(statistics).get("brokers", {})
    return sum(1 for each in brokers.values() if each.get("nodeid", -1) >= 0 and each.get("state") == "UP")


def watching(on_brokers: Callable[[int], None] | None) -> dict[str, object]:
    """Return the librdkafka properties that have ``on_brokers`` told how many are connected, from inside `poll`."""
    if on_brokers is None:
        return {}
    return {
        "statistics.interval.ms": INTERVAL_MS,
        "stats_cb": lambda statistics: on_brokers(connected(statistics)),
    }
