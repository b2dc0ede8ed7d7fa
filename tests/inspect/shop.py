"""A shop whose sessions and orders a real attribute stage works on, so that what became of them can be explained."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from consumer.attribution.rules import Rulebook, Rules
from consumer.events import Consent, OrderCompleted, Position, Receipt, SessionLanded
from consumer.inspect.explanation import Explanation, explain
from consumer.inspect.reading import EVERYTHING
from consumer.inspect.search import Search
from consumer.settings import Topics
from consumer.simulation.again import OrderAgain
from consumer.stream.avro import ReceiptEncoder
from tests.attribute.cluster import (
    CONVERSIONS,
    DECODE_CONVERSION,
    ENCODE_ORDER,
    ENCODE_SESSION,
    NEVER_S,
    ORDER_STATE,
    ORDERS,
    PARTITIONS,
    SCHEMAS,
    SESSIONS,
    START_MS,
    TOUCHES,
    Cluster,
    Member,
)
from tests.inspect.log_reader import LogReader

PARTITION = 0
IDLE_WAIT_S = 10.0
TOPICS = Topics(touches=TOUCHES, orders=ORDER_STATE)


class Shop:
    """Records of one partition, worked on as they come.

    Args:
        rules: by which the stage decides.
        cut_over_ms: orders before are not ours.
        forces: whether orders are decided by force when `quiet` is called.
    """

    def __init__(self, rules: Rulebook | Rules, cut_over_ms: int = 0, *, forces: bool = False) -> None:
        self.cluster = Cluster(
            rules, cut_over_ms=cut_over_ms, idle_wait_s=IDLE_WAIT_S if forces else NEVER_S, flood_share=1.0
        )
        self.rulebook = self.cluster.rulebook
        self.cluster.log.create(TOPICS.receipt, PARTITIONS)
        self._member: Member | None = None

    def landed(
        self,
        at_s: float,
        url: str,
        visitor: str = "ann",
        consent: Consent | None = None,
        stamped_s: float | None = None,
        partition: int = PARTITION,
    ) -> None:
        """A landing so many seconds after the start, its record likewise."""
        event = SessionLanded(f"{visitor} at {at_s}", visitor, _ms(at_s), url, consent=consent)
        self._produce(SESSIONS, visitor, ENCODE_SESSION(event), at_s if stamped_s is None else stamped_s, partition)

    def ordered(self, ref: str, at_s: float = 0.0, visitor: str | None = "ann", **changes: Any) -> None:
        """An order so many seconds after the start, its record likewise; ``changes`` are to the event."""
        stamped_s, partition = changes.pop("stamped_s", at_s), changes.pop("partition", PARTITION)
        event = OrderCompleted(
            order_id=f"id of {ref}",
            order_ref=ref,
            completed_at_ms=_ms(at_s),
            currency="EUR",
            subtotal=Decimal(10),
            visitor_id=visitor,
        )
        self._produce(ORDERS, visitor or ref, ENCODE_ORDER(replace(event, **changes)), stamped_s, partition)

    def forget(self, at_s: float, visitor: str = "ann") -> None:
        """Ask the stage to forget a visitor."""
        self._produce(SESSIONS, visitor, None, at_s)

    def work(self) -> None:
        """Let the stage read everything and decide what it can."""
        if self._member is None:
            self._member = self.cluster.start()
        self.cluster.settle()

    def quiet(self) -> None:
        """Let so much time pass that everything pending is decided by force, where that is allowed."""
        self.cluster.wait(3 * IDLE_WAIT_S)

    def end(self, at_s: float) -> None:
        """Let time go on to there, event time by a landing of somebody else."""
        self.cluster.clock.advance(max(0.0, at_s - self.cluster.clock.elapsed_s))
        self.landed(at_s, "https://shop.example/", "zoe")
        self.work()

    def deliver(self) -> None:
        """Write a receipt for every conversion."""
        for record in self.cluster.conversions():
            decided = DECODE_CONVERSION(record.value)
            receipt = Receipt(
                programme=decided.programme,
                order_ref=decided.order_ref,
                ending="shadow",
                mode=decided.mode,
                attempts=0,
                unknown_attempts=0,
                possible_repeat=False,
                repeats=0,
                http_status=None,
                outcome=None,
                excerpt="",
                reason="",
                first_attempt_at_ms=None,
                finished_at_ms=record.timestamp_ms,
                completed_at_ms=decided.completed_at_ms,
                decidable_at_ms=decided.decidable_at_ms,
                fingerprint=decided.fingerprint,
                source=Position(record.topic, record.partition, record.offset),
            )
            value = ReceiptEncoder(SCHEMAS)(receipt)
            self.cluster.log.produce(TOPICS.receipt, record.key, value, record.partition)

    def expire_conversions(self) -> None:
        """Forget the outbox."""
        for partition in range(PARTITIONS):
            self.cluster.log.truncate(CONVERSIONS, partition, self.cluster.log.end_offset(CONVERSIONS, partition))

    def explained(self, ref: str, programmes: Sequence[str] = (), reader: LogReader | None = None) -> Explanation:
        """Return what is told about an order, by ``rulebook``."""
        names = programmes or [each.advertiser_id for each in self.rulebook.programmes]
        reader = reader or LogReader(self.cluster.log, (ORDER_STATE,))
        search = Search(reader, SCHEMAS, TOPICS, ("group", "deliver"), self.rulebook, EVERYTHING)
        programme, traces = search.find(names, ref)
        again = OrderAgain(reader, SCHEMAS, TOPICS, "group", self.rulebook)
        return explain(programme, ref, again.decide(programme, traces), self.rulebook)

    def _produce(self, topic: str, key: str, value: bytes | None, stamped_s: float, partition: int = PARTITION) -> None:
        self.cluster.log.produce(topic, key.encode(), value, partition, timestamp_ms=_ms(stamped_s))


def _ms(at_s: float) -> int:
    return START_MS + round(at_s * 1_000)
