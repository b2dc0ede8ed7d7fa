"""One test's world: topics of its own, traffic on them, and members of the consumer that come and go."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml
from confluent_kafka.admin import AdminClient

from consumer.demo.shop import ADVERTISER, HOST, Emission, Shop
from consumer.events import Receipt
from consumer.settings import Settings, parse
from consumer.stream import topics
from consumer.stream.avro import ConversionDecoder, DeadLetterDecoder, ReceiptDecoder
from consumer.stream.log import Record
from consumer.stream.properties import open_client
from consumer.stream.schemas import Schemas
from consumer.wiring import clients
from consumer.wiring.clients import Role
from consumer.wiring.rulebook import rulebook
from consumer.wiring.topics import inputs, plan
from tests.kafka.crash import small_steps
from tests.kafka.crash.program import Program, consumer_command, wait_until
from tests.kafka.crash.topic_reader import read_topic
from tests.kafka.crash.traffic import Changed, Journeys, Traffic
from tests.kafka.crash.verdict import Account, Logs, judge, ledgers

PARTITIONS = 4
SETTLE_TIMEOUT_S = 120.0

_TOPICS = (
    "session_landed",
    "order_completed",
    "conversion",
    "receipt",
    "deferred",
    "dead_letter",
    "control",
    "touches",
    "orders",
)


class Scenario:
    """Everything has names of its own, so that many of these can share a broker.

    Args:
        bootstrap_servers: the broker.
        name: makes names that nobody else uses.
        folder: for configuration, state and logs.
        endpoint: where deliver sends.
        seed: of the shop.
        changes: settings by section that differ from the quick ones; a list takes the place of the other one.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        name: Callable[[str], str],
        folder: Path,
        *,
        endpoint: str = "http://127.0.0.1:9/sread.php",
        seed: int = 1,
        changes: Mapping[str, Any] | None = None,
    ) -> None:
        self.servers = bootstrap_servers
        self.folder = folder
        self.schemas = Schemas.load()
        self._values = _quick(bootstrap_servers, name, endpoint)
        for section, values in (changes or {}).items():
            is_section = isinstance(values, Mapping)
            self._values[section] = {**self._values[section], **values} if is_section else values
        self._shop_seed = seed
        self._programs: list[Program] = []
        self._traffic: Traffic | None = None

    @property
    def settings(self) -> Settings:
        """The settings that all members have in common."""
        return parse(self._values)

    @property
    def admin(self) -> AdminClient:
        """A new admin client."""
        return open_client(AdminClient, clients.connection(self.settings))

    @property
    def values(self) -> dict[str, Any]:
        """A copy of them as they are written down."""
        return deepcopy(self._values)

    def create_topics(self, partitions: int = PARTITIONS) -> None:
        """Create inputs and our own topics."""
        settings = self.settings
        topics.create(self.admin, (*inputs(settings, partitions), *topics.owned(plan(settings), partitions)))

    def open_shop(self, events_per_second: float, change: Callable[[Emission], Emission] | None = None) -> Traffic:
        """Start the traffic; ``change`` may make another event of each."""
        names = self.settings.topics
        shop: Journeys = Shop(self._shop_seed, events_per_second)
        if change is not None:
            shop = Changed(shop, change)
        self._traffic = Traffic(shop, self.servers, (names.session_landed, names.order_completed), self.schemas)
        self._traffic.start()
        return self._traffic

    def start(self, role: Role | None, member: str = "a", *, tiny: bool = False, records: int | None = None) -> Program:
        """Start a member on its own state folder; ``role=None``: both stages.

        ``tiny``: with tiny memtables, and with ``records`` also so many records at a time.
        """
        config = self.configure(member)
        command = (
            [sys.executable, small_steps.__file__, str(config), *([str(records)] if records else [])]
            if tiny
            else consumer_command(config, role)
        )
        program = Program(command, self.folder / f"{member}-{len(self._programs)}.log")
        self._programs.append(program)
        return program

    def configure(self, member: str = "a") -> Path:
        """Write the settings of a member, with a state folder of its own, and return where they are."""
        values = {**self._values, "state": {**self._values["state"], "directory": str(self.state_folder(member))}}
        config = self.folder / f"{member}.yaml"
        config.write_text(yaml.safe_dump(values), encoding="utf-8")
        return config

    def state_folder(self, member: str = "a") -> Path:
        """Return where a member keeps its state."""
        return self.folder / f"state-{member}"

    def close(self) -> None:
        """End everything that still runs."""
        for program in self._programs:
            program.kill()
        if self._traffic is not None:
            self._traffic.stop()

    def read(self, topic: str) -> list[Record]:
        """Return the committed records of a topic, by the name of its setting."""
        return read_topic(self.servers, getattr(self.settings.topics, topic))

    def orders_judged(self) -> int:
        """Return how many order records the attribute stage has taken, by its ledgers."""
        return sum(ledger.orders for ledger in ledgers(self.read("orders")).values())

    def close_shop(self) -> tuple[int, int]:
        """End the traffic, wait until all of it is in Kafka, and return how many sessions and orders that are."""
        traffic = self._traffic
        assert traffic is not None
        traffic.stop()
        return traffic.sessions, traffic.orders

    def settle(self) -> None:
        """Close the shop and wait until the attribute stage has given every record its ending."""
        self.wait_judged(*self.close_shop())

    def unjudged(self, sessions: int, orders: int) -> tuple[int, int, int]:
        """Return how many of so many sessions and orders attribute has not taken, and how many orders are pending."""
        found = ledgers(self.read("orders")).values()
        return (
            sessions - sum(ledger.sessions for ledger in found),
            orders - sum(ledger.orders for ledger in found),
            sum(ledger.pending() for ledger in found),
        )

    def wait_judged(self, sessions: int, orders: int) -> None:
        """Wait until the attribute stage has given each of so many records its ending."""
        try:
            wait_until(
                lambda: self.unjudged(sessions, orders) == (0, 0, 0),
                "every record has its ending",
                SETTLE_TIMEOUT_S,
                every_s=0.5,
            )
        except AssertionError as error:
            left = "sessions {}, orders {}, pending {}".format(*self.unjudged(sessions, orders))
            raise AssertionError(f"{error}; left: {left}\n{self._told()}") from None

    def receipts(self) -> dict[str, Receipt]:
        """Return the newest receipt of every order reference."""
        decode = ReceiptDecoder(self.schemas)
        return {receipt.order_ref: receipt for receipt in (decode(record.value) for record in self.read("receipt"))}

    def wait_delivered(self, order_refs: Iterable[str]) -> dict[str, Receipt]:
        """Wait until each of these orders has a receipt, and return all receipts."""
        wanted = set(order_refs)
        try:
            wait_until(lambda: wanted <= self.receipts().keys(), "every order has its receipt", SETTLE_TIMEOUT_S, 0.5)
        except AssertionError as error:
            raise AssertionError(f"{error}; {len(wanted - self.receipts().keys())} have none\n{self._told()}") from None
        return self.receipts()

    def _told(self) -> str:
        """End the latest programs and return the last that they said and did, for a message."""
        return "\n".join(f"{program.tail()}\n{program.stacks()}" for program in self._programs[-2:])

    def account(self) -> Account:
        """Hold everything that the attribute stage left against the reference."""
        conversion, letter = ConversionDecoder(self.schemas), DeadLetterDecoder(self.schemas)
        letters = [letter(record.value) for record in self.read("dead_letter")]
        logs = Logs(
            sessions=self.read("session_landed"),
            orders=self.read("order_completed"),
            conversions=[conversion(record.value) for record in self.read("conversion")],
            dead_letters=[each for each in letters if each.stage == "attribute"],
            touches=self.read("touches"),
            order_changes=self.read("orders"),
        )
        return judge(logs, rulebook(self.settings), self.schemas)


