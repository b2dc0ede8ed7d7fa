"""Restoring partitions in the background, one after the other, while the stage works on those it has.

Nobody else writes to a partition that is being restored. All restores run on one thread, so that two never overlap,
not even when a partition is cancelled and begun again at once: the new one starts when the old has ended. The stage
writes to a partition only after `Restorer.finished` returned it, and a result is made by the last action of the
restore it belongs to. So a cancelled restore may still store the batch that it has in hand (which is as true as any
other, since it came from the changelog), but always before the next owner of the partition stores anything.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Condition, Thread
from typing import NamedTuple, cast

import structlog

from consumer.errors import Unavailable
from consumer.state.catch_up import CatchUp, Restored
from consumer.state.changelog import ChangelogReader
from consumer.state.table import Table

__all__ = ["Progress", "Restored", "Restorer"]

STALL_AFTER_S = 30.0
"""A transaction may stay open for 10 s, and the broker looks for such ones every 10 s."""
TIMEOUT_S = 2.0
FIRST_RETRY_S = 0.1
LAST_RETRY_S = 5.0

_log = cast("structlog.typing.FilteringBoundLogger", structlog.get_logger(__name__))


class Progress(NamedTuple):
    """How far a partition's restore has come, in changelog offsets."""

    partition: int
    done: int
    total: int | None
    """``None`` while it waits for its turn or for the broker."""
    age_s: float
    """Seconds since it was begun."""

    @property
    def remaining(self) -> int | None:
        """Offsets that are still to be looked at; ``None`` while that is not known."""
        return None if self.total is None else self.total - self.done


class _Job:
    """A begun restore and when it is to be tried next."""

    def __init__(self, work: CatchUp, due_s: float) -> None:
        self.work = work
        self.due_s = due_s
        self.begun_s = due_s
        self.retry_s = FIRST_RETRY_S


class Restorer:
    """Brings partitions of the local tables to the end of their changelogs.

    `begin`, `cancel`, `finished` and `close` belong to the polling thread and do not wait for the broker, except that
    `close` waits for the request under way. An outage is waited out, however long; meanwhile other partitions have
    their turn.

    Args:
        tables: what to restore, in this order.
        inputs: the topics whose committed positions each result carries.
        open_reader: makes a reader, called on the thread that uses it and again after a quiet time.
        stall_after_s: how long a changelog may give nothing although the broker answers; above the transaction
            timeout and the time that the broker takes to notice it.
        timeout_s: how long to wait for one answer of the broker before trying again later.
        background: without it there is no thread: `finished` tries every begun partition once. For tests that must
            go the same way every time.
        monotonic: the clock, in seconds.
    """

    def __init__(
        self,
        tables: Sequence[Table],
        inputs: Sequence[str],
        open_reader: Callable[[], ChangelogReader],
        *,
        stall_after_s: float = STALL_AFTER_S,
        timeout_s: float = TIMEOUT_S,
        background: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tables = tuple(tables)
        self._inputs = tuple(inputs)
        self._open_reader = open_reader
        self._stall_after_s = stall_after_s
        self._timeout_s = timeout_s
        self._monotonic = monotonic
        self._reader: ChangelogReader | None = None
        self._changed = Condition()
        self._jobs: dict[int, _Job] = {}
        self._waiting: list[_Job] = []
        self._done: list[Restored] = []
        self._failure: BaseException | None = None
        self._closing = False
        self._thread = Thread(target=self._run, name="restore", daemon=True) if background else None
        if self._thread is not None:
            self._thread.start()

    def begin(self, partition: int) -> None:
        """Restore a partition when its turn comes.

        Raises:
            ValueError: it was begun already and neither handed out nor cancelled since.
        """
        work = CatchUp(
            partition,
            self._tables,
            self._inputs,
            stall_after_s=self._stall_after_s,
            timeout_s=self._timeout_s,
            monotonic=self._monotonic,
        )
        with self._changed:
            if partition in self._jobs:
                raise ValueError(f"partition {partition} is being restored already")
            self._jobs[partition] = job = _Job(work, self._monotonic())
            self._waiting.append(job)
            self._changed.notify()

    def cancel(self, partition: int) -> None:
        """Give a partition up: it will not be handed out, unless begun again. No-op if it was not begun."""
        with self._changed:
            job = self._jobs.pop(partition, None)
            if job is not None:
                job.work.cancelled = True
            self._waiting = [other for other in self._waiting if other is not job]
            self._done = [restored for restored in self._done if restored.partition != partition]

    def finished(self) -> list[Restored]:
        """Hand out what has been restored since the last call, in the order in which it was.

        Raises:
            ConsumerError: restoring failed for good; again at every call. (Whatever else failed is raised, too.)
        """
        if self._thread is None:
            self._try_all()
        with self._changed:
            if self._failure is not None:
                raise self._failure
            done, self._done = self._done, []
            for restored in done:
                del self._jobs[restored.partition]
            return done

    def progress(self) -> list[Progress]:
        """Return how far each begun partition has come, for metrics. Any thread may call it."""
        with self._changed:
            jobs = list(self._jobs.values())
        now_s = self._monotonic()
        return [Progress(job.work.partition, job.work.done, job.work.total, now_s - job.begun_s) for job in jobs]

    def close(self) -> None:
        """Cancel everything and end the thread. After it nothing is written. May be repeated."""
        with self._changed:
            self._closing = True
            for partition in list(self._jobs):
                self.cancel(partition)
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
        else:
            self._close_reader()

    def _run(self) -> None:
        while (job := self._next()) is not None:
            self._try(job)
            if not self._waiting:
                self._close_reader()
        self._close_reader()

    def _try_all(self) -> None:
        with self._changed:
            jobs, self._waiting = self._waiting, []
        for job in jobs:
            self._try(job)

    def _next(self) -> _Job | None:
        """Wait until a job is due and take it; ``None`` to end."""
        with self._changed:
            while not self._closing:
                job = min(self._waiting, key=lambda job: job.due_s, default=None)
                wait_s = None if job is None else job.due_s - self._monotonic()
                if job is not None and wait_s is not None and wait_s <= 0:
                    self._waiting.remove(job)
                    return job
                self._changed.wait(wait_s)
            return None

    def _try(self, job: _Job) -> None:
        try:
            if self._reader is None:
                self._reader = self._open_reader()
            restored = job.work.attempt(self._reader)
        except Unavailable as error:
            if job.retry_s >= LAST_RETRY_S:
                # The client may be stuck rather than the broker away (seen with librdkafka 2.16 after a restart of the
                # broker: it asked for committed offsets in vain for minutes).
                self._close_reader()
            self._retry(job, error)
        except BaseException as error:  # noqa: BLE001 - `finished` raises it where the stage can act on it
            with self._changed:
                if not job.work.cancelled:
                    self._failure = error
        else:
            with self._changed:
                if restored is not None and not job.work.cancelled:
                    self._done.append(restored)

    def _retry(self, job: _Job, error: Unavailable) -> None:
        with self._changed:
            if job.work.cancelled:
                return
            job.due_s = self._monotonic() + job.retry_s
            self._waiting.append(job)
        _log.warning("restore.waiting", partition=job.work.partition, retry_s=job.retry_s, reason=str(error))
        job.retry_s = min(2 * job.retry_s, LAST_RETRY_S)

    def _close_reader(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()
