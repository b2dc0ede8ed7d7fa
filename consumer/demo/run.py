"""The demo: a real Kafka, a stand-in Awin, a synthetic shop, both stages, and a check of everything at the end."""

from __future__ import annotations

import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import Random

from confluent_kafka.admin import AdminClient
from rich.console import Console

from consumer.demo.awin import StandInAwin, log_normal
from consumer.demo.broker import EmbeddedKafka
from consumer.demo.producing import OpenShop
from consumer.demo.prometheus import Prometheus
from consumer.demo.prometheus_package import Programs, programs
from consumer.demo.shop import ADVERTISER, HOST, Shop
from consumer.demo.summary import Summary, summarize
from consumer.demo.tap import ConversionTap
from consumer.demo.view import View
from consumer.errors import ConsumerError
from consumer.service import Service
from consumer.settings import Settings, parse
from consumer.stream import topics
from consumer.stream.avro import ConversionDecoder
from consumer.stream.properties import open_client
from consumer.stream.schemas import Schemas
from consumer.wiring import clients
from consumer.wiring.topics import inputs, plan

PARTITIONS = 4
RULES = Path("helm/awin-s2s-consumer/rules/rules.yaml")
_START_TIMEOUT_S = 60.0
_SETTLE_TIMEOUT_S = 90.0


def run_demo(
    *,
    seconds: float,
    rate: float,
    seed: int,
    bootstrap_servers: str | None,
    console: Console,
    ops_port: int = 0,
    prometheus: bool = False,
    look: Callable[[Prometheus], None] = lambda _: None,
) -> Summary:
    """Run it and return what it found.

    Args:
        seconds: how long the shop is open.
        rate: events (landings and orders) per second.
        seed: the same seed makes the same shop.
        bootstrap_servers: an existing broker to use; the demo keeps to topics of its own there. ``None``: an own one.
        console: where progress goes.
        ops_port: port for metrics and health; 0 picks one.
        prometheus: scrape the consumer with a real Prometheus meanwhile.
        look: called with it when every order has come to its end, and before anything stops.

    Raises:
        ConsumerError: something did not start, or did not come to an end.
    """
    watch = _Watch(programs(), look) if prometheus else None
    with ExitStack() as stack:
        if bootstrap_servers is None:
            console.print("Starting a real Kafka on this machine …")
            started_s = time.monotonic()
            bootstrap_servers = stack.enter_context(EmbeddedKafka()).bootstrap_servers
            console.print(f"Kafka is ready at {bootstrap_servers} after {time.monotonic() - started_s:.1f} s.")
        latency = log_normal(median_s=0.04, sigma=0.5, random=Random(seed))
        awin = stack.enter_context(StandInAwin(latency=latency))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="awin-demo-")))
        settings = _settings(bootstrap_servers, awin.endpoint, folder, ops_port)
        _create_topics(settings, stack)
        return _run(settings, awin, Shop(seed, rate), seconds, console, watch)


def _run(
    settings: Settings, awin: StandInAwin, shop: Shop, seconds: float, console: Console, watch: _Watch | None
) -> Summary:
    schemas = Schemas.load()
    names = settings.topics
    servers = settings.kafka.bootstrap_servers
    with ExitStack() as stack:
        service = Service(settings, ("attribute", "deliver"))
        running = _Running(service)
        stack.callback(running.stop)
        _wait(lambda: service.health.ready().ok, _START_TIMEOUT_S, "the consumer did not become ready", running)
        assert service.ops is not None  # noqa: S101  # it is ready
        console.print(
            f"The consumer is ready: http://127.0.0.1:{service.ops.port}/metrics, /livez, /readyz and /startupz. "
            f"The shop opens for {seconds:.0f} s."
        )
        if watch is not None:
            watch.begin(service.ops.port, stack)
            console.print(f"Prometheus scrapes it every second, until the demo ends: {watch.address}")
        tap = ConversionTap(servers, names.conversion, ConversionDecoder(schemas))
        stack.callback(tap.close)
        tap.start()
        open_shop = OpenShop(shop, servers, names.session_landed, names.order_completed, schemas, seconds)
        open_shop.open()
        stack.callback(open_shop.close)
        with View(console, open_shop, tap, awin, seconds) as view:
            while open_shop.is_open():
                running.check()
                view.update("the shop is closing" if open_shop.is_closing() else "the shop is open")
                time.sleep(0.25)

            def settled() -> bool:
                view.update("settling")
                return _settled(service, open_shop, tap)

            _wait(settled, _SETTLE_TIMEOUT_S, "the orders did not all come to an end", running)
        if watch is not None:
            watch.look()
        running.stop()
        running.check()
        console.print("Checking everything against a brute-force reference …")
        return summarize(settings, schemas, tap.all(), awin.requests)


