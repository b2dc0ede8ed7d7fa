"""A deliver stage on an in-memory log and a stand-in Awin, and what a reader of the topics sees of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any, Literal

from consumer.delivery import mark, sent
from consumer.delivery.attempt.batches import ConversionApi
from consumer.delivery.attempt.keys import ApiKeys
from consumer.delivery.attempt.method import Sread
from consumer.delivery.attempt.sender import transport
from consumer.delivery.control import Orders
from consumer.delivery.mark import Mark
from consumer.delivery.opening import OutboxFacts
from consumer.delivery.pacing.limiter import RateLimiter
from consumer.delivery.settings import DeliverSettings
from consumer.delivery.stage import DeliverStage
from consumer.demo.awin import StandInAwin
from consumer.events import Control, Conversion, DeadLetter, ProgrammeState, Receipt
from consumer.state.memory import MemoryStore
from consumer.state.restore import Restorer
from consumer.state.table import Table
from consumer.stream.avro import ControlDecoder, ControlEncoder, DeadLetterDecoder
from consumer.stream.changelog_memory import MemoryChangelogReader
from consumer.stream.feed_memory import MemoryFeed
from consumer.stream.log import Committed, RebalanceListener, Source, TopicPartition, Transaction
from consumer.stream.memory import Chooser, MemoryLog, MemorySource, MemoryTransaction, in_order
from tests.delivery.conversions import T0_MS, codecs, encoded, key_of, schemas
from tests.delivery.recording import RecordingMetrics

GROUP = "group"
INPUTS = ("awin.conversion", "awin.deferred")
DAY_MS = 86_400_000


class Member:
    """One instance: a stage with what it owns."""

    def __init__(self, world: World, name: str, settings: DeliverSettings, store: MemoryStore) -> None:
        self.name = name
        self.store = store
        self.metrics = RecordingMetrics()
        self.poll_clock: Callable[[], float] = time.monotonic
        self._world = world
        table = Table(
            store, "awin.receipt", "receipt-id", sent.changes_of, max_checkpoint_age_ms=DAY_MS, now_ms=world.now
        )
        restorer = Restorer(
            [table],
            INPUTS,
            lambda: MemoryChangelogReader(world.log, GROUP),
            background=False,
        )
        self.stage = DeliverStage(
            settings,
            open_source=self._open_source,
            open_transaction=self._open_transaction,
            table=table,
            restorer=restorer,
            codecs=codecs(),
            methods={"sread": Sread(settings.endpoint), "conversion_api": world.api(settings)},
            paces=world.paces,
            orders=Orders(
                MemoryFeed(world.log, "awin.control"),
                ControlDecoder(schemas()),
                ControlEncoder(schemas()),
                instance=name,
                monotonic_s=time.monotonic,
                now_ms=world.now,
                interval_s=0.0,
            ),
            http=transport(settings),
            metrics=self.metrics,
            random=Random(1),
            monotonic_s=time.monotonic,
            now_ms=world.now,
            facts=lambda: world.facts,
        )

    def _open_source(self, listener: RebalanceListener) -> Source:
        self.source = MemorySource(
            self._world.log,
            INPUTS,
            listener,
            group=GROUP,
            member=self.name,
            chooser=self._world.chooser,
            monotonic=self._poll_time,
        )
        return self.source

    def _poll_time(self) -> float:
        return self.poll_clock()

    def _open_transaction(self, _: Source) -> Transaction:
        self.transaction = MemoryTransaction(self._world.log, f"deliver-{self.name}", self.source)
        return self.transaction

    def run_until(self, done: Callable[[], bool], timeout_s: float = 20.0) -> None:
        """Step until something has come about."""
        deadline_s = time.monotonic() + timeout_s
        while not done():
            assert time.monotonic() < deadline_s, "it did not come about"
            self.stage.step(0.01)

    def run_for(self, seconds: float) -> None:
        """Step for a while, for what must not come about."""
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            self.stage.step(0.01)

    def crash(self) -> None:
        """Die as a killed process does: connections break off, nothing is said, and the group notices."""
        self.stage._worker.close()
        self._world.log.expel(self.name, GROUP)
        self._world.log.take_over(f"deliver-{self.name}")


class World:
    """The log, the stand-in, and a wall clock that stands still."""

    def __init__(self, awin: StandInAwin, *, partitions: int = 1, chooser: Chooser = in_order) -> None:
        self.awin = awin
        self.now_ms = T0_MS + 60_000
        self.chooser = chooser
        self.facts = OutboxFacts("receipt-id", partitions)
        self.log = MemoryLog(
            {
                **dict.fromkeys((*INPUTS, "awin.receipt"), partitions),
                "awin.dead-letter": 1,
                "awin.control": 1,
            },
            clock_ms=self.now,
        )
        self.keys: dict[str, Path] = {}
        """File of each programme's key for the Conversion API."""
        self.gather_s = 0.05
        """How long orders wait for others to share a call with."""
        self.paces: dict[str, RateLimiter] = {}
        self._members: list[Member] = []

    def now(self) -> int:
        """Return the wall clock's time."""
        return self.now_ms

    def member(
        self,
        name: str = "a",
        *,
        store: MemoryStore | None = None,
        max_outstanding: int = 8,
        read_timeout_ms: int = 2_000,
        retry_base_ms: int = 20,
        retry_cap_ms: int = 60,
        max_attempts: int = 3,
        drain_budget_ms: int = 2_000,
        unknown_outcome: Literal["retry", "park"] = "retry",
        alone: bool = True,
        **others: Any,
    ) -> Member:
        """Start an instance, by itself with all partitions unless told otherwise; ``others`` are `DeliverSettings`."""
        settings = DeliverSettings(
            endpoint=self.awin.endpoint,
            max_outstanding=max_outstanding,
            read_timeout_ms=read_timeout_ms,
            retry_base_ms=retry_base_ms,
            retry_cap_ms=retry_cap_ms,
            max_attempts=max_attempts,
            drain_budget_ms=drain_budget_ms,
            unknown_outcome=unknown_outcome,
            group_commit_ms=20,
            **others,
        )
        started = Member(self, name, settings, MemoryStore() if store is None else store)
        self._members.append(started)
        if alone:
            self.log.rebalance({name: self.log.partitions(*INPUTS)}, GROUP)
        return started

    def produce(self, *conversions: Conversion) -> None:
        """Append conversions to the outbox."""
        for conversion in conversions:
            self.log.produce("awin.conversion", key_of(conversion), encoded(conversion))

    def api(self, settings: DeliverSettings) -> ConversionApi:
        """Return the Conversion API with the keys that there are."""
        return ConversionApi(
            self.awin.api_endpoint,
            ApiKeys(self.keys),
            most=min(1_000, settings.max_outstanding),
            gather_s=self.gather_s,
        )

    def order(self, programme: str, state: ProgrammeState) -> None:
        """Order something of a programme, as the command line does."""
        control = Control(programme=programme, state=state, reason="test", changed_at_ms=self.now_ms, changed_by="test")
        self.log.produce("awin.control", programme.encode(), ControlEncoder(schemas())(control), 0)

    def orders(self) -> list[tuple[str, ProgrammeState]]:
        """Return everything that was ordered."""
        decode = ControlDecoder(schemas())
        orders = [decode(record.value) for record in self.log.records("awin.control", 0)]
        return [(control.programme, control.state) for control in orders]

    def receipts(self) -> dict[str, Receipt]:
        """Return the newest receipt of each order."""
        return {receipt.order_ref: receipt for receipt in self.all_receipts()}

    def all_receipts(self) -> list[Receipt]:
        """Return every receipt."""
        partitions = [each.partition for each in self.log.partitions("awin.receipt")]
        return [
            codecs().read_receipt(record.value, ())
            for partition in partitions
            for record in self.log.records("awin.receipt", partition)
        ]

    def dead_letters(self) -> list[DeadLetter]:
        """Return every dead letter."""
        decode = DeadLetterDecoder(schemas())
        return [decode(record.value) for record in self.log.records("awin.dead-letter", 0)]

    def committed(self, partition: int = 0, topic: str = "awin.conversion") -> Committed | None:
        """Return the group's position in a partition of the outbox, or of the deferred conversions."""
        return self.log.group(GROUP).committed.get(TopicPartition(topic, partition))

    def mark(self, partition: int = 0, topic: str = "awin.conversion") -> Mark:
        """Return what the last commit left for the next owner."""
        committed = self.committed(partition, topic)
        assert committed is not None
        left = mark.load(committed.metadata, topic)
        assert left is not None
        return left

    def has_receipts(self, *refs: str) -> Callable[[], bool]:
        """Return a condition: all of these orders have a receipt."""
        return lambda: set(refs) <= self.receipts().keys()

    def close(self) -> None:
        """End every instance's thread."""
        for member in self._members:
            member.stage._worker.close()


def refs(count: int) -> Sequence[str]:
    """Return so many order references."""
    return [f"A-{number}" for number in range(count)]
