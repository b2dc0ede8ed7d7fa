"""The loop of the attribute stage: one thread polls, joins and commits.

A transaction carries changelogs, conversions, dead letters and offsets; local state follows it. What a partition does
with a record is `consumer.attribute.partition`; where it begins, `consumer.attribute.opening`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

import structlog

from consumer.assignment import Assignment
from consumer.attribute.alignment import Alignment
from consumer.attribute.keys import KeyGuards
from consumer.attribute.opening import first_start, next_start
from consumer.attribute.outputs import Outputs
from consumer.attribute.partition import AttributePartition
from consumer.attribute.ports import AttributeMetrics, AttributeSettings, Decoders, Encoders, InputFacts
from consumer.attribute.quiet import EndAsker
from consumer.attribute.reporting import Reporting
from consumer.attribute.settlement import Settlement
from consumer.attribute.sweeps import Sweeps
from consumer.attribute.tally import Tally
from consumer.attribution.channels import ChannelTable
from consumer.attribution.join import PendingOrders
from consumer.attribution.rules import Rulebook
from consumer.errors import ConsumerError, Rebalanced, SchemaUnavailable, Unavailable
from consumer.flood import FloodGuard
from consumer.loop_time import LoopTime
from consumer.stage_metrics import abort_reason
from consumer.state.partition import PartitionState
from consumer.state.restore import Restorer
from consumer.state.table import Table
from consumer.stream.log import Committed, RebalanceListener, Record, Source, TopicPartition, Transaction

_log = structlog.get_logger(__name__)


class AttributeStage:
    """Runs on any `Source` and `Transaction`. Every method is called on one thread."""

    def __init__(
        self,
        settings: AttributeSettings,
        rulebook: Rulebook,
        *,
        open_source: Callable[[RebalanceListener], Source],
        open_transaction: Callable[[Source], Transaction],
        facts: Callable[[], InputFacts],
        touch_table: Table,
        order_table: Table,
        restorer: Restorer,
        decoders: Decoders,
        encoders: Encoders,
        metrics: AttributeMetrics,
        monotonic_s: Callable[[], float],
        now_ms: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._rulebook = rulebook
        self._channels = ChannelTable(rulebook.shop.own_domains, rulebook.shop.channel_rules)
        self._facts = facts
        self._touch_table = touch_table
        self._order_table = order_table
        self._decoders = decoders
        self._metrics = metrics
        self._monotonic_s = monotonic_s
        self._now_ms = now_ms
        self._partitions: dict[int, AttributePartition] = {}
        self._partition_count = 0
        self._dirty_since_s: float | None = None
        self._uncommitted_records = 0
        inputs = (settings.session_topic, settings.order_topic)
        self._floods = {topic: FloodGuard(topic, settings.flood_share) for topic in inputs}
        self._assignment = Assignment(inputs, restorer, self, metrics)
        self._source = open_source(self._assignment)
        try:
            self._transaction = open_transaction(self._source)
        except BaseException:
            # Left open it would be a member of the group that nobody polls, and hold partitions.
            self._source.close()
            raise
        self._tally = Tally(metrics, {each.advertiser_id: each.groups.default for each in rulebook.programmes})
        self._outputs = Outputs(self._transaction, encoders, settings, self._tally)
        self._keys = KeyGuards(inputs) if settings.check_keys else None
        self._settlement = Settlement(self._transaction, settings, self._tally, metrics, monotonic_s)
        self._reporting = Reporting(self._source, settings, metrics, monotonic_s)
        self._loop = LoopTime(metrics.loop, monotonic_s, first="assign")
        self._sweeps = Sweeps(
            self._source,
            lambda partition: settings.inputs(partition)[1],
            interval_s=settings.sweep_interval_s,
            touches=settings.sweep_touches,
            monotonic_s=monotonic_s,
        )
        self._alignment = Alignment(self._source, settings.inputs, settings.max_waiting_orders)
        self._ends = EndAsker(self._source, settings.ask_interval_s, monotonic_s)

    @property
    def assignment(self) -> Assignment:
        """Which partitions are ours, and how far they are."""
        return self._assignment

    def run(self, stop: threading.Event, beat: Callable[[], None] = lambda: None) -> None:
        """Work until ``stop`` is set, then leave the group with everything committed; ``beat`` is called every turn.

        Raises:
            ConsumerError: going on would make something worse; what was not committed is done again after a restart.
        """
        try:
            while not stop.is_set():
                self.step(0.1)
                beat()
        except BaseException:
            self._partitions.clear()
            self._transaction.abort()
            raise
        finally:
            self.close()

    def ready(self) -> bool:
        """True when the group gave us partitions (or none, there being too few) and all of them are worked on.

        May be called from any thread.
        """
        return self._assignment.joined and not self._assignment.restoring

    def step(self, timeout_s: float) -> None:
        """Poll once, join what came, decide what can be decided, commit if it is time."""
        loop = self._loop
        loop.enter("assign")
        # Activating before the poll makes sure that a polled record belongs to its partition's present assignment.
        self._assignment.advance()
        if self._assignment.restoring and self._dirty_since_s is None:
            # An abort that an outage cut short leaves a transaction open, and restoring waits for its end.
            self._transaction.abort()
        loop.enter("poll")
        records = self._source.poll(self._settings.max_poll_records, timeout_s)
        try:
            if records:
                loop.enter("join")
                self._take(records)
            loop.enter("decide")
            self._ends.advance((self._sessions(number), w.pending) for number, w in self._partitions.items())
            self._decide()
        except (Unavailable, SchemaUnavailable) as error:
            self._transaction.abort()
            self._note_abort(error)
            self._rewind()
            return
        if self._commit_is_due(drained=len(records) < self._settings.max_poll_records):
            loop.enter("commit")
            self._commit()
        loop.enter("other")
        if self._sweeps.advance(self._partitions):
            self._note_work(0)
        self._reporting.advance(self._partitions)

    def hurry(self, seconds: float) -> None:
        """We are to leave: wait for the broker no longer than so many seconds from now. Any thread may say so."""
        self._transaction.hurry(seconds)

    def close(self) -> None:
        """Commit what is done if the group still lets us, and leave."""
        try:
            self._source.close()
        finally:
            self._transaction.close()
            self._loop.flush()

    def activate(self, partition: int, committed: Mapping[TopicPartition, Committed]) -> None:
        """Start a restored partition where the group left it, or at the cut-over if it is new.

        Raises:
            OffsetsLost: there is state but no committed offset, or the other way round.
            TopicError: an input topic was re-created or has another partition count than the state was made for.
        """
        state = PartitionState(partition, self._touch_table, self._order_table)
        is_first = state.is_new and not committed
        try:
            facts = self._facts()
            self._partition_count = facts.partition_count
            if is_first:
                start = first_start(state, self._settings, self._rulebook.shop, facts, self._source, self._now_ms())
            else:
                start = next_start(state, self._settings, facts, committed)
        except Unavailable as error:
            self._put_off(partition, error)
            return
        worker = self._worker(state, start)
        self._partitions[partition] = worker
        worker.dirty = is_first
        if is_first and not self._try_commit():
            del self._partitions[partition]
            self._rewind()
            self._assignment.restore_again(partition)
            return
        self._sweeps.begin(partition)
        _log.info("attribute.opened", partition=partition, session_offset=start[0], order_offset=start[1])
        self._start(worker)

    def release(self, partitions: Sequence[int], *, lost: bool) -> None:
        """Commit what is done for these unless they are lost, and forget them."""
        if lost:
            self._transaction.abort()
        committed = not lost and self._try_commit()
        for number in partitions:
            self._partitions.pop(number, None)
            self._alignment.forget(number)
        if not committed:
            self._rewind()
        self._metrics.released(partitions)
        _log.info("attribute.released", partitions=list(partitions), lost=lost)

    def _worker(self, state: PartitionState, start: tuple[int, int]) -> AttributePartition:
        settings = self._settings
        return AttributePartition(
            state,
            self._rulebook,
            self._channels,
            self._decoders,
            self._outputs,
            start=start,
            order_topic=settings.order_topic,
            max_message_bytes=settings.max_message_bytes,
            new_pending=lambda: PendingOrders(
                idle_wait_s=settings.idle_wait_s, max_hold_s=settings.max_hold_s, monotonic_s=self._monotonic_s
            ),
            now_ms=self._now_ms,
        )

    def _sessions(self, partition: int) -> TopicPartition:
        return TopicPartition(self._settings.session_topic, partition)

    def _start(self, worker: AttributePartition) -> None:
        partition = worker.state.partition
        sessions, orders = self._settings.inputs(partition)
        self._alignment.forget(partition)
        try:
            self._source.start(sessions, worker.next_session)
            self._source.start(orders, worker.next_order)
        except Unavailable as error:
            del self._partitions[partition]
            self._put_off(partition, error)

    def _put_off(self, partition: int, error: Unavailable) -> None:
        _log.warning("attribute.not_opened", partition=partition, reason=str(error))
        self._assignment.restore_again(partition)

    def _take(self, records: Sequence[Record]) -> None:
        if self._keys is not None:
            self._keys.look(records, self._partition_count)
        session_topic = self._settings.session_topic
        partitions = self._partitions
        session_flood = self._floods[session_topic]
        order_flood = self._floods[self._settings.order_topic]
        sessions: dict[int, int] = {}
        endings: dict[str, int] = {}
        good = 0
        for record in records:
            worker = partitions.get(record.partition)
            if worker is None:
                continue
            if record.topic == session_topic:
                sessions[record.partition] = sessions.get(record.partition, 0) + 1
                if worker.session(record):
                    good += 1
                else:
                    session_flood.passed(good)
                    good = 0
                    session_flood.taken(rejected=True)
            else:
                ending = worker.order(record)
                endings[ending] = endings.get(ending, 0) + 1
                order_flood.taken(rejected=ending == "dead_letter")
        session_flood.passed(good)
        for number in sessions:
            partitions[number].pending.session_read()
        self._count(sum(sessions.values()), endings)

    def _count(self, sessions: int, endings: Mapping[str, int]) -> None:
        orders = sum(endings.values())
        if sessions + orders:
            self._note_work(sessions + orders)
        self._tally.records[self._settings.session_topic] += sessions
        self._tally.records[self._settings.order_topic] += orders
        self._tally.orders.update({ending: count for ending, count in endings.items() if ending != "pending"})

    def _note_work(self, records: int) -> None:
        self._uncommitted_records += records
        if self._dirty_since_s is None:
            self._dirty_since_s = self._monotonic_s()

    def _decide(self) -> None:
        for number, worker in self._partitions.items():
            if len(worker.pending) or worker.early:
                decided = worker.decide(self._source.next_offset(self._sessions(number)))
                if decided:
                    self._tally.orders.update(decided)
                    self._note_work(0)
        self._alignment.align((number, len(worker.pending)) for number, worker in self._partitions.items())

    def _commit_is_due(self, *, drained: bool) -> bool:
        """At once when a reader waits for an output and nothing more is to be read now; else in groups."""
        if self._dirty_since_s is None:
            return False
        return (
            (drained and self._outputs.waiting)
            or self._uncommitted_records >= self._settings.max_transaction_records
            or self._monotonic_s() - self._dirty_since_s >= self._settings.group_commit_s
        )

    def _commit(self) -> None:
        """Commit everything done so far; on a refusal take it all back."""
        if not self._try_commit():
            self._rewind()

    def _try_commit(self) -> bool:
        dirty = [worker for worker in self._partitions.values() if worker.dirty]
        if dirty:
            try:
                self._settlement.commit(dirty)
            except (Rebalanced, Unavailable) as error:
                self._note_abort(error)
                return False
        for guard in self._floods.values():
            guard.mark_committed()
        self._start_afresh()
        return True

    def _note_abort(self, error: ConsumerError) -> None:
        _log.warning("attribute.aborted", reason=str(error))
        self._metrics.aborted(abort_reason(error))

    def _rewind(self) -> None:
        """Go back to the last commit: drop what came after it and read it again.

        In every partition: records of a batch that was broken off are behind the source, though nothing was done yet
        in the partitions that were not reached.
        """
        for worker in list(self._partitions.values()):
            if worker.dirty:
                worker.rollback()
            self._start(worker)
        for guard in self._floods.values():
            guard.rollback()
        self._start_afresh()

    def _start_afresh(self) -> None:
        self._dirty_since_s = None
        self._uncommitted_records = 0
        self._outputs.waiting = False
        self._tally.forget()
