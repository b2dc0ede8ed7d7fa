"""How many brokers are connected, as librdkafka tells it."""

from __future__ import annotations

import json

from consumer.stream import brokers


def test_only_brokers_with_a_connection_count() -> None:
    """Addresses to start with, the coordinator's own entry and brokers that are down are left out."""
    told = {
        "brokers": {
            "127.0.0.1:1/bootstrap": {"nodeid": -1, "state": "UP"},
            "127.0.0.1:1/1": {"nodeid": 1, "state": "UP"},
            "127.0.0.1:2/2": {"nodeid": 2, "state": "TRY_CONNECT"},
            "GroupCoordinator": {"nodeid": -1, "state": "UP"},
        }
    }
    assert brokers.connected(json.dumps(told)) == 1
    assert brokers.connected("{}") == 0


def test_nobody_is_told_where_nobody_asks() -> None:
    """Without a listener the client gathers no statistics at all."""
    assert brokers.watching(None) == {}
