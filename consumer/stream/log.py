"""What a stage needs of a partitioned log: values and ports.

Two pairs of adapters keep these promises: `consumer.stream.source` and `consumer.stream.transaction` on Kafka, and
`consumer.stream.memory`. One contract suite tests both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct

from consumer.stream.framing import Headers

_HEADER_BYTES = 20
"""More than two lengths take that stand before a header's ASCII name and its content."""

BATCH_OVERHEAD_BYTES = 1_024
"""What a topic's ``max.message.bytes`` must hold besides a record's key and value."""


class TopicPartition(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int


class Record(Struct, frozen=True, gc=False):
    """One record as read. ``timestamp_ms`` is the log's (append or create time)."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


class Committed(NamedTuple):
    """A group's stable position in one partition."""

    offset: int
    metadata: str


class RebalanceListener(Protocol):
    """Told of assignment changes, on the polling thread, from inside `Source.poll`. Must return quickly."""

    def on_assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """These came (all of them start paused: nothing is delivered before `Source.start`)."""

    def on_revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """These go; offsets may still be committed before this returns."""

    def on_lost(self, partitions: Sequence[TopicPartition]) -> None:
        """These are gone already; nothing may be committed for them."""


class Source(Protocol):
    """A group member's view of its assigned partitions. One thread owns it and makes every call."""

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        """Return records of started partitions, as soon as there is one, else ``[]`` after the timeout.

        Runs the listener's callbacks, after which it returns early so that the caller can act on them. What it returns
        belongs to partitions that are assigned and started when it returns.

        Raises:
            OffsetsLost: a started partition's position is outside the log.
            Fenced: the client is broken for good.
        """

    def start(self, partition: TopicPartition, offset: int) -> None:
        """Deliver an assigned partition from ``offset`` on. Also goes back (or on) in one that is started already.

        Raises:
            LookupError: the partition is not assigned.
        """

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        """Deliver nothing of these until `resume`; positions stay. No-op for unassigned ones."""

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        """Undo `pause`. No-op for unassigned or not started ones."""

    def next_offset(self, partition: TopicPartition) -> int:
        """Return the offset after everything delivered so far, gaps (markers, compaction) at the end included.

        The gap after the last record is known a moment later than the record, by a later `poll`.

        Raises:
            LookupError: the partition is not started.
        """

    def committed(self, partitions: Sequence[TopicPartition], timeout_s: float) -> dict[TopicPartition, Committed]:
        """Return the stable committed positions; partitions without one are left out.

        Raises:
            Unavailable: no stable answer in time (a transaction that is open with offsets counts as none).
        """

    def ask_ends(self, partitions: Sequence[TopicPartition]) -> Callable[[], Mapping[TopicPartition, int] | None]:
        """Send a request for the end offsets (uncommitted records included) now, without blocking.

        The returned function gives the answer once it is there, ``None`` before. Partitions that just then have no
        leader are left out of it.

        Raises:
            Unavailable: (from the returned function) the request failed altogether.
        """

    def offsets_at(self, times_ms: Mapping[TopicPartition, int], timeout_s: float) -> dict[TopicPartition, int]:
        """Return each partition's first offset at or after a record time, its end where there is none.

        Raises:
            Unavailable: no answer in time.
        """

    def high_watermarks(self) -> Mapping[TopicPartition, int]:
        """Return the ends of started partitions as the broker told them last, without asking; for metrics."""

    def last_poll_age_s(self) -> float:
        """Seconds since the last `poll` returned (monotonic). Safe to call from any thread."""

    def generation(self) -> int:
        """Return a number that grows with every change of the assignment. Safe to call from any thread."""

    def close(self) -> None:
        """Leave the group. Runs `RebalanceListener.on_revoked` for what is assigned."""


def record_bytes(key: bytes | None, value: bytes | None, headers: Headers = ()) -> int:
    """Return what a record takes of a topic's ``max.message.bytes``, without `BATCH_OVERHEAD_BYTES`."""
    size = len(key or b"") + len(value or b"")
    for name, content in headers:
        size += len(name) + len(content or b"") + _HEADER_BYTES
    return size


class Transaction(Protocol):
    """One writer of atomic groups of records and offsets. Same thread as its `Source`."""

    def send(
        self, topic: str, key: bytes | None, value: bytes | None, partition: int | None = None, headers: Headers = ()
    ) -> None:
        """Add a record to the open transaction, opening one if need be; ``partition=None``: by murmur2 of the key.

        Raises:
            RecordTooLarge: nothing was added; the transaction goes on without this record.
            Unavailable: the broker does not answer; what was sent since the last commit is dropped.
            Fenced: see `commit`.
        """

    def commit(self, offsets: Mapping[TopicPartition, Committed]) -> Mapping[TopicPartition, int]:
        """Commit everything sent since the last commit together with the group's next offsets.

        ``offsets`` holds a valid next offset for every input partition that was written for, changed or not: the
        group's check of them is what fences an expelled member. Returns, per partition written to, the offset after
        the last record written.

        Raises:
            ValueError: ``offsets`` is empty or has a negative offset.
            Rebalanced: the group refused; the transaction is aborted, nothing of it will be seen.
            Unavailable: the broker did not answer in time; the transaction is aborted.
            TopicError: a topic or a permission is missing or wrong; the transaction is aborted.
            Fenced: another instance has our id, the client is broken for good, or the outcome is not known. Exit.
        """

    def abort(self) -> None:
        """Drop what was sent since the last commit. No-op when there is nothing.

        Nothing dropped will be seen, even if the broker does not answer now: what is left of the abort is done by the
        next `send` or `commit`, which is ``Unavailable`` until then.

        Raises:
            Fenced: see `commit`.
        """

    def hurry(self, seconds: float) -> None:
        """Wait for the broker no longer than until so many seconds from now: we are leaving. Any thread may say so.

        A commit whose outcome is not known by then is ``Fenced``; a restart settles it.
        """

    def close(self) -> None:
        """Abort what is open, if it still can be, and let go of the connection."""


class LoneWriter(Protocol):
    """A writer of atomic groups of records that belongs to no group of consumers: only its id fences it."""

    def send(self, topic: str, key: bytes | None, value: bytes | None, partition: int | None = None) -> None:
        """See `Transaction.send`."""

    def send_record(self, record: Record) -> None:
        """Add a record as it is, to its own partition, with its headers and its time; its offset says nothing.

        A topic that stamps records with the time of their appending puts that over its time.

        Raises:
            RecordTooLarge, Unavailable, Fenced: as `Transaction.send`.
        """

    def commit_alone(self) -> Mapping[TopicPartition, int]:
        """Commit everything sent since the last commit without offsets; return ends as `Transaction.commit`.

        Raises:
            Unavailable, TopicError: as `Transaction.commit`.
            Fenced: a writer with our id has begun since, or the outcome is not known. A new one with the same id
                settles it: whatever is not to be seen then was not committed.
        """
