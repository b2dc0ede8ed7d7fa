"""Instances of the attribute stage on one in-memory log, under a clock that only a test moves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from consumer.attribute.conversion_counts import ConversionCounts
from consumer.attribute.noticed import Noticed
from consumer.attribute.ports import AttributeSettings, Decoders, Encoders, InputFacts, PartitionStanding
from consumer.attribute.stage import AttributeStage
from consumer.attribution.rules import Rulebook, Rules
from consumer.errors import Fenced
from consumer.stage_metrics import AbortReason, Behind, RebalanceEvent
from consumer.state import orders, touches
from consumer.state.memory import MemoryStore
from consumer.state.restore import Restorer
from consumer.state.store import Change
from consumer.state.table import Table
from consumer.stream.avro import (
    ConversionDecoder,
    ConversionEncoder,
    DeadLetterDecoder,
    DeadLetterEncoder,
    OrderDecoder,
    OrderEncoder,
    SessionDecoder,
    SessionEncoder,
)
from consumer.stream.changelog_memory import MemoryChangelogReader
from consumer.stream.log import RebalanceListener, Record, Source, TopicPartition, Transaction
from consumer.stream.memory import Chooser, MemoryLog, MemoryTransaction, in_order
from consumer.stream.schemas import Schemas
from tests.attribute.witness import WatchedSource, WatchedTable, WatchedTransaction, Witness

SESSIONS, ORDERS = INPUTS = ("session.landed", "order.completed")
CONVERSIONS, DEAD_LETTERS = "awin.conversion", "awin.dead-letter"
TOUCHES, ORDER_STATE = "touches", "orders"
PARTITIONS = 2
FACTS = InputFacts("session-id", "order-id", PARTITIONS, "touches-id")

SCHEMAS = Schemas.load()
ENCODE_SESSION, ENCODE_ORDER = SessionEncoder(SCHEMAS), OrderEncoder(SCHEMAS)
DECODE_CONVERSION, DECODE_DEAD_LETTER = ConversionDecoder(SCHEMAS), DeadLetterDecoder(SCHEMAS)

START_MS = 1_700_001_000_000
NEVER_S = 1e9


class Clock:
    """Both clocks of a machine, standing still until `advance`."""

    def __init__(self) -> None:
        self.elapsed_s = 0.0

    def monotonic_s(self) -> float:
        """Seconds."""
        return self.elapsed_s

    def now_ms(self) -> int:
        """Milliseconds UTC."""
        return START_MS + round(self.elapsed_s * 1000)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.elapsed_s += seconds


class Metrics:
    """An `AttributeMetrics` that counts what happens."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.value: dict[tuple[str, str, str], Decimal] = {}
        self.most_pending = 0
        self.standings: Mapping[int, PartitionStanding] = {}
        self.inputs: Mapping[TopicPartition, Behind] = {}
        self.oldest_ms: Mapping[int, int] = {}
        self.lateness_ms: list[int] = []
        self.loop_s: Counter[str] = Counter()

    def records(self, topic: str, count: int) -> None:
        self.counts[topic] += count

    def written(self, topic: str, count: int) -> None:
        self.counts[f"{topic} written"] += count

    def orders(self, ending: str, count: int) -> None:
        self.counts[ending] += count

    def dead_letters(self, reason: str, count: int) -> None:
        self.counts[reason] += count

    def conversions(self, counts: ConversionCounts) -> None:
        for (programme, channel, currency), count in counts.written.items():
            self.counts[f"{programme} {channel}"] += count
            kind = programme, channel, currency
            self.value[kind] = self.value.get(kind, Decimal(0)) + counts.value[kind]
        self.counts.update(counts.notes)
        for name, by_programme in (
            ("due", counts.due),
            ("with checksum", counts.with_checksum),
            ("default group", counts.default_group),
            ("test", counts.test),
        ):
            self.counts[name] += by_programme.total()
        self.counts["forced"] += counts.forced

    def noticed(self, noticed: Noticed) -> None:
        self.counts["sessions"] += noticed.sessions
        self.counts["sessions with query"] += noticed.sessions_with_query
        self.counts["checksums"] += sum(noticed.checksums.values())
        self.counts["malformed_checksums"] += noticed.malformed_checksums
        self.lateness_ms += noticed.lateness_ms
        self.counts["erased orders"] += noticed.forgotten_orders
        self.counts["erased visitors"] += noticed.forgotten_visitors
        self.counts["erased checksums"] += noticed.erased_checksums

    def behind(self, inputs: Mapping[TopicPartition, Behind]) -> None:
        assert all(each.records >= 0 for each in inputs.values())
        self.inputs = dict(inputs)

    def partitions(self, standings: Mapping[int, PartitionStanding]) -> None:
        self.standings = dict(standings)
        self.most_pending = max([self.most_pending, *(each.pending for each in standings.values())])

    def oldest(self, entered_at_ms: Mapping[int, int]) -> None:
        self.oldest_ms = dict(entered_at_ms)

    def committed(self, seconds: float) -> None:
        assert seconds >= 0
        self.counts["committed"] += 1

    def aborted(self, reason: AbortReason) -> None:
        self.counts[f"aborted {reason}"] += 1

    def rebalanced(self, event: RebalanceEvent) -> None:
        self.counts[event] += 1

    def released(self, partitions: Sequence[int]) -> None:
        self.counts["released"] += len(partitions)

    def restored(self, seconds: float, changes: int) -> None:
        assert seconds >= 0
        self.counts["restored changes"] += changes

    def loop(self, seconds: Mapping[str, float]) -> None:
        assert all(spent_s >= 0 for spent_s in seconds.values())
        self.loop_s.update(seconds)


