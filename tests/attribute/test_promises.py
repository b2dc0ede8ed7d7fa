"""The promises of the stage, in any world, however it is read and whatever goes wrong meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TypeVar

from hypothesis import given
from hypothesis import strategies as st

from consumer.attribute.ports import Decoders
from consumer.errors import SchemaUnavailable, Unavailable
from consumer.stream.avro import OrderDecoder, SessionDecoder
from consumer.stream.framing import Headers
from consumer.stream.memory import MemoryLog
from tests.attribute.cluster import SCHEMAS, Cluster
from tests.attribute.endings import values
from tests.attribute.erased import check_everything
from tests.attribute.scripts import Play, noises, scripts
from tests.attribute.witness import WatchedSource, WatchedTransaction
from tests.strategies.worlds import worlds

IDLE_WAIT_S = 10.0
MAX_HOLD_S = 25.0

T = TypeVar("T")


@given(st.data())
def test_every_order_ends_as_the_reference_says(data: st.DataObject) -> None:
    """No sale is lost, none is reported twice, and the changelogs hold what the owners know."""
    world = data.draw(worlds())
    script = data.draw(scripts(world))
    cluster = Cluster(world.rules, cut_over_ms=world.cut_over_ms, max_poll_records=script.batch)
    play = Play(cluster, script, data.draw(noises(world)))
    play.run()
    play.end_event_time()
    play.sweep()
    check_everything(cluster, play.input)


class _Outages:
    """Broker and registry fail now and then, at any record, some times in all."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._left = 12
        orders = OrderDecoder(SCHEMAS)
        sessions = SessionDecoder(SCHEMAS)
        self.decoders = Decoders(self._sometimes(sessions), self._sometimes(orders))

    def strike(self) -> bool:
        """Whether it is time to fail."""
        struck = self._left > 0 and self._random.random() < 0.2
        self._left -= struck
        return struck

    def transaction(self, log: MemoryLog, name: str, source: WatchedSource, limit: int) -> WatchedTransaction:
        """Open a transaction that the broker may drop at any record."""
        outages = self

        class Dropping(WatchedTransaction):
            def send(
                self,
                topic: str,
                key: bytes | None,
                value: bytes | None,
                partition: int | None = None,
                headers: Headers = (),
            ) -> None:
                if outages.strike():
                    self.abort()
                    raise Unavailable("the broker takes no records")
                super().send(topic, key, value, partition, headers)

        return Dropping(log, name, source, limit)

    def _sometimes(self, decode: Callable[[bytes | None, Headers], T]) -> Callable[[bytes | None, Headers], T]:
        def decode_unless_struck(value: bytes | None, headers: Headers) -> T:
            if self.strike():
                raise SchemaUnavailable("the registry does not answer")
            return decode(value, headers)

        return decode_unless_struck


@given(st.data())
def test_an_outage_at_any_record_loses_nothing(data: st.DataObject) -> None:
    """Whatever of a batch was not reached when the broker or the registry failed is read again, in every partition."""
    world = data.draw(worlds())
    script = data.draw(scripts(world))
    outages = _Outages(data.draw(st.integers(0, 2**32)))
    cluster = Cluster(
        world.rules,
        cut_over_ms=world.cut_over_ms,
        max_poll_records=script.batch,
        decoders=outages.decoders,
        open_transaction=outages.transaction,
    )
    play = Play(cluster, script, data.draw(noises(world)))
    play.run()
    play.end_event_time()
    play.sweep()
    check_everything(cluster, play.input)


@given(st.data())
def test_forced_decisions_are_facts(data: st.DataObject) -> None:
    """On quiet partitions orders are decided by force, when it is allowed, and the reference agrees given the cuts."""
    world = data.draw(worlds())
    script = data.draw(scripts(world))
    cluster = Cluster(
        world.rules,
        cut_over_ms=world.cut_over_ms,
        max_poll_records=script.batch,
        idle_wait_s=IDLE_WAIT_S,
        max_hold_s=MAX_HOLD_S,
    )
    play = Play(cluster, script, data.draw(noises(world)))
    play.run()
    cluster.wait(3 * MAX_HOLD_S)
    play.sweep()
    check_everything(cluster, play.input)


@given(st.data())
def test_decisions_are_deterministic(data: st.DataObject) -> None:
    """Without facts, the same logs give the same conversions, byte by byte."""
    world = data.draw(worlds(erasing=False))
    noise = data.draw(noises(world))
    found = []
    for _ in range(2):
        script = data.draw(scripts(world))
        cluster = Cluster(world.rules, cut_over_ms=world.cut_over_ms, max_poll_records=script.batch)
        play = Play(cluster, script, noise)
        play.run()
        play.end_event_time()
        found.append(values(cluster))
    assert found[0] == found[1]
