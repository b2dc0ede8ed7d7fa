"""The deliver stage: conversions in, requests to Awin, one receipt per order out.

One thread polls, decides and commits; a second one makes the requests (`consumer.delivery.attempt.worker`).
What is in hand of a partition is `consumer.delivery.partition`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from random import Random
from typing import cast

import httpx
import structlog
from msgspec.structs import replace

from consumer.assignment import Assignment
from consumer.delivery.attempt.method import Method
from consumer.delivery.attempt.sender import Sender
from consumer.delivery.attempt.worker import Worker
from consumer.delivery.control import Orders
from consumer.delivery.dispatch import Dispatch
from consumer.delivery.endings import Codecs, Endings
from consumer.delivery.intake import Intake
from consumer.delivery.lane import Lane
from consumer.delivery.mark import Mark
from consumer.delivery.metrics import DeliverMetrics
from consumer.delivery.opening import OutboxFacts, opening
from consumer.delivery.outstanding import Decided, Outstanding
from consumer.delivery.pace import CommitPace
from consumer.delivery.pacing.gate import Gates, Stop
from consumer.delivery.pacing.limiter import RateLimiter
from consumer.delivery.pacing.retry import Retries, RetryPolicy
from consumer.delivery.partition import OutboxPartition
from consumer.delivery.reading import Reading
from consumer.delivery.reporting import Reporting
from consumer.delivery.settings import DeliverSettings
from consumer.delivery.settlement import Settlement
from consumer.errors import Fenced, Rebalanced, Unavailable
from consumer.events import Method as MethodName
from consumer.flood import FloodGuard
from consumer.loop_time import LoopTime
from consumer.stage_metrics import abort_reason
from consumer.state.restore import Restorer
from consumer.state.table import Table
from consumer.stream.log import Committed, RebalanceListener, Source, TopicPartition, Transaction

_log = cast("structlog.typing.FilteringBoundLogger", structlog.get_logger(__name__))

_TICK_S = 0.01
"""How long the polling thread waits for answers before it polls again."""


class DeliverStage:
    """Runs on any `Source` and `Transaction`. Every method belongs to one thread.

    Args:
        settings: topics and limits.
        open_source: joins the group, telling the given listener.
        open_transaction: opens the writer that goes with the source.
        table: what was finished before; its changelog is the receipt topic (`consumer.delivery.sent.changes_of`).
        restorer: restores that table; its input is the conversion topic.
        codecs: how values are read and written.
        methods: how conversions reach Awin, by name.
        paces: tokens for calls of keys that allow only so many, by programme.
        orders: what is ordered of programmes; closed with the stage.
        http: where requests go; closed with the stage.
        metrics: where numbers go.
        random: for jitter.
        monotonic_s: the clock for waits.
        now_ms: the wall clock.
        facts: asks the broker about the topics; left out, nothing is known of them.
    """

    def __init__(
        self,
        settings: DeliverSettings,
        *,
        open_source: Callable[[RebalanceListener], Source],
        open_transaction: Callable[[Source], Transaction],
        table: Table,
        restorer: Restorer,
        codecs: Codecs,
        methods: Mapping[MethodName, Method],
        paces: Mapping[str, RateLimiter],
        orders: Orders,
        http: httpx.AsyncBaseTransport,
        metrics: DeliverMetrics,
        random: Random,
        monotonic_s: Callable[[], float],
        now_ms: Callable[[], int],
        facts: Callable[[], OutboxFacts] = OutboxFacts,
    ) -> None:
        self._settings = settings
        self._facts = facts
        self._known = OutboxFacts()
        self._table = table
        self._metrics = metrics
        self._monotonic_s = monotonic_s
        self._orders = orders
        self._opening: dict[int, Mapping[TopicPartition, Committed]] = {}
        self._partitions: dict[int, OutboxPartition] = {}
        self._pace = CommitPace(settings.group_commit_ms, settings.max_outstanding // 2, monotonic_s)
        self._gates = Gates(settings.gates(), settings.limits, monotonic_s)
        self._paces = paces
        self._doubtful = False
        self._fenced = False
        self._stops: dict[str, Stop] = {}
        self._assignment = Assignment(
            (settings.conversion_topic, settings.deferred_topic),
            restorer,
            self,
            metrics,
        )
        self._source = open_source(self._assignment)
        try:
            self._transaction = open_transaction(self._source)
        except BaseException:
            # Left open it would be a member of the group that nobody polls, and hold partitions.
            self._source.close()
            raise
        policy = RetryPolicy(
            base_ms=settings.retry_base_ms, cap_ms=settings.retry_cap_ms, max_attempts=settings.max_attempts
        )
        retries = Retries(policy, random)
        self._endings = Endings(codecs, settings.max_message_bytes, now_ms)
        flood = FloodGuard(settings.conversion_topic, settings.flood_share)
        self._intake = Intake(
            table,
            codecs,
            self._endings,
            retries,
            flood,
            backlog_ms=(settings.backlog_after_ms, settings.max_age_ms),
            now_ms=now_ms,
        )
        self._reading = Reading(settings, self._source, self._intake, metrics, random, now_ms)
        self._settlement = Settlement(self._transaction, table, settings, metrics, monotonic_s)
        self._worker = Worker(Sender(http, settings, now_ms), self._may_start, now_ms=now_ms, monotonic_s=monotonic_s)
        self._dispatch = Dispatch(
            self._worker,
            methods,
            self._gates,
            paces,
            retries,
            settings,
            metrics,
            halt=orders.halt,
            now_ms=now_ms,
            monotonic_s=monotonic_s,
        )
        self._reporting = Reporting(self._source, self._dispatch, settings, metrics, monotonic_s)
        self._loop = LoopTime(metrics.loop, monotonic_s, first="assign")

    @property
    def assignment(self) -> Assignment:
        """Which partitions are ours, and how far they are."""
        return self._assignment

    def run(self, stop: threading.Event, beat: Callable[[], None] = lambda: None) -> None:
        """Work until ``stop`` is set, then leave the group as `close` does; ``beat`` is called every turn.

        Raises:
            ConsumerError: something that going on would make worse; see consumer.errors.
        """
        try:
            while not stop.is_set():
                self.step(0.1)
                beat()
        finally:
            self.close()

    def ready(self) -> bool:
        """True when the group gave us partitions (or none, there being too few) and all of them are worked on.

        May be called from any thread.
        """
        return self._assignment.joined and not self._assignment.restoring and not self._opening

    def step(self, timeout_s: float) -> None:
        """Poll once, send what is due, take in answers, commit if it is time. Waits at most about ``timeout_s``.

        Raises:
            ConsumerError: as `run`.
        """
        loop = self._loop
        try:
            loop.enter("assign")
            self._assignment.advance()
            if self._assignment.restoring:
                # An abort that an outage cut short leaves a transaction open, and restoring waits for its end.
                self._transaction.abort()
            self._obey()
            self._open()
            loop.enter("poll")
            polled = self._reading.poll(self._partitions, self._poll_wait_s(timeout_s))
            loop.enter("read")
            self._reading.read(self._partitions, self._admit)
            loop.enter("send")
            is_full = self._reading.room(self._partitions) <= 0
            if not self._doubtful:
                self._settle(self._dispatch.start(self._source.generation(), hurry=is_full))
            self._make_room()
            loop.enter("wait")
            self._settle(self._dispatch.collect(min(timeout_s, _TICK_S) if self._dispatch.in_flight() else 0.0))
            loop.enter("commit")
            self._commit_if_due(idle=not polled and not self._dispatch.in_flight())
        except Fenced:
            self._fenced = True
            raise
        loop.enter("other")
        self._note_stops()
        self._reporting.advance(self._partitions, self._stops)

    def hurry(self, seconds: float) -> None:
        """We are to leave: wait for the broker no longer than so many seconds from now. Any thread may say so."""
        self._transaction.hurry(seconds)

    def close(self) -> None:
        """Begin nothing more, wait for what is in flight within the drain budget, commit, and leave the group."""
        with ExitStack() as steps:  # last in, first out; each is done whatever the others raise
            steps.callback(self._loop.flush)
            steps.callback(self._orders.close)
            steps.callback(self._transaction.close)
            steps.callback(self._worker.close)
            steps.callback(self._source.close)
            steps.callback(self._transaction.abort)

    def activate(self, partition: int, committed: Mapping[TopicPartition, Committed]) -> None:
        """See `consumer.assignment.PartitionOwner`."""
        self._opening[partition] = committed

    def release(self, partitions: Sequence[int], *, lost: bool) -> None:
        """See `consumer.assignment.PartitionOwner`; unless lost, drains first."""
        going = [self._partitions[number] for number in partitions if number in self._partitions]
        if going and not lost and not self._fenced:
            self._drain(going)
        may_repeat = self._in_flight(going) + sum(partition.doubtful for partition in going)
        for number in partitions:
            self._opening.pop(number, None)
            self._partitions.pop(number, None)
            self._dispatch.forget(number)
        self._metrics.released(partitions)
        self._share()
        _log.info("deliver.released", partitions=list(partitions), lost=lost, may_repeat=may_repeat)

    def _may_start(self, generation: int) -> bool:
        """Tell, on the worker's thread, whether the group can still take us for alive."""
        fresh = self._source.last_poll_age_s() < self._settings.session_timeout_ms / 2000
        return fresh and self._source.generation() == generation

    def _obey(self) -> None:
        """Take in what was ordered of programmes, by people or by other instances."""
        self._gates.order(self._orders.advance())

    def _note_stops(self) -> None:
        """Note which programmes are stopped; when one is no longer, what was put off need not rest so long any more."""
        stops = dict(self._gates.stops())
        for programme, stop in stops.items():
            before = self._stops.get(programme, "")
            if stop and stop != before:
                _log.warning("deliver.programme_stopped", programme=programme, why=stop)
            elif before and not stop:
                _log.info("deliver.programme_resumed", programme=programme, was=before)
        if any(stop and not stops[programme] for programme, stop in self._stops.items()):
            for partition in self._partitions.values():
                partition.delay.reset()
        self._stops = stops

    def _open(self) -> None:
        """Commit where each new partition begins and, before its first attempt, that we may send from it."""
        if not self._opening or not self._orders.known:
            return
        try:
            self._known = self._facts()
            opened = [self._opened(number, committed) for number, committed in self._opening.items()]
            self._commit(opened, self._working_mark)
            for partition in opened:
                for lane in partition.lanes:
                    self._source.start(lane.at, lane.position)
                self._partitions[partition.number] = partition
                del self._opening[partition.number]
                _log.info(
                    "deliver.opened",
                    partition=partition.number,
                    offset=partition.fresh.position,
                    deferred_offset=partition.deferred.position,
                )
            self._share()
        except (Rebalanced, Unavailable) as error:
            _log.warning("deliver.not_opened", partitions=sorted(self._opening), reason=str(error))

    def _opened(self, number: int, committed: Mapping[TopicPartition, Committed]) -> OutboxPartition:
        return opening(number, committed, self._settings, self._table, self._source, self._known)

    def _share(self) -> None:
        """Take our part of what programmes and keys may do over all instances."""
        fraction = len(self._partitions) / max(self._known.partitions, len(self._partitions), 1)
        self._gates.share(fraction)
        for pace in self._paces.values():
            pace.share(fraction)

    def _admit(self, partition: OutboxPartition, item: Outstanding) -> None:
        """Have a conversion sent; one that a successor would not suspect to be sent waits for a commit first."""
        if not self._reading.may_be_sent(partition, item):
            partition.held.append(item)
            return
        decided = self._dispatch.add(item)
        if decided is not None:
            self._settle([decided])

    def _settle(self, decided: Iterable[Decided]) -> None:
        for item, rejection, put_off in decided:
            lane = self._partitions[item.at.partition].lane_of(item)
            if put_off is not None:
                lane.finish(self._endings.deferred(item, put_off))
            elif rejection is not None:
                lane.finish(self._endings.rejected(item, rejection))
            else:
                lane.finish(self._endings.delivered(item))

    def _commit_if_due(self, *, idle: bool) -> None:
        pending = sum(partition.pending for partition in self._partitions.values())
        unsure = self._doubtful and bool(self._partitions) and self._pace.may_try()
        held = any(partition.held for partition in self._partitions.values())
        if not self._pace.due(pending, idle=idle or held) and not unsure:
            return
        chosen = [each for each in self._partitions.values() if each.pending or self._doubtful]
        try:
            self._readmit(self._commit(chosen, self._working_mark))
        except (Rebalanced, Unavailable) as error:
            _log.warning("deliver.not_committed", endings=pending, reason=str(error))
            self._pace.failed()
        else:
            self._pace.committed()

    def _commit(
        self, partitions: Sequence[OutboxPartition], mark_of: Callable[[OutboxPartition, Lane], Mark]
    ) -> list[tuple[OutboxPartition, Outstanding]]:
        """Commit; after a refusal nothing is begun until a commit shows that we are a member again."""
        try:
            going_on = self._settlement.commit(partitions, mark_of, self._orders.given())
        except (Rebalanced, Unavailable) as error:
            self._doubtful = self._doubtful or isinstance(error, Rebalanced)
            self._metrics.aborted(abort_reason(error))
            raise
        self._doubtful = False
        self._orders.committed()
        return going_on

    def _readmit(self, going_on: Iterable[tuple[OutboxPartition, Outstanding]]) -> None:
        """Go on with what had to wait for a commit."""
        for partition in self._partitions.values():
            held, partition.held = partition.held, []
            for item in held:
                self._admit(partition, item)
        for partition, waited in going_on:
            due = self._intake.admit(partition, waited)
            if due is not None:
                self._admit(partition, due)

    def _drain(self, going: Sequence[OutboxPartition]) -> None:
        """Wait for what is in flight of these partitions, commit it and leave each with its mark."""
        deadline_s = self._monotonic_s() + self._settings.drain_budget_ms / 1000
        while self._in_flight(going) and (left_s := deadline_s - self._monotonic_s()) > 0:
            self._settle(self._dispatch.collect(left_s))
        while True:
            try:
                self._commit(going, self._leaving_mark)
            except Unavailable as error:
                if self._monotonic_s() < deadline_s:
                    continue
                _log.warning("deliver.drain_not_committed", reason=str(error))
            except Rebalanced as error:
                _log.warning("deliver.drain_not_committed", reason=str(error))
            return

    def _make_room(self) -> None:
        """Put off what its limits hold back, as far as it takes up the room for which others wait."""
        is_full = self._reading.room(self._partitions) <= 0
        room = self._settings.max_outstanding if is_full else self._settings.max_outstanding // 2
        others = partial(self._reading.waiting, self._partitions)
        self._settle(self._dispatch.relieve(others, room // (len(self._gates) + 1), fresh=is_full))

    def _working_mark(self, _: OutboxPartition, lane: Lane) -> Mark:
        return self._signed(lane.mark(self._reading.suspected(lane)))

    def _leaving_mark(self, partition: OutboxPartition, lane: Lane) -> Mark:
        if self._in_flight([partition]) or partition.in_doubt:
            return self._working_mark(partition, lane)
        return self._signed(lane.clean_mark())

    def _signed(self, left: Mark) -> Mark:
        """Return a mark that says to which topics it belongs."""
        return replace(left, receipts_id=self._known.receipts_id, partitions=self._known.partitions)

    def _in_flight(self, partitions: Iterable[OutboxPartition]) -> int:
        return sum(self._dispatch.in_flight(partition.number) for partition in partitions)

    def _poll_wait_s(self, timeout_s: float) -> float:
        """Poll without waiting while there are answers to wait for instead."""
        if self._dispatch.in_flight():
            return 0.0
        due_s = self._dispatch.due_in_s()
        return timeout_s if due_s is None or self._doubtful else min(timeout_s, due_s)
