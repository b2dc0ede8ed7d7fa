"""One installation of the product in a drill: topics, an Awin, a shop and a process of its own."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from threading import RLock
from typing import Any

from consumer.demo.awin import StandInAwin
from consumer.demo.broker import EmbeddedKafka
from consumer.demo.configuration import HOST, free_ports
from tests.chaos.load import marketed, programmes
from tests.chaos.orders import run
from tests.drills import stuck
from tests.drills.tampering import CleanShop, TamperedShop, in_one_group
from tests.kafka.crash.program import Program, consumer_command, wait_until
from tests.kafka.crash.scenario import Scenario
from tests.kafka.crash.traffic import Traffic

KEY = "drill-key-7d3f5be1"
_MEMBER = "consumer"
_READY_TIMEOUT_S = 180.0


class Place:
    """Its process is started again when it ends unasked, as Kubernetes would. Belongs to one thread, but for `tend`.

    Args:
        name: of the installation; its namespace in Prometheus.
        kafka: shared with other places, or its own.
        folder: for configuration, state and logs.
        stack: what ends everything.
        events_per_s: of the shop, landings and orders; about one in ten is an order.
        by_api: its British orders go to the Conversion API, with a key.
        sticky: its loops can be held (see `stuck`).
    """

    def __init__(
        self,
        name: str,
        kafka: EmbeddedKafka,
        folder: Path,
        stack: ExitStack,
        *,
        events_per_s: float = 10.0,
        by_api: bool = False,
        sticky: bool = False,
    ) -> None:
        self.name = name
        self.kafka = kafka
        self.awin = stack.enter_context(StandInAwin(strict=True))
        folder.mkdir()
        key_file = folder / "api-key"
        key_file.write_text(KEY, encoding="ascii")
        (ports,) = free_ports(1)
        self.address = f"{HOST}:{ports.broker}"
        """Where it is scraped."""
        run_id = uuid.uuid4().hex[:6]
        self.scenario = stack.enter_context(
            closing(
                Scenario(
                    kafka.bootstrap_servers,
                    lambda topic: f"{name}-{run_id}-{topic}",
                    folder,
                    endpoint=self.awin.endpoint,
                    changes=_earnest(ports.broker, self.awin, key_file, by_api=by_api),
                )
            )
        )
        if by_api:
            self.awin.require_keys({KEY})
        self.scenario.create_topics()
        self.shop = TamperedShop(CleanShop(1, events_per_s), marketed if by_api else in_one_group)
        topics = self.scenario.settings.topics
        self._traffic = Traffic(
            self.shop,
            kafka.bootstrap_servers,
            (topics.session_landed, topics.order_completed),
            self.scenario.schemas,
        )
        stack.callback(self._traffic.stop)
        self._config = self.scenario.configure(_MEMBER)
        self._sticky = sticky
        self._lock = RLock()
        self._programs: list[Program] = []
        self._wanted = False
        stack.callback(self.kill)

    @property
    def program(self) -> Program:
        """The process that was started last."""
        return self._programs[-1]

    @property
    def state_folder(self) -> Path:
        """Where it keeps its state."""
        return self.scenario.state_folder(_MEMBER)

    def start(self, *, wait: bool = True) -> None:
        """Start the process."""
        command = [sys.executable, stuck.__file__, str(self._config)] if self._sticky else None
        with self._lock:
            log = self.scenario.folder / f"{len(self._programs)}.log"
            self._programs.append(Program(command or consumer_command(self._config, None), log))
            self._wanted = True
        if wait:
            wait_until(lambda: self.program.get("/readyz") == 200, f"{self.name} is ready", _READY_TIMEOUT_S)

    def kill(self) -> None:
        """End the process as a crash would, and leave it so."""
        with self._lock:
            self._wanted = False
            if self._programs:
                self.program.kill()

    def tend(self) -> None:
        """Start the process again if it has ended unasked."""
        with self._lock:
            if self._wanted and not self.program.running:
                self.start(wait=False)

    def open_shop(self) -> None:
        """Start the load."""
        self._traffic.start()

    def order(self, *command: str) -> None:
        """Have the product's command do something."""
        run(self._config, *command)

    def metric(self, name: str) -> float | None:
        """Return the sum of a metric's series as the process tells it now; ``None`` when there is none."""
        lines = self.program.page("/metrics")[1].splitlines()
        values = [float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name}{{", f"{name} "))]
        return sum(values) if values else None


def _earnest(port: int, awin: StandInAwin, key_file: Path, *, by_api: bool) -> Mapping[str, Any]:
    """Return settings that are those of production again where the crash tests have quick ones."""
    changes: dict[str, Any] = {
        "kafka": {"session_timeout": "15s", "max_poll_interval": "5m", "transaction_timeout": "30s"},
        "attribution": {"grace": "2s"},
        "delivery": {"conversion_api": {"endpoint": awin.api_endpoint}},
        "ops": {"port": port},
    }
    if by_api:
        changes["programmes"] = programmes(str(key_file))
    return changes
