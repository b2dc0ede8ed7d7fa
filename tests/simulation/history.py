"""History as the attribute stage leaves it, and simulations of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from consumer.attribution.rules import Rulebook
from consumer.demo.reference import LoggedForget, LoggedOrder, LoggedSession
from consumer.events import Consent, OrderCompleted, SessionLanded
from consumer.settings import Topics
from consumer.simulation.decision import Decision, decision_of
from consumer.simulation.extent import Range
from consumer.simulation.report import Change, Report
from consumer.simulation.simulation import Simulation
from consumer.state.memory import MemoryStore
from tests.attribute.cluster import (
    DECODE_CONVERSION,
    NEVER_S,
    ORDER_STATE,
    SCHEMAS,
    SESSIONS,
    TOUCHES,
    Cluster,
)
from tests.attribute.scripts import produce
from tests.inspect.log_reader import LogReader

Logged = LoggedSession | LoggedOrder
Place = tuple[int, int]
Pair = tuple[Decision | None, Decision | None]

EVERYTHING = Range(0, None)
NOON_MS = 1_700_000_000_000
IDLE_WAIT_S = 10.0
LAST_MS = 2_000_000_000_000
MAX_MESSAGE_BYTES = 100_000


class History:
    """A cluster of one member that works on records as they come.

    Args:
        rulebook: by which it decides.
        cut_over_ms: orders before are not ours.
        forces: whether orders are decided by force when `quiet` is called.
    """

    def __init__(self, rulebook: Rulebook, cut_over_ms: int = 0, *, forces: bool = False) -> None:
        self.rulebook = rulebook
        self.cluster = Cluster(
            rulebook,
            cut_over_ms=cut_over_ms,
            idle_wait_s=IDLE_WAIT_S if forces else NEVER_S,
            max_message_bytes=MAX_MESSAGE_BYTES,
            flood_share=1.0,
        )
        self.orders: dict[Place, LoggedOrder] = {}
        self._member_runs = False

    def produce(self, records: Iterable[Logged | LoggedForget]) -> None:
        """Append records; whoever reads them has not yet."""
        for record in records:
            made = produce(self.cluster.log, record)
            if isinstance(record, LoggedOrder):
                self.orders[record.partition, made.offset] = record

    def work(self) -> None:
        """Let the stage read everything and decide what it can."""
        if not self._member_runs:
            self.cluster.start()
            self._member_runs = True
        self.cluster.settle()

    def quiet(self) -> None:
        """Let so much time pass that everything pending is decided by force, where that is allowed."""
        self.cluster.wait(3 * IDLE_WAIT_S)

    def sweep(self) -> None:
        """Let the stage erase what was refused."""
        self.cluster.clock.advance(self.cluster.settings.sweep_interval_s)
        self.cluster.settle()
        self.cluster.step(5)
        self.cluster.settle()

    def forget(self, visitor: str, partition: int) -> None:
        """Ask the stage to forget a visitor."""
        self.cluster.log.produce(SESSIONS, visitor.encode(), None, partition)

    def end(self) -> None:
        """Let event time go on until nothing is pending."""
        for partition in (0, 1):
            event = SessionLanded("last", "last", LAST_MS, "https://shop.example/")
            self.produce([LoggedSession(partition, 0, LAST_MS, event)])
        self.work()

    def decisions(self) -> dict[Place, Decision]:
        """Return what was decided, by where the order stands."""
        found = (DECODE_CONVERSION(record.value) for record in self.cluster.conversions())
        return {(each.source.partition, each.source.offset): decision_of(each) for each in found}

    def simulate(self, other: Rulebook, wanted: Range = EVERYTHING) -> Report:
        """Decide it again."""
        return self.simulation(other).run(wanted)

    def simulation(self, other: Rulebook, reader: LogReader | None = None) -> Simulation:
        """Return a simulation."""
        topics = Topics(touches=TOUCHES, orders=ORDER_STATE, max_message_bytes=MAX_MESSAGE_BYTES)
        return Simulation(
            reader or LogReader(self.cluster.log),
            SCHEMAS,
            topics,
            "group",
            present=self.rulebook,
            other=other,
            store=MemoryStore(),
        )


def history(rulebook: Rulebook, records: Sequence[Logged | LoggedForget], cut_over_ms: int = 0) -> History:
    """Return a history in which all of these were read, and decided by the watermark."""
    made = History(rulebook, cut_over_ms)
    made.produce(records)
    made.work()
    made.end()
    return made


def landed(
    at_s: float,
    url: str,
    visitor: str = "ann",
    *,
    consent: Consent | None = None,
    partition: int = 0,
    stamped_s: float | None = None,
) -> LoggedSession:
    """A landing so many seconds after noon, its record likewise."""
    at_ms = NOON_MS + round(at_s * 1_000)
    event = SessionLanded(f"{visitor} at {at_s}", visitor, at_ms, url, consent=consent)
    return LoggedSession(partition, 0, _stamped(at_ms, stamped_s), event)


def ordered(
    ref: str,
    at_s: float = 0.0,
    visitor: str | None = "ann",
    *,
    partition: int = 0,
    stamped_s: float | None = None,
    **changes: Any,
) -> LoggedOrder:
    """An order so many seconds after noon, its record likewise; ``changes`` are to the event."""
    at_ms = NOON_MS + round(at_s * 1_000)
    order = OrderCompleted(
        order_id=f"id of {ref}",
        order_ref=ref,
        completed_at_ms=at_ms,
        currency="EUR",
        subtotal=Decimal(10),
        visitor_id=visitor,
    )
    return LoggedOrder(partition, 0, _stamped(at_ms, stamped_s), replace(order, **changes))


def changed(report: Report) -> dict[Place, Pair]:
    """Return what a report says was and would be decided, by where the order stands."""
    return {_place(change): (change.before, change.after) for change in report.changes}


def _stamped(at_ms: int, stamped_s: float | None) -> int:
    return at_ms if stamped_s is None else NOON_MS + round(stamped_s * 1_000)


def _place(change: Change) -> Place:
    return change.at.partition, change.at.offset