class Disk:
    """An instance's local state."""

    def __init__(self, touch_store: MemoryStore | None = None, order_store: MemoryStore | None = None) -> None:
        self.touches = touch_store or MemoryStore()
        self.orders = order_store or MemoryStore()

    def survivor(self) -> Disk:
        """What a new process finds of it: everything up to the last flush."""
        return Disk(self.touches.survivor(), self.orders.survivor())

    def flush(self) -> None:
        """Let it survive."""
        self.touches.flush()
        self.orders.flush()

    def tables(self, now_ms: Callable[[], int]) -> tuple[WatchedTable, Table]:
        """The two tables that the stage works with."""
        day_ms = 86_400_000
        return (
            WatchedTable(self.touches, TOUCHES, "t", touches.changes_of, max_checkpoint_age_ms=day_ms, now_ms=now_ms),
            Table(self.orders, ORDER_STATE, "o", orders.changes_of, max_checkpoint_age_ms=day_ms, now_ms=now_ms),
        )


class Member:
    """One instance: a stage with what it owns."""

    def __init__(self, cluster: Cluster, name: str, disk: Disk, chooser: Chooser) -> None:
        self.name = name
        self.disk = disk
        self.metrics = Metrics()
        self._cluster = cluster
        self._chooser = chooser
        self.tables = disk.tables(cluster.clock.now_ms)
        self.restorer = Restorer(
            self.tables,
            INPUTS,
            lambda: MemoryChangelogReader(cluster.log, batch_records=3),
            background=False,
            monotonic=cluster.clock.monotonic_s,
        )
        self.stage = AttributeStage(
            cluster.settings,
            cluster.rulebook,
            open_source=self._open_source,
            open_transaction=self._open_transaction,
            facts=cluster.facts,
            touch_table=self.tables[0],
            order_table=self.tables[1],
            restorer=self.restorer,
            decoders=cluster.decoders,
            encoders=Encoders(ConversionEncoder(SCHEMAS), DeadLetterEncoder(SCHEMAS)),
            metrics=self.metrics,
            monotonic_s=cluster.clock.monotonic_s,
            now_ms=cluster.clock.now_ms,
        )
        self.tables[0].on_look = self.source.looked_through

    def _open_source(self, listener: RebalanceListener) -> Source:
        self.source = self._cluster.open_source(self._cluster.witness, listener, self.name, self._chooser)
        return self.source

    def _open_transaction(self, _: Source) -> Transaction:
        limit = self._cluster.settings.max_message_bytes
        self.transaction = self._cluster.open_transaction(
            self._cluster.log, f"attribute-{self.name}", self.source, limit
        )
        return self.transaction

    def step(self, times: int = 1) -> None:
        """Turn the loop; a member whose commit had no known outcome ends and starts again, as its process would."""
        try:
            for _ in range(times):
                self.stage.step(0)
        except Fenced:
            self._cluster.crash(self.name)
            self._cluster.start(self.name, self.disk)

    def state(self, partition: int) -> dict[bytes, bytes]:
        """Everything that this member's tables hold of a partition."""
        return {key: value for table in self.tables for key, value in table.scan(partition, b"")}


