"""One input partition of delivery: from being read to being committed. Pure."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping

from consumer.delivery.frontier import Frontier
from consumer.delivery.mark import Mark
from consumer.delivery.outstanding import Finished, Outstanding
from consumer.stream.log import Record, TopicPartition


class Lane:
    """Records, offsets and endings of one partition of one input topic. Belongs to the polling thread.

    Args:
        at: the partition.
        start: the first offset to be read.
        suspects: how many of the first unfinished conversions an earlier owner may have sent.
        suspects_end: the offset from which on it cannot have read anything.
        counts: endings committed so far.
    """

    def __init__(
        self,
        at: TopicPartition,
        start: int,
        *,
        suspects: int = 0,
        suspects_end: int = 0,
        counts: Mapping[str, int] | None = None,
    ) -> None:
        self.at = at
        self.unread: deque[Record] = deque()
        """Polled, and not taken in yet: they hold no slot."""
        self.newest_ms: int | None = None
        """Timestamp of the newest record polled."""
        self._suspects_end = suspects_end
        self._frontier = Frontier(start)
        self._next_offset = start
        self._unflagged = suspects
        self._flagged: set[int] = set()
        self._counts = Counter(counts or {})
        self._outstanding: dict[int, Outstanding] = {}
        self._held: dict[int, Finished] = {}
        self._pending: list[Finished] = []
        self._attempted = 0
        """How many of the pending endings may have reached Awin."""

    @property
    def next_offset(self) -> int:
        """The offset after the last one taken in."""
        return self._next_offset

    @property
    def position(self) -> int:
        """The offset to commit with what is pending."""
        return self._frontier.position

    @property
    def pending(self) -> list[Finished]:
        """Endings that the next transaction will carry."""
        return list(self._pending)

    @property
    def slots(self) -> int:
        """How many conversions are taken in and may reach Awin, or may have, without that being committed."""
        return len(self._outstanding) + self._attempted

    @property
    def unfinished(self) -> int:
        """How many records are taken in and not committed."""
        return len(self._frontier) + len(self._pending)

    @property
    def oldest_ms(self) -> int | None:
        """When the oldest order whose conversion is taken in and has no ending entered Kafka."""
        return min((item.conversion.entered_at_ms for item in self._outstanding.values()), default=None)

    def rank(self, offset: int) -> int:
        """Return the place of a record among those that are taken in and not committed: 1 for the first of them.

        A successor suspects so many of the first ones as the mark says, so an attempt is made of none beyond.
        """
        return self._frontier.unfinished_to(offset) + sum(finished.offset <= offset for finished in self._pending)

    @property
    def in_doubt(self) -> bool:
        """True when an attempt at an unfinished conversion may have reached Awin."""
        return any(item.in_doubt for item in self._outstanding.values())

    @property
    def doubtful(self) -> int:
        """How many may have reached Awin without that being committed, attempts under way aside."""
        return sum(item.in_doubt for item in self._outstanding.values()) + self._attempted

    def polled(self, record: Record) -> None:
        """Keep a record until it is taken in; one that was taken in before is dropped."""
        self.newest_ms = record.timestamp_ms
        if record.offset >= self._next_offset and (not self.unread or record.offset > self.unread[-1].offset):
            self.unread.append(record)

    def read(self, offset: int) -> bool:
        """Take in a record; return whether an earlier owner may have sent it."""
        self._frontier.read(offset)
        self._next_offset = offset + 1
        suspect = self._unflagged > 0 and offset < self._suspects_end
        if suspect:
            self._unflagged -= 1
            self._flagged.add(offset)
        return suspect

    def passed(self, next_offset: int) -> None:
        """Take note that the source will deliver nothing more below ``next_offset``."""
        if self.unread:
            return
        self._frontier.passed(next_offset)
        if next_offset >= self._suspects_end:
            self._unflagged = 0

    def enter(self, item: Outstanding) -> None:
        """Take in what a record holds."""
        self._outstanding[item.record.offset] = item

    def finish(self, finished: Finished) -> None:
        """Take in an ending. One that must commit with its offset waits until everything before it is finished."""
        self._held[finished.offset] = finished
        if not finished.in_order:
            self._release(finished.offset)
        while (lowest := self._frontier.lowest) is not None and lowest in self._held:
            self._release(lowest)

    def mark(self, max_outstanding: int) -> Mark:
        """Return what to commit while we work: a successor must suspect all that we may have sent."""
        return Mark(suspects=max(max_outstanding, self._suspects), counts=dict(self._counts))

    def clean_mark(self) -> Mark:
        """Return what to commit when none of our own attempts is in doubt: only older suspects remain."""
        return Mark(suspects=self._suspects, counts=dict(self._counts))

    def committed(self) -> list[Finished]:
        """Let go of what was pending, and return it."""
        pending, self._pending = self._pending, []
        self._attempted = 0
        return pending

    @property
    def _suspects(self) -> int:
        return self._unflagged + len(self._flagged)

    def _release(self, offset: int) -> None:
        finished = self._held.pop(offset)
        self._frontier.finish(offset)
        self._outstanding.pop(offset, None)
        self._pending.append(finished)
        self._attempted += finished.attempted
        was_suspect = offset in self._flagged
        self._flagged.discard(offset)
        if finished.ending != "known":
            self._counts[finished.ending] += 1
        elif was_suspect:
            self._unflagged += 1  # it was not unfinished after all, so the next one is among the first
