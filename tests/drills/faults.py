"""What breaks in a drill, and how it is mended."""

from __future__ import annotations

import shutil
import signal

from confluent_kafka import Producer
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType

from consumer.demo.awin import OK, Hang
from consumer.demo.shop import ADVERTISER
from tests.chaos.broker_faults import leader
from tests.chaos.load import API
from tests.drills import tampering
from tests.drills.place import Place
from tests.kafka.crash.program import wait_until

HANGING_S = 7_000
"""How long the broker lets a transaction stay open in which nothing happens."""
_RETENTION_MS = 20 * 60_000


class Drilled:
    """Something that breaks in a place and is mended; by default nothing that must be prepared."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def prepare(self) -> None:
        """Before the process is started and the shop opens."""

    def strike(self) -> None:
        """Break it."""
        raise NotImplementedError

    def heal(self) -> None:
        """Mend it."""
        raise NotImplementedError


class AwinGone(Drilled):
    """Nobody listens at Awin's address."""

    def strike(self) -> None:
        self.place.awin.refuse()

    def heal(self) -> None:
        self.place.awin.accept()


class KeyRevoked(Drilled):
    """The key of a programme of the Conversion API is refused; it is renewed, and the programme resumed."""

    def strike(self) -> None:
        self.place.awin.revoke_keys(API)

    def heal(self) -> None:
        self.place.awin.restore_keys(API)
        self.place.order("programmes", "resume", API, "--by", "drill")


class ProgrammePaused(Drilled):
    """Somebody pauses a programme and forgets it."""

    def strike(self) -> None:
        self.place.order("programmes", "pause", ADVERTISER, "--by", "drill")

    def heal(self) -> None:
        self.place.order("programmes", "resume", ADVERTISER, "--by", "drill")


class KilledWhileSending(Drilled):
    """Killed with requests under way, and started again."""

    def strike(self) -> None:
        self.place.awin.behave(lambda _: Hang())
        wait_until(lambda: (self.place.metric("awin_outstanding_conversions") or 0) > 0, "something is under way")
        self.place.kill()
        self.place.awin.behave(lambda _: OK)
        self.place.start()

    def heal(self) -> None:
        """It already runs again."""


class ConsumersGone(Drilled):
    """All processes are ended, and nobody starts them."""

    def strike(self) -> None:
        self.place.kill()

    def heal(self) -> None:
        self.place.start()


class LoopStuck(Drilled):
    """The loops of both stages wait for something that does not come; everything else goes on."""

    def strike(self) -> None:
        self.place.program.send(signal.SIGUSR1)

    def heal(self) -> None:
        self.place.program.send(signal.SIGUSR2)


class TransactionLeftOpen(Drilled):
    """A producer of sessions and orders leaves a transaction open: until it ends, nothing behind it can be read.

    The topics keep what they have for twenty minutes.
    """

    def prepare(self) -> None:
        topics = self.place.scenario.settings.topics
        entry = ConfigEntry("retention.ms", str(_RETENTION_MS), incremental_operation=AlterConfigOpType.SET)
        resources = [
            ConfigResource(ResourceType.TOPIC, name, incremental_configs=[entry])
            for name in (topics.session_landed, topics.order_completed)
        ]
        admin = self.place.scenario.admin
        for done in admin.incremental_alter_configs(resources).values():
            done.result(30)

    def strike(self) -> None:
        topics = self.place.scenario.settings.topics
        self._producer = producer = Producer(
            {
                "bootstrap.servers": self.place.kafka.bootstrap_servers,
                "transactional.id": f"{topics.session_landed}-left-open",
                "transaction.timeout.ms": HANGING_S * 1000,
                "log_level": 0,
            }
        )
        producer.init_transactions(30)
        producer.begin_transaction()
        for name in (topics.session_landed, topics.order_completed):
            for partition in producer.list_topics(name, 30).topics[name].partitions:
                producer.produce(name, b"never committed", "nobody", partition)
        assert producer.flush(30) == 0, "the open transaction's records were not taken"

    def heal(self) -> None:
        self._producer.abort_transaction(30)


class BrokersGone(Drilled):
    """All brokers die."""

    def strike(self) -> None:
        self.place.kafka.kill()

    def heal(self) -> None:
        self.place.kafka.start_node()


class ChangelogGone(Drilled):
    """The only broker with a changelog's partition dies, and a new process on an empty disk has to restore it."""

    def strike(self) -> None:
        self.place.kill()
        shutil.rmtree(self.place.state_folder)
        self._node = leader(self.place.scenario, "orders", 0)
        self.place.kafka.kill(self._node)
        self.place.start(wait=False)

    def heal(self) -> None:
        self.place.kafka.start_node(self._node)


class Tampered(Drilled):
    """The shop tells something wrong for a while."""

    change = staticmethod(tampering.unchanged)
    hold_sessions_ms = 0

    def strike(self) -> None:
        self.place.shop.hold_sessions_ms = self.hold_sessions_ms
        self.place.shop.change = self.change

    def heal(self) -> None:
        self.place.shop.hold_sessions_ms = 0
        self.place.shop.change = tampering.unchanged


class PoisonFlood(Tampered):
    """A third of all records can be read by nobody."""

    change = staticmethod(tampering.poisoned)


class QueriesStripped(Tampered):
    """Landing addresses lose their query strings, and referrers are gone."""

    change = staticmethod(tampering.without_query)


class Garbled(Tampered):
    """Checksums are cut short, lines have an unknown category, and every third session comes eight seconds late."""

    change = staticmethod(tampering.garbled)
    hold_sessions_ms = 8_000


class TestOrders(Tampered):
    """Orders say that they are tests."""

    __test__ = False
    change = staticmethod(tampering.as_test)


class ShopSilent(Drilled):
    """The shop is not there at an hour in which it was last week."""

    def strike(self) -> None:
        """It was never opened."""

    def heal(self) -> None:
        self.place.open_shop()
