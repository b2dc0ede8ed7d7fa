"""The end of a chaos run: everything is repaired, the load stops, all that is on its way arrives, and is looked at."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from consumer.events import Receipt
from consumer.stream.avro import DeadLetterDecoder, ReceiptDecoder
from tests.chaos.broker_faults import complete
from tests.chaos.faults import World
from tests.chaos.fleet import MEMBERS
from tests.chaos.leaks import leaks
from tests.chaos.orders import run
from tests.chaos.scene import API_KEY, CALLS_PER_MINUTE, MAX_OUTSTANDING, left_to_files
from tests.chaos.verdict import Evidence, Order
from tests.kafka.crash.verdict import Account

AUDIT_KNOWS_DEFERRED = True
"""Set it when `awin-consumer audit` takes the deferred lane into account: from then on its findings break a run."""
JUDGED_WITHIN_S = 90.0
DELIVERED_WITHIN_S = 90.0
_LOOK_EVERY_S = 1.0
_RESUME_EVERY_S = 15.0

Say = Callable[[str], object]
_Left = TypeVar("_Left")


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """What a run leaves."""

    evidence: Evidence
    account: Account
    audit: Mapping[str, Any]
    recorded_ms: Mapping[tuple[int, int], int]
    """When each order record came into Kafka, by partition and offset."""


def end(world: World, say: Say) -> Remains:
    """Repair, drain and stop everything, and collect what it leaves."""
    _repair(world)
    others = list(_judged(world, say))
    account = world.scenario.account()
    say(f"{account.orders} order records are judged, {account.forced} orders of them by force")
    _deliver(world, account, say)
    metrics = list(world.fleet.metrics())
    world.fleet.close()
    say("everything is stopped, and held against the reference")
    audit = json.loads(run(world.scenario.folder / f"{MEMBERS[-1]}.yaml", "audit", "--json", codes=(0, 1)))
    others += account.faults
    others += world.fleet.failures()
    for name, text in (*world.fleet.outputs(), *metrics):
        others += leaks(name, text, [API_KEY])
    if AUDIT_KNOWS_DEFERRED:
        others += [f"audit: {finding}" for finding in audit["findings"]]
    orders = world.scenario.read("order_completed")
    return Remains(
        evidence=_evidence(world, account, others),
        account=account,
        audit=audit,
        recorded_ms={(record.partition, record.offset): record.timestamp_ms for record in orders},
    )


def _evidence(world: World, account: Account, others: Sequence[str]) -> Evidence:
    decode = DeadLetterDecoder(world.scenario.schemas)
    letters = [decode(record.value, record.headers) for record in world.scenario.read("dead_letter")]
    return Evidence(
        expected=account.expected,
        receipts=_receipts(world),
        dead_letters=[letter for letter in letters if letter.stage == "deliver"],
        requests=world.awin.requests,
        violations=world.awin.violations,
        offline=left_to_files(),
        silences=world.orders.silences,
        calls_ms=[call.received_at_ms for call in world.awin.calls],
        calls_per_minute=CALLS_PER_MINUTE,
        max_outstanding=MAX_OUTSTANDING,
        interruptions=interruptions(world),
        others=others,
    )


def interruptions(world: World) -> int:
    """Count what lets an order reach Awin twice: deaths of deliver, and partitions that it lost or left with doubts.

    Doubts are left by attempts that outlast the drain budget, by a last commit that was refused, and by attempts of
    unknown outcome that were to be repeated.
    """
    deaths = sum(end.is_death for end in world.fleet.ends if end.member.startswith("deliver"))
    releases = world.fleet.told("deliver.released", "deliver")
    return deaths + sum(bool(release["lost"] or release["may_repeat"]) for release in releases)


def _repair(world: World) -> None:
    world.awin.accept()
    world.mood.calm()
    complete(world.kafka)
    for member in MEMBERS:
        world.fleet.start(member)
    for programme in world.orders.stopped():
        world.orders.resume(programme)


def _judged(world: World, say: Say) -> Iterator[str]:
    """Close the shop and wait for attribute; yield what it has left undone."""
    sessions, orders = world.scenario.close_shop()
    say(f"the shop is closed after {sessions} sessions and {orders} orders")
    left = _wait(world, lambda: world.scenario.unjudged(sessions, orders), JUDGED_WITHIN_S, done=(0, 0, 0))
    if left != (0, 0, 0):
        yield "attribute has not taken {} sessions and {} orders, and {} are pending".format(*left)


def _deliver(world: World, account: Account, say: Say) -> None:
    """Wait until no order is put off or on its way any more; a programme that stops meanwhile is resumed."""
    wanted = {(each.programme, each.order_ref) for each in account.expected if each.ending == "conversion"}
    resumed_s = time.monotonic()

    def left() -> int:
        nonlocal resumed_s
        if time.monotonic() - resumed_s >= _RESUME_EVERY_S:
            resumed_s = time.monotonic()
            for programme in world.orders.stopped():
                say(f"programme {programme} was stopped again, and is resumed")
                world.orders.resume(programme)
        newest = {(receipt.programme, receipt.order_ref): receipt for receipt in _receipts(world)}
        return sum(order not in newest or _is_put_off(order, newest[order]) for order in wanted)

    _wait(world, left, DELIVERED_WITHIN_S, done=0)


def _is_put_off(order: Order, receipt: Receipt) -> bool:
    return receipt.ending == "deferred" and order[0] not in left_to_files()


def _wait(world: World, left: Callable[[], _Left], timeout_s: float, *, done: _Left) -> _Left:
    """Wait until nothing is left, tending the members, and return what is left in the end."""
    until_s = time.monotonic() + timeout_s
    while (found := left()) != done and time.monotonic() < until_s:
        world.fleet.tend()
        time.sleep(_LOOK_EVERY_S)
    return found


def _receipts(world: World) -> list[Receipt]:
    decode = ReceiptDecoder(world.scenario.schemas)
    return [decode(record.value) for record in world.scenario.read("receipt")]