class _Watch:
    """A Prometheus that scrapes the demo, with the chart's rules where the demo is run from its source."""

    def __init__(self, found: Programs, look: Callable[[Prometheus], None]) -> None:
        self._programs = found
        self._look = look
        self._prometheus: Prometheus | None = None

    @property
    def address(self) -> str:
        """Where its pages are."""
        return "" if self._prometheus is None else self._prometheus.address

    def begin(self, ops_port: int, stack: ExitStack) -> None:
        """Scrape this port until ``stack`` is closed."""
        targets = {f"127.0.0.1:{ops_port}": {"namespace": "demo", "pod": "demo-0"}}
        rules = [path for path in (RULES,) if path.exists()]
        self._prometheus = stack.enter_context(Prometheus(self._programs, targets, rules=rules))

    def look(self) -> None:
        """Everything has come to its end."""
        if self._prometheus is not None:
            self._look(self._prometheus)


class _Running:
    """The service on a thread of its own."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="service")
        self._thread.start()

    def check(self) -> None:
        """Raise what the service failed with, if it did."""
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Stop it in order."""
        self._service.stop()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._service.run()
        except BaseException as error:  # noqa: BLE001  # raised again by `check`, on the demo's thread
            self._failure = error


def _settings(bootstrap_servers: str, endpoint: str, folder: Path, ops_port: int) -> Settings:
    run = f"demo-{uuid.uuid4().hex[:8]}"
    names = {
        "session_landed": "session.landed",
        "order_completed": "order.completed",
        "conversion": "awin.conversion",
        "receipt": "awin.receipt",
        "deferred": "awin.deferred",
        "dead_letter": "awin.dead-letter",
        "control": "awin.control",
        "touches": "awin.attribute.touches",
        "orders": "awin.attribute.orders",
    }
    return parse(
        {
            "kafka": {"bootstrap_servers": bootstrap_servers, "group": run, "session_timeout": "10s"},
            "topics": {
                **{setting: f"{run}.{name}" for setting, name in names.items()},
                "replication": 1,
                "min_insync_replicas": 1,
            },
            "state": {"directory": folder},
            "attribution": {"grace": "2s"},
            "channels": {"own_domains": (HOST,)},
            "programmes": ({"advertiser_id": ADVERTISER},),
            "delivery": {"mode": "live", "endpoint": endpoint},
            "ops": {"host": "127.0.0.1", "port": ops_port, "log_level": "warning"},
        },
        "the demo's own settings",
    )


def _create_topics(settings: Settings, stack: ExitStack) -> None:
    """Create the run's topics; ``stack`` deletes them, since the broker may be the user's own."""
    admin = open_client(AdminClient, clients.connection(settings))
    specs = (*inputs(settings, PARTITIONS), *topics.owned(plan(settings), PARTITIONS))
    stack.callback(topics.delete, admin, [spec.name for spec in specs])
    topics.create(admin, specs)


def _settled(service: Service, shop: OpenShop, tap: ConversionTap) -> bool:
    """True when every order record has an ending in attribute, and every conversion one in deliver."""
    metrics = service.metrics
    judged = metrics.total("awin_orders_total")
    decided = metrics.total("awin_orders_total", ending="decided")
    sessions = metrics.total("awin_records_total", stage="attribute", topic=service.settings.topics.session_landed)
    return (
        judged == shop.orders
        and sessions == shop.sessions
        and metrics.total("awin_endings_total") == decided
        and len(tap.all()) == decided
    )


def _wait(condition: Callable[[], bool], timeout_s: float, otherwise: str, running: _Running) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        running.check()
        if time.monotonic() > deadline_s:
            raise ConsumerError(f"{otherwise} within {timeout_s:.0f} s")
        time.sleep(0.1)
