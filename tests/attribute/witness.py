"""Notices what logs do not tell: when each order was read and decided, and what sweeps erased when.

It goes by what a member is given and by the transactions that it commits, not by what it makes of them. What is taken
back leaves no trace.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from consumer.attribute.ports import AttributeSettings
from consumer.attribution.touch import Kind
from consumer.demo.reference import Facts, Sweep
from consumer.state import orders, touches
from consumer.state.table import Table
from consumer.stream.framing import Headers
from consumer.stream.log import Committed, RebalanceListener, Record, TopicPartition
from consumer.stream.memory import Chooser, MemoryLog, MemorySource, MemoryTransaction

Place = tuple[int, int]
"""Partition and offset of an order."""


class Reading:
    """How far a member has come in one partition."""

    def __init__(self) -> None:
        self.next_session = self.next_order = 0
        self.read_at: dict[int, int] = {}
        """Of each order read since the last commit, the next session then."""
        self.sweep: Sweep | None = None
        """How things stood when it looked through the touches, if that was after the last commit."""


class Witness:
    """Takes note of everything that the members of a group commit."""

    def __init__(
        self,
        log: MemoryLog,
        settings: AttributeSettings,
        *,
        now_ms: Callable[[], int],
        monotonic_s: Callable[[], float],
    ) -> None:
        self.log = log
        self.settings = settings
        self.now_ms = now_ms
        self.monotonic_s = monotonic_s
        self.polled: dict[Place, tuple[int, int]] = {}
        """Of each order: when it was last delivered (ms), and the end of its session partition then."""
        self.first_session: dict[int, int] = {}
        """Of each partition, the session at which reading began."""
        self.looks = 0
        """How often somebody looked through touches, or some of them."""
        self._commits = 0
        self._read_at: dict[Place, int] = {}
        self._cuts: dict[Place, int] = {}
        self._decided_in: dict[Place, int] = {}
        self._sweeps: list[Sweep] = []

    def facts(self) -> Facts:
        """Return what is known so far."""
        return Facts(self._cuts, self._read_at, self._decided_in, self._sweeps)

    def sweep(self, partition: int, next_session: int, next_order: int) -> Sweep:
        """Return how things stand for a pass over a partition's touches by somebody who has read so far."""
        orders_end = self.log.end_offset(self.settings.order_topic, partition)
        read = range(self.first_session.get(partition, 0), next_session)
        return Sweep(partition, self._commits + 1, read, next_order, orders_end)

    def last_sweep(self, partition: int) -> Sweep:
        """Return how things stand for a pass when everything has been read, decided and erased."""
        sessions_end, orders_end = (self.log.end_offset(*each) for each in self.settings.inputs(partition))
        return replace(self.sweep(partition, sessions_end, orders_end), is_whole=True)

    def committed(self, partition: int, reading: Reading, sent: Iterable[Sent]) -> None:
        """Take note of a transaction that said this to the changelogs of a partition, and read so far."""
        self._commits += 1
        self._read_at.update({(partition, offset): at for offset, at in reading.read_at.items()})
        for each in sent:
            if each.topic == self.settings.orders_topic:
                self._note_links(each)
        if reading.sweep is not None:
            erased = frozenset(offset for each in sent for offset in self._erased(each))
            if erased:
                self._sweeps.append(replace(reading.sweep, commit=self._commits, erased=erased))

    def _note_links(self, sent: Sent) -> None:
        """Take note of an order's first link: later ones only lack checksums."""
        if sent.key is None or sent.value is None or not sent.key.startswith(orders.link_key(b"")):
            return
        link = orders.decode_link(sent.value)
        place = sent.partition, link.offset
        if place not in self._decided_in:
            self._decided_in[place] = self._commits
            if link.session_cut is not None:
                self._cuts[place] = link.session_cut

    def _erased(self, sent: Sent) -> Iterator[int]:
        if sent.topic != self.settings.touches_topic:
            return
        record = Record(sent.topic, sent.partition, 0, 0, sent.key, sent.value)
        for _, value in touches.changes_of(record):
            touch = None if value is None else touches.decode(value)
            if touch is not None and touch.kind in {Kind.ERASED, Kind.ERASED_GCLID}:
                yield touch.offset


class Sent(NamedTuple):
    """What a member wrote to a changelog."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None


class WatchedSource(MemorySource):
    """A source that remembers what it delivered, and when."""

    def __init__(self, witness: Witness, listener: RebalanceListener, member: str, chooser: Chooser) -> None:
        settings = witness.settings
        self.witness = witness
        self._session_topic = settings.session_topic
        self._readings: defaultdict[int, Reading] = defaultdict(Reading)
        topics = (settings.session_topic, settings.order_topic)
        super().__init__(witness.log, topics, listener, member=member, chooser=chooser, monotonic=witness.monotonic_s)

    def start(self, partition: TopicPartition, offset: int) -> None:
        super().start(partition, offset)
        reading = self._readings[partition.partition]
        reading.sweep = None
        if partition.topic == self._session_topic:
            reading.next_session = offset
            self.witness.first_session.setdefault(partition.partition, offset)
        else:
            reading.next_order = offset
            reading.read_at.clear()

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        records = super().poll(max_records, timeout_s)
        witness = self.witness
        for record in records:
            reading = self._readings[record.partition]
            if record.topic == self._session_topic:
                reading.next_session = record.offset + 1
            else:
                reading.next_order = record.offset + 1
                reading.read_at[record.offset] = reading.next_session
                end = witness.log.end_offset(self._session_topic, record.partition)
                witness.polled[record.partition, record.offset] = witness.now_ms(), end
        return records

    def looked_through(self, partition: int) -> None:
        """Somebody begins to look through a partition's touches."""
        reading = self._readings[partition]
        reading.sweep = self.witness.sweep(partition, reading.next_session, reading.next_order)
        self.witness.looks += 1

    def note_commit(self, partitions: Iterable[int], sent: Iterable[Sent]) -> None:
        """What was read of these partitions, and this, was committed."""
        for partition in sorted(partitions):
            reading = self._readings[partition]
            self.witness.committed(partition, reading, [each for each in sent if each.partition == partition])
            reading.read_at.clear()
            reading.sweep = None


class WatchedTransaction(MemoryTransaction):
    """A transaction that tells its source what of it was committed."""

    def __init__(self, log: MemoryLog, name: str, source: WatchedSource, limit: int) -> None:
        super().__init__(log, name, source, max_record_bytes=limit)
        self._watched = source
        self._sent: list[Sent] = []

    def send(
        self, topic: str, key: bytes | None, value: bytes | None, partition: int | None = None, headers: Headers = ()
    ) -> None:
        super().send(topic, key, value, partition, headers)
        if partition is not None:
            self._sent.append(Sent(topic, partition, key, value))

    def commit(self, offsets: Mapping[TopicPartition, Committed]) -> Mapping[TopicPartition, int]:
        written = self._open
        try:
            return super().commit(offsets)
        finally:
            if written is not None and written.state == "committed":
                self._watched.note_commit({each.partition for each in offsets}, self._sent)
            self._sent = []

    def abort(self) -> None:
        super().abort()
        self._sent = []


class WatchedTable(Table):
    """A table that says when somebody looks through all touches of a partition."""

    on_look: Callable[[int], None] | None = None

    def scan(self, partition: int, prefix: bytes, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        if prefix == touches.PREFIX and self.on_look is not None:
            self.on_look(partition)
        return super().scan(partition, prefix, start)
