"""The deliver stage on a real broker and the stand-in Awin."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from consumer.delivery import sent
from consumer.delivery.attempt.method import Sread
from consumer.delivery.attempt.sender import transport
from consumer.delivery.control import Orders
from consumer.delivery.settings import DeliverSettings
from consumer.delivery.stage import DeliverStage
from consumer.demo import awin
from consumer.demo.awin import StandInAwin
from consumer.demo.broker import EmbeddedKafka
from consumer.events import Receipt
from consumer.state.restore import Restorer
from consumer.state.rocksdb import RocksStore
from consumer.state.table import Table
from consumer.stream.avro import ControlDecoder, ControlEncoder
from consumer.stream.changelog_kafka import KafkaChangelogReader
from consumer.stream.feed_kafka import KafkaFeed
from tests.delivery.conversions import T0_MS, codecs, encoded, key_of, sale, schemas
from tests.delivery.recording import RecordingMetrics
from tests.delivery.stages import refs
from tests.stream.logs import OnKafka

pytestmark = pytest.mark.kafka

PARTITIONS = 2
NOW_MS = T0_MS + 60_000


class Shop:
    """The topics of one test, and the instances that deliver from them."""

    def __init__(self, log: OnKafka, name: Callable[[str], str], stand_in: StandInAwin, folder: Path) -> None:
        self.metrics = RecordingMetrics()
        """Of all instances together."""
        self._log = log
        self._group = name("group")
        self._stand_in = stand_in
        self._folder = folder
        self._conversions = log.topic("conversion", PARTITIONS)
        self._receipts = log.topic("receipt", PARTITIONS)
        self._deferred = log.topic("deferred", PARTITIONS)
        self._dead_letters = log.topic("dead-letter")
        self._control = log.topic("control")
        self._open: list[RocksStore | Restorer] = []

    def produce(self, *order_refs: str) -> None:
        """Append the conversions of these orders to the outbox."""
        for order_ref in order_refs:
            conversion = sale(order_ref)
            self._log.produce(self._conversions, key_of(conversion), encoded(conversion))

    def stage(self, member: str) -> DeliverStage:
        """Start an instance with a state folder of its own name; outstanding at once: 4."""
        settings = DeliverSettings(
            conversion_topic=self._conversions,
            receipt_topic=self._receipts,
            deferred_topic=self._deferred,
            control_topic=self._control,
            dead_letter_topic=self._dead_letters,
            max_message_bytes=100_000,
            endpoint=self._stand_in.endpoint,
            max_outstanding=4,
            read_timeout_ms=60_000,
            session_timeout_ms=20_000,
            drain_budget_ms=2_000,
        )
        store = RocksStore(self._folder / member)
        table = Table(
            store, self._receipts, "id", sent.changes_of, max_checkpoint_age_ms=86_400_000, now_ms=lambda: NOW_MS
        )
        inputs = [self._conversions, self._deferred]
        restorer = Restorer([table], inputs, lambda: KafkaChangelogReader(self._log.servers, self._group))
        self._open += [store, restorer]
        return DeliverStage(
            settings,
            open_source=lambda listener: self._log.source(inputs, listener, member),
            open_transaction=lambda source: self._log.transaction(member, source),
            table=table,
            restorer=restorer,
            codecs=codecs(),
            methods={"sread": Sread(settings.endpoint)},
            paces={},
            orders=Orders(
                KafkaFeed(self._log.servers, self._group, self._control),
                ControlDecoder(schemas()),
                ControlEncoder(schemas()),
                instance=member,
                monotonic_s=time.monotonic,
                now_ms=lambda: NOW_MS,
            ),
            http=transport(settings),
            metrics=self.metrics,
            random=Random(1),
            monotonic_s=time.monotonic,
            now_ms=lambda: NOW_MS,
        )

    def has(self, endings: int) -> Callable[[], bool]:
        """Return a condition: so many endings are committed."""
        return lambda: self.metrics.endings.total() >= endings

    def receipts(self) -> list[Receipt]:
        """Return every receipt that a committed reader finds."""
        return [
            codecs().read_receipt(value, ())
            for partition in range(PARTITIONS)
            for _, value in self._log.visible(self._receipts, partition)
        ]

    def close(self) -> None:
        """Let go of the state."""
        for each in reversed(self._open):
            each.close()


@pytest.fixture
def stand_in() -> Iterator[StandInAwin]:
    """A strict Awin on this machine."""
    with StandInAwin(strict=True) as running:
        yield running


@pytest.fixture
def shop(
    kafka: EmbeddedKafka, topic_names: Callable[[str], str], stand_in: StandInAwin, tmp_path: Path
) -> Iterator[Shop]:
    """Topics of our own on the shared broker."""
    log = OnKafka(kafka.bootstrap_servers, topic_names)
    made = Shop(log, topic_names, stand_in, tmp_path)
    yield made
    made.close()
    log.close()


def run_until(done: Callable[[], bool], *stages: DeliverStage) -> None:
    """Step these stages in turn until something has come about."""
    deadline_s = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline_s, "it did not come about"
        for stage in stages:
            stage.step(0.05)


def test_every_sale_arrives_once_over_a_graceful_restart(shop: Shop, stand_in: StandInAwin) -> None:
    """Stopping in the middle waits for what is in flight; the next instance sends the rest and flags nothing."""
    stand_in.behave(lambda _: awin.Answer(200, delay_s=0.1))
    shop.produce(*refs(20))
    first = shop.stage("a")
    run_until(lambda: len(stand_in.requests) >= 6, first)
    first.close()
    second = shop.stage("b")
    run_until(shop.has(20), second)
    second.close()
    assert stand_in.sent_twice() == []
    assert {receipt.order_ref for receipt in shop.receipts()} == set(refs(20))
    assert {(receipt.ending, receipt.possible_repeat) for receipt in shop.receipts()} == {("delivered", False)}


def test_a_stalled_instance_is_taken_over_from(shop: Shop, stand_in: StandInAwin) -> None:
    """What it had in flight is sent again, flagged; it commits nothing any more when it comes back, and goes on."""
    stand_in.behave(lambda request: awin.Hang() if request.ref in {"A-1", "A-4"} else awin.OK)
    shop.produce(*refs(6))
    first = shop.stage("a")
    run_until(shop.has(4), first)
    stand_in.behave(lambda _: awin.OK)
    second = shop.stage("b")
    run_until(shop.has(6), second)
    shop.produce(*[f"B-{number}" for number in range(10)])
    run_until(shop.has(16), first, second)
    first.close()
    second.close()
    flagged = [receipt.order_ref for receipt in shop.receipts() if receipt.possible_repeat]
    assert sorted(stand_in.sent_twice()) == ["A-1", "A-4"]
    assert sorted(flagged) == ["A-1", "A-4"]
    assert len(shop.receipts()) == 16


def test_partitions_are_shared_without_a_repeat(shop: Shop, stand_in: StandInAwin) -> None:
    """A second instance joins while sales are in flight and takes a partition over; each sale is sent once."""
    stand_in.behave(lambda _: awin.Answer(200, delay_s=0.1))
    shop.produce(*refs(120))
    first = shop.stage("a")
    run_until(lambda: len(stand_in.requests) >= 6, first)
    second = shop.stage("b")
    run_until(lambda: shop.has(120)() and bool(second.assignment.active), first, second)
    first.close()
    second.close()
    assert stand_in.sent_twice() == []
    assert len(shop.receipts()) == 120
    assert not any(receipt.possible_repeat for receipt in shop.receipts())
