"""Bringing one partition of the local tables to the end of their changelogs, in the order that makes it right.

1. The group's *stable* input positions. They wait out an open transaction of whoever had the partition before, and
   from then on nobody else's transaction can commit for it: the group would refuse its offsets.
2. The changelogs' ends, records of open transactions included: nothing that counts can come later.
3. Committed records up to those ends. The *position* has to get there: the last records before an end may be
   transaction markers, aborted or compacted away.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import NamedTuple, cast

import structlog

from consumer.errors import RestoreStalled
from consumer.state.changelog import Batch, ChangelogReader
from consumer.state.store import Change
from consumer.state.table import Table
from consumer.stream.log import Committed, TopicPartition

PIECE_CHANGES = 2_000
"""About 6 ms of writing to disk (rocksdict 0.3.29, which keeps the interpreter to itself meanwhile)."""

_log = cast("structlog.typing.FilteringBoundLogger", structlog.get_logger(__name__))


class Restored(NamedTuple):
    """A partition whose tables hold all that their changelogs do."""

    partition: int
    committed: dict[TopicPartition, Committed]
    """The group's stable positions in the input topics; absent where it never committed."""
    records: int
    """Changelog records read."""
    changes: int
    """Changes they held."""
    seconds: float
    """From the first attempt to the end, waiting included."""


class _Span(NamedTuple):
    table: Table
    start: int
    end: int


class CatchUp:
    """One partition's restore. `attempt` it until it is through; what an earlier attempt has stored is not read again.

    Args:
        partition: its number, the same in every topic.
        tables: what to restore.
        inputs: the topics whose committed positions are wanted.
        stall_after_s: how long a broker that answers may give nothing.
        timeout_s: how long to wait for one answer.
        monotonic: the clock, in seconds.
    """

    def __init__(
        self,
        partition: int,
        tables: Sequence[Table],
        inputs: Sequence[str],
        *,
        stall_after_s: float,
        timeout_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.partition = partition
        self.cancelled = False
        """Set from any thread; holds from the next batch on."""
        self.done = 0
        """Changelog offsets passed in the current attempt."""
        self.total: int | None = None
        """Changelog offsets to pass in the current attempt, once known."""
        self._tables = tables
        self._inputs = [TopicPartition(topic, partition) for topic in inputs]
        self._stall_after_s = stall_after_s
        self._timeout_s = timeout_s
        self._monotonic = monotonic
        self._began_s: float | None = None
        self._records = 0
        self._changes = 0

    def attempt(self, reader: ChangelogReader) -> Restored | None:
        """Restore; ``None`` when cancelled.

        Raises:
            Unavailable: try again later.
            RestoreStalled: the broker answers, yet a changelog gives nothing.
            TopicError: a changelog is missing or may not be read.
            StateError: the local state cannot be used.
        """
        if self._began_s is None:
            self._began_s = self._monotonic()
        committed = reader.committed(self._inputs, self._timeout_s)
        spans = [self._span(table, reader) for table in self._tables]
        self.done, self.total = 0, sum(end - start for _, start, end in spans)
        for span in spans:
            if self.cancelled or not self._replay(span, reader):
                return None
        return Restored(
            self.partition, committed, self._records, self._changes, seconds=self._monotonic() - self._began_s
        )

    def _span(self, table: Table, reader: ChangelogReader) -> _Span:
        """Where to go on from; without a usable checkpoint, from the changelog's first record with nothing."""
        first, end = reader.bounds(TopicPartition(table.topic, self.partition), self._timeout_s)
        start = table.checkpoint(self.partition)
        if start is None or not first <= start <= end:
            _log.info(
                "restore.from_the_start",
                topic=table.topic,
                partition=self.partition,
                checkpoint=start,
                first=first,
                end=end,
            )
            table.drop(self.partition)
            start = first
        return _Span(table, start, end)

    def _replay(self, span: _Span, reader: ChangelogReader) -> bool:
        """Store what lies in the span. False when cancelled."""
        position, moved_s = span.start, self._monotonic()
        with closing(reader.read(TopicPartition(span.table.topic, self.partition), span.start, span.end)) as batches:
            for batch in batches:
                if self.cancelled:
                    return False
                if batch.next_offset > position:
                    self._store(span.table, batch)
                    self.done += batch.next_offset - position
                    position, moved_s = batch.next_offset, self._monotonic()
                elif self._monotonic() - moved_s > self._stall_after_s:
                    self._give_up(span, position, reader)
        span.table.commit(self.partition, (), position)
        return True

    def _store(self, table: Table, batch: Batch) -> None:
        """Store a batch in pieces of whole records. Some stores let no other thread run while they write a piece."""
        changes: list[Change] = []
        for record in batch.records:
            changes += table.changes_of(record)
            if len(changes) >= PIECE_CHANGES:
                self._store_piece(table, changes, record.offset + 1)
                changes = []
        self._store_piece(table, changes, batch.next_offset)
        self._records += len(batch.records)

    def _store_piece(self, table: Table, changes: list[Change], next_offset: int) -> None:
        table.catch_up(self.partition, changes, next_offset)
        self._changes += len(changes)

    def _give_up(self, span: _Span, position: int, reader: ChangelogReader) -> None:
        """Tell an outage (`Unavailable`, to be waited out) from a changelog that does not go on."""
        partition = TopicPartition(span.table.topic, self.partition)
        reader.bounds(partition, self._timeout_s)
        raise RestoreStalled(
            f"restoring {partition.topic} partition {partition.partition} stands at offset {position} of {span.end} "
            f"since {self._stall_after_s:.0f} s although the broker answers. Look for a transaction that stays open "
            "(`kafka-transactions.sh find-hanging`) or an unreadable segment, then start again"
        )