def _quick(bootstrap_servers: str, name: Callable[[str], str], endpoint: str) -> dict[str, Any]:
    """Return the settings, with times that make a crash cost seconds instead of most of a minute."""
    return {
        "kafka": {
            "bootstrap_servers": bootstrap_servers,
            "group": name("group"),
            "session_timeout": "2s",
            "max_poll_interval": "30s",
            "transaction_timeout": "3s",
        },
        "topics": {
            **{each: name(each.replace("_", ".")) for each in _TOPICS},
            "replication": 1,
            "min_insync_replicas": 1,
        },
        "state": {},
        "attribution": {"grace": "1s"},
        "channels": {"own_domains": [HOST]},
        "programmes": [
            {"advertiser_id": "2002", "when": {"currency": "JPY"}, "report": "awin"},
            {
                "advertiser_id": ADVERTISER,
                "groups": {"field": "category", "codes": {"shoes": "SHOES", "jackets": "OUTDOOR"}},
                "custom": {"2": "market"},
                "products": True,
            },
        ],
        "orders": {"exclude": [{"currency": "GBP", "customer_type": "RETURNING"}]},
        "delivery": {"mode": "live", "endpoint": endpoint, "cut_over": "2020-01-01T00:00:00Z"},
        "ops": {"host": "127.0.0.1", "port": 0},
    }
