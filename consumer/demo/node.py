"""One Kafka process: its configuration, its folder and its life."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from consumer.demo.configuration import HOST, LOG4J, Ports
from consumer.demo.jars import BrokerError

FORMAT_TIMEOUT_S = 60
LOG_TAIL_LINES = 30


@dataclass(frozen=True, slots=True)
class Java:
    """A runtime and a class path."""

    program: Path
    class_path: str
    options: tuple[str, ...] = ()

    def command(self, folder: Path, *arguments: str) -> list[str]:
        """The command line that runs Kafka's code and leaves no file outside ``folder``."""
        return [
            str(self.program),
            *("-Xmx512m", "-Xms512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"),
            *("-Xlog:disable", "-Xlog:all=error:stderr"),
            *("--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"),
            f"-Djava.io.tmpdir={folder / 'tmp'}",
            f"-Dlog4j2.configurationFile={folder / 'log4j2.xml'}",
            *self.options,
            *("-cp", self.class_path, *arguments),
        ]


class Node:
    """A combined broker and controller that can die and come back with the same data and ports."""

    def __init__(self, index: int, folder: Path, java: Java) -> None:
        self.index = index
        self.log = folder / "kafka.log"
        self._folder = folder
        self._java = java
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether its process is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process id.

        Raises:
            BrokerError: if it does not run.
        """
        if self._process is None or self._process.poll() is not None:
            raise BrokerError(f"Kafka node {self.index} does not run.")
        return self._process.pid

    def configure(
        self, ports: Ports, cluster: Mapping[str, str], overrides: Mapping[str, str], secured: Mapping[str, int]
    ) -> None:
        """Write its configuration: the cluster's, its own, and the caller's, who has the last word.

        ``secured``: ports of further listeners, by their security protocol.
        """
        doors = [f"{protocol}://{HOST}:{port}" for protocol, port in {"PLAINTEXT": ports.broker, **secured}.items()]
        own = {
            "node.id": str(self.index),
            "listeners": ",".join([*doors, f"CONTROLLER://{HOST}:{ports.controller}"]),
            "advertised.listeners": ",".join(doors),
            "listener.security.protocol.map": ",".join(
                ["CONTROLLER:PLAINTEXT", "PLAINTEXT:PLAINTEXT", *(f"{protocol}:{protocol}" for protocol in secured)]
            ),
            "log.dirs": str(self._folder / "data"),
        }
        (self._folder / "tmp").mkdir(parents=True, exist_ok=True)
        (self._folder / "log4j2.xml").write_text(LOG4J, encoding="utf-8")
        settings = {**cluster, **own, **overrides}
        text = "".join(f"{key}={value}\n" for key, value in settings.items())
        (self._folder / "server.properties").write_text(text, encoding="utf-8")

    def cluster_id(self) -> str:
        """The id of the cluster that its data folder was formatted for."""
        text = (self._folder / "data" / "meta.properties").read_text(encoding="utf-8")
        return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)["cluster.id"]

    def begin_format(self, cluster_id: str, group: int) -> None:
        """Begin to format its data folder, unless that was done before; `end_format` waits."""
        if not (self._folder / "data" / "meta.properties").exists():
            arguments = ("kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", "server.properties")
            self._process = self._spawn(arguments, group)

    def end_format(self) -> None:
        """Wait until its data folder is formatted.

        Raises:
            BrokerError: if that failed, or took longer than a minute.
        """
        if self._process is None:
            return
        self.wait(time.monotonic() + FORMAT_TIMEOUT_S)
        code, self._process = self._process.returncode, None
        if code != 0:
            raise BrokerError(f"Kafka node {self.index} could not format {self._folder}:\n{self.log_tail()}")

    def start(self, group: int) -> None:
        """Start its process in the process group ``group``."""
        if not self.running:
            self._process = self._spawn(("kafka.Kafka", "server.properties"), group)

    def check(self) -> None:
        """Make sure that its process lives.

        Raises:
            BrokerError: if it has ended; with the end of its log.
        """
        if not self.running:
            raise BrokerError(f"Kafka node {self.index} ended while starting:\n{self.log_tail()}")

    def accepts(self, port: int) -> bool:
        """Whether somebody listens on its port."""
        with socket.socket() as client:
            client.settimeout(1)
            return client.connect_ex((HOST, port)) == 0

    def terminate(self) -> None:
        """Ask it to shut down; does not wait."""
        if self._process is not None:
            self._process.terminate()

    def wait(self, deadline: float) -> None:
        """Wait for its end until a monotonic time, then end it."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def log_tail(self) -> str:
        """The last lines of its log, for an error message."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return f"(no log at {self.log})"
        return "\n".join(["  " + line for line in lines[-LOG_TAIL_LINES:]] + [f"(from {self.log})"])

    def _spawn(self, arguments: tuple[str, ...], group: int) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            try:
                return subprocess.Popen(  # noqa: S603 - the Java and the jars that we fetched
                    self._java.command(self._folder, *arguments),
                    cwd=self._folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    process_group=group,
                )
            except OSError as error:
                raise BrokerError(f"Kafka node {self.index} could not be started: {error}") from error
