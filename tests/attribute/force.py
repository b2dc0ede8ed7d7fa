"""Holds decisions by force against what was there to be read, and against the time."""

from __future__ import annotations

from consumer.demo.reference import is_forced_by_request
from tests.attribute.cluster import DECODE_CONVERSION, SESSIONS, Cluster
from tests.attribute.endings import Account, place_of
from tests.attribute.scripts import Input


def check_forced(cluster: Cluster, given: Input, account: Account) -> None:
    """Make sure that no order was forced before it was allowed, unless its visitor was to be forgotten."""
    at_requests = {order.place for order in given.orders if is_forced_by_request(order, account.history)}
    decided_ms = {place_of(DECODE_CONVERSION(record.value)): record.timestamp_ms for record in cluster.conversions()}
    shortest_s = min(cluster.settings.idle_wait_s, cluster.settings.max_hold_s)
    for place, conversion in account.conversions.items():
        if conversion.session_cut is not None and place not in at_requests:
            polled_ms, end = cluster.witness.polled[place]
            unread = [r.offset for r in cluster.log.records(SESSIONS, place[0], conversion.session_cut)]
            assert all(offset >= end for offset in unread)
            assert decided_ms[place] - polled_ms >= shortest_s * 1000