class Cluster:
    """The log, the clock and the group. ``rules`` may be those of a single programme."""

    def __init__(
        self,
        rules: Rulebook | Rules,
        *,
        cut_over_ms: int | None = 0,
        idle_wait_s: float = NEVER_S,
        max_hold_s: float = NEVER_S,
        max_poll_records: int = 100,
        max_waiting_orders: int = 2,
        max_message_bytes: int = 1_000_000,
        flood_share: float = 0.5,
        lag_interval_s: float = 1.0,
        decoders: Decoders | None = None,
        open_source: Callable[[Witness, RebalanceListener, str, Chooser], WatchedSource] = WatchedSource,
        open_transaction: Callable[[MemoryLog, str, WatchedSource, int], MemoryTransaction] = WatchedTransaction,
    ) -> None:
        self.rulebook = rules if isinstance(rules, Rulebook) else Rulebook((rules,))
        self.clock = Clock()
        self.facts: Callable[[], InputFacts] = lambda: FACTS
        self.decoders = decoders or Decoders(SessionDecoder(SCHEMAS), OrderDecoder(SCHEMAS))
        self.open_source = open_source
        self.open_transaction = open_transaction
        topics = dict.fromkeys((*INPUTS, CONVERSIONS, TOUCHES, ORDER_STATE), PARTITIONS)
        self.log = MemoryLog({**topics, DEAD_LETTERS: 1}, clock_ms=self.clock.now_ms)
        self.members: dict[str, Member] = {}
        self.settings = AttributeSettings(
            session_topic=SESSIONS,
            order_topic=ORDERS,
            conversion_topic=CONVERSIONS,
            dead_letter_topic=DEAD_LETTERS,
            touches_topic=TOUCHES,
            orders_topic=ORDER_STATE,
            cut_over_ms=cut_over_ms,
            idle_wait_s=idle_wait_s,
            max_hold_s=max_hold_s,
            flood_share=flood_share,
            check_keys=False,  # worlds put visitors where they like
            max_message_bytes=max_message_bytes,
            max_poll_records=max_poll_records,
            max_waiting_orders=max_waiting_orders,
            sweep_touches=max_poll_records,
            lag_interval_s=lag_interval_s,
        )
        self.witness = Witness(self.log, self.settings, now_ms=self.clock.now_ms, monotonic_s=self.clock.monotonic_s)

    def start(self, name: str = "a", disk: Disk | None = None, *, chooser: Chooser = in_order) -> Member:
        """Start an instance and share the partitions anew."""
        self.members[name] = Member(self, name, disk or Disk(), chooser)
        self.share()
        return self.members[name]

    def share(self) -> None:
        """Begin a rebalance among the members that live; it ends when all of them have polled."""
        names = sorted(self.members)
        for gone in set(self.log.group().members).difference(names):
            self.log.expel(gone)  # a rebalance that was under way may have counted it in
        shares: dict[str, list[TopicPartition]] = {name: [] for name in names}
        for each in self.log.partitions(*INPUTS) if names else ():
            shares[names[each.partition % len(names)]].append(each)
        self.log.rebalance(shares)

    def crash(self, name: str) -> Member:
        """End an instance as a killed process ends; the group and the coordinator notice at once."""
        gone = self.members.pop(name)
        self.log.expel(name)
        self.log.take_over(f"attribute-{name}")
        self.share()
        return gone

    def stop(self, name: str) -> Member:
        """End an instance as it should end, unless its last commit has no known outcome."""
        try:
            self.members[name].stage.close()
        except Fenced:
            return self.crash(name)
        gone = self.members.pop(name)
        self.share()
        return gone

    def step(self, times: int = 1) -> None:
        """Turn everybody's loop."""
        for _ in range(times):
            for name in sorted(self.members):
                self.members[name].step()

    def settle(self) -> None:
        """Let everything happen that takes no more time than grouping commits does."""
        for _ in range(1_000):
            if self._has_read_everything():
                break
            self.clock.advance(self.settings.group_commit_s)
            self.step()
        else:
            raise AssertionError("the input was not read to its end")
        for _ in range(3):
            self.clock.advance(self.settings.group_commit_s)
            self.step()

    def _has_read_everything(self) -> bool:
        committed = self.log.group().committed
        for each in self.log.partitions(*INPUTS):
            records = self.log.records(*each)
            if each not in committed or (records and committed[each].offset <= records[-1].offset):
                return False
        return True

    def wait(self, seconds: float) -> None:
        """Let time pass as it does for a loop that turns several times a second."""
        until_s = self.clock.elapsed_s + seconds
        while self.clock.elapsed_s < until_s:
            self.clock.advance(0.25)
            self.step()

    def conversions(self) -> list[Record]:
        """Every committed conversion."""
        return [record for each in self.log.partitions(CONVERSIONS) for record in self.log.records(*each)]

    def dead_letters(self) -> list[Record]:
        """Every committed dead letter."""
        return self.log.records(DEAD_LETTERS, 0)

    def restored(self, partition: int) -> dict[bytes, bytes]:
        """What a partition's changelogs hold for a member without local state."""
        state: dict[bytes, bytes] = {}
        for topic, changes_of in ((TOUCHES, touches.changes_of), (ORDER_STATE, orders.changes_of)):
            for record in self.log.records(topic, partition):
                for change in changes_of(record):
                    _apply(state, change)
        return state


def _apply(state: dict[bytes, bytes], change: Change) -> None:
    key, value = change
    if value is None:
        state.pop(key, None)
    else:
        state[key] = value
