"""Holds the touches that are left in state against the reference: none forgotten, and no refused checksum."""

from __future__ import annotations

from operator import attrgetter

from consumer.attribution.touch import Kind
from consumer.demo.reference import History, LoggedForget, Sweep, touches_in_state
from consumer.state import touches
from tests.attribute.cluster import Cluster
from tests.attribute.endings import Account, check_endings, check_state
from tests.attribute.force import check_forced
from tests.attribute.scripts import Input


def check_everything(cluster: Cluster, given: Input) -> Account:
    """Hold what came of a world, after a last sweep, against the reference."""
    account = check_endings(cluster, given, swept=True)
    check_forced(cluster, given, account)
    check_erased(cluster, account)
    check_state(cluster)
    return account


def check_erased(cluster: Cluster, account: Account) -> None:
    """Make sure, after a last sweep, that every touch and checksum is gone that must be, and nothing else."""
    for sweep in account.history.facts.sweeps:
        if sweep.is_whole:
            wanted = {
                (visitor, touch.offset): (
                    *(touch.landed_at_ms, touch.session_id, touch.channel, touch.rule, touch.consent),
                    None if touch.is_erased else touch.checksum,
                )
                for visitor, known in touches_in_state(sweep, account.history).items()
                for touch in known
            }
            wanted |= {
                (request.visitor_id, request.offset): (request.timestamp_ms, "", None, None, None, None)
                for request in _last_requests(account.history, sweep)
            }
            kept = _kept(cluster, sweep.partition)
            wrong = {at for at in kept.keys() | wanted.keys() if kept.get(at) != wanted.get(at)}
            assert not wrong, f"these touches are not as they must be: {sorted(wrong)}"


def _last_requests(history: History, sweep: Sweep) -> list[LoggedForget]:
    """The last request that was read to forget each visitor: a marker of it is kept."""
    read = [each for each in history.requests if each.partition == sweep.partition and each.offset in sweep.sessions]
    return list({each.visitor_id: each for each in sorted(read, key=attrgetter("offset"))}.values())


def _kept(cluster: Cluster, partition: int) -> dict[tuple[str, int], tuple[object, ...]]:
    """What the touches in a partition's changelog say, by visitor and offset."""
    found: dict[tuple[str, int], tuple[object, ...]] = {}
    for key, value in cluster.restored(partition).items():
        if key.startswith(touches.PREFIX):
            touch = touches.decode(value)
            found[touches.visitor_of(key), touch.offset] = (
                *(touch.landed_at_ms, touch.session_id, touch.channel, touch.rule, touch.consent),
                touch.awc if touch.kind < Kind.ERASED else None,
            )
    return found
