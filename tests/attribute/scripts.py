"""What happens to a group while it works on a world: who reads what when, and everything that goes wrong meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

from hypothesis import strategies as st

from consumer.demo.reference import LoggedOrder, LoggedSession, SessionRecord
from consumer.errors import Fenced, Rebalanced, Unavailable
from consumer.events import FORGET_ORDER_HEADER, SessionLanded, outbox_key
from consumer.stream.log import Record
from consumer.stream.memory import MemoryLog, Shuffled, in_order
from tests.attribute.cluster import ENCODE_ORDER, ENCODE_SESSION, ORDERS, PARTITIONS, SESSIONS, Cluster, Disk
from tests.strategies.worlds import Logged, World, readings

Noise = Literal["", "no value", "garbage", "gap"]
Local = Literal["kept", "stale", "deleted"]

NAMES = ("a", "a", "b", "c")
POISON: dict[str, bytes | None] = {"no value": None, "garbage": b"{}"}
NOISES: tuple[Noise, ...] = ("",) * 9 + ("no value", "garbage", "gap")
LAST_MS = 2_000_000_000_000
"""Later than anything else in a world."""


class Script(NamedTuple):
    """One way of working on a world."""

    reading: Sequence[Logged]
    """The order in which producers append the records."""
    batch: int
    """Most records that a poll returns."""
    seed: int | None
    """Decides which partitions a poll returns records of; ``None``: of one after the other, orders first."""
    events: Sequence[tuple[str, str]]
    """What happens, and to whom."""


class Input(NamedTuple):
    """The logs as they came to be."""

    sessions: list[SessionRecord]
    orders: list[LoggedOrder]
    poison: dict[tuple[str, int, int], str]
    """Reason by topic, partition and offset."""


EVENTS = (
    *("step",) * 12,
    *("produce",) * 8,
    *("joins",) * 3,
    *("refused commit", "unanswered commit", "commit of unknown outcome"),
    *("crash, kept", "crash, stale", "crash, deleted", "expelled", "restart", "flush", "leaves"),
    *("rebalance", "outage", "answer", "time", "hour"),
)
"""Each is done to a member where it concerns one, and does nothing where that one is not there."""


@st.composite
def scripts(draw: st.DrawFn, world: World) -> Script:
    """One way of working on this world."""
    return Script(
        reading=draw(readings(world)),
        batch=draw(st.integers(1, 7)),
        seed=draw(st.integers(0, 2**16)),
        events=draw(st.lists(st.tuples(st.sampled_from(EVENTS), st.sampled_from(NAMES)), min_size=12, max_size=48)),
    )


def noises(world: World) -> st.SearchStrategy[dict[tuple[str, int, int], Noise]]:
    """What stands in the logs just before some of the records."""
    records: list[Logged] = [*world.sessions, *world.orders]
    places = [_place(record) for record in records]
    kinds = st.lists(st.sampled_from(NOISES), min_size=len(places), max_size=len(places))
    return kinds.map(lambda drawn: dict(zip(places, drawn, strict=True)))


def _place(record: Logged) -> tuple[str, int, int]:
    return (ORDERS if isinstance(record, LoggedOrder) else SESSIONS), record.partition, record.offset


class Play:
    """A script being played on a cluster."""

    def __init__(self, cluster: Cluster, script: Script, noise: dict[tuple[str, int, int], Noise]) -> None:
        self.cluster = cluster
        self.input = Input([], [], {})
        self._script = script
        self._noise = noise
        self._left = list(script.reading)
        self._started = 0

    def run(self) -> None:
        """Play it to its end: the whole input is produced and read, and nobody is left behind."""
        self._start("a", Disk())
        for event, name in self._script.events:
            self._do(event, name)
        self.cluster.log.available = True
        while self._left:
            self._produce()
        if not self.cluster.members:
            self._start("a", Disk())
        self.cluster.share()
        self.cluster.settle()

    def produce(self, records: Iterable[Logged]) -> None:
        """Append more records."""
        for record in records:
            self._append(record)

    def end_event_time(self, partitions: Sequence[int] = (0, 1)) -> None:
        """Append a late session to partitions, so that every order there becomes decidable, and let that happen."""
        for partition in partitions:
            event = SessionLanded("last", "last", LAST_MS, "https://shop.example/")
            self._append(LoggedSession(partition, 0, LAST_MS, event))
        self.cluster.settle()

    def sweep(self) -> None:
        """Let the time come to look for refused checksums, and let that be done where everything has been read."""
        cluster, looks = self.cluster, -1
        cluster.clock.advance(cluster.settings.sweep_interval_s)
        while cluster.witness.looks != looks:
            looks = cluster.witness.looks
            for _ in range(PARTITIONS):
                cluster.clock.advance(cluster.settings.group_commit_s)
                cluster.step()

    def _do(self, event: str, name: str) -> None:
        cluster, member = self.cluster, self.cluster.members.get(name)
        if event == "produce":
            self._produce()
        elif event == "outage":
            cluster.log.available = False
        elif event == "answer":
            cluster.log.available = True
        elif event == "time":
            cluster.clock.advance(3)
        elif event == "hour":
            cluster.clock.advance(cluster.settings.sweep_interval_s)
        elif event == "rebalance":
            cluster.share()
        elif member is None:
            if event == "joins":
                self._start(name, Disk())
        else:
            self._do_to(event, name)

    def _do_to(self, event: str, name: str) -> None:
        cluster, member = self.cluster, self.cluster.members[name]
        failures = {
            "refused commit": (Rebalanced("the group refused"), False),
            "unanswered commit": (Unavailable("no answer"), False),
            "commit of unknown outcome": (Fenced("not known"), True),
        }
        if event == "step":
            member.step()
        elif event in failures:
            error, applied = failures[event]
            member.transaction.fail_next_commit(error, applied=applied)
        elif event == "flush":
            member.disk.flush()
        elif event.startswith("crash"):
            left = cluster.crash(name).disk
            disks = {"crash, kept": left, "crash, stale": left.survivor(), "crash, deleted": Disk()}
            self._start(name, disks[event])
        elif event == "expelled":
            cluster.log.expel(name)
            cluster.share()
        elif event == "leaves":
            cluster.stop(name)
        elif event == "restart":
            self._start(name, cluster.stop(name).disk)

    def _start(self, name: str, disk: Disk) -> None:
        self._started += 1
        seed = self._script.seed
        self.cluster.start(name, disk, chooser=in_order if seed is None else Shuffled(seed + self._started))

    def _produce(self) -> None:
        if self._left:
            record = self._left.pop(0)
            topic, partition, _ = place = _place(record)
            self._make_noise(topic, partition, self._noise.get(place, ""))
            self._append(record)

    def _make_noise(self, topic: str, partition: int, noise: Noise) -> None:
        log = self.cluster.log
        if noise == "gap":
            log.take_over("a producer")
            transaction = log.begin("a producer")
            log.append(transaction, topic, None, b"aborted", partition)
            log.finish(transaction, "aborted")
        elif noise:
            # A session record that has a key and no value would ask to forget a visitor.
            record = log.produce(topic, None if noise == "no value" else b"key", POISON[noise], partition)
            self.input.poison[topic, partition, record.offset] = "null_value" if noise == "no value" else "bad_framing"

    def _append(self, record: Logged) -> None:
        offset = produce(self.cluster.log, record).offset
        if isinstance(record, LoggedOrder):
            self.input.orders.append(replace(record, offset=offset))
        else:
            self.input.sessions.append(replace(record, offset=offset))


def produce(log: MemoryLog, record: Logged) -> Record:
    """Append a record to its partition, as its producer would."""
    partition, at_ms = record.partition, record.timestamp_ms
    if isinstance(record, LoggedOrder):
        return log.produce(ORDERS, b"key", ENCODE_ORDER(record.event), partition, timestamp_ms=at_ms)
    if isinstance(record, LoggedSession):
        return log.produce(SESSIONS, b"key", ENCODE_SESSION(record.event), partition, timestamp_ms=at_ms)
    headers = () if record.order is None else ((FORGET_ORDER_HEADER, outbox_key(*record.order)),)
    key = record.visitor_id.encode()
    return log.produce(SESSIONS, key, None, partition, timestamp_ms=at_ms, headers=headers)
