"""A Kafka cluster on this machine, given a Java to run it with: folders, ports, processes, readiness."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from consumer.demo import reaper
from consumer.demo.configuration import HOST, Ports, cluster_settings, free_ports, new_cluster_id
from consumer.demo.jars import BrokerError
from consumer.demo.node import Java, Node

READY_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 15.0
# What goes with its folder need not be tidied, and nodes that lost their quorum take 6 s.
DISCARD_TIMEOUT_S = 2.0
PORT_TRIES = 3
POLL_S = 0.05
READY_ID = "embedded-kafka-ready"


class Cluster:
    """One Kafka node, or several that are broker and controller both.

    Topics get as many replicas as there are nodes, of which all but one must be in sync. The caller's ``properties``
    override any setting. ``data_dir`` is kept and may be started from again; without it everything is in a temporary
    folder, which goes with the cluster. Neither a process nor that folder outlives the process that started it, even
    if that is killed. Not safe for use by several threads at once.
    """

    def __init__(
        self,
        java: Callable[[], Java],
        *,
        nodes: int = 1,
        data_dir: Path | None = None,
        properties: Mapping[str, str] | None = None,
        secured: Mapping[str, int] | None = None,
    ) -> None:
        if nodes < 1:
            raise ValueError(f"nodes must be at least 1, not {nodes}")
        if secured and nodes > 1:
            raise ValueError("secured listeners are for one node: their ports are the caller's")
        self._java = java
        self._count = nodes
        self._data_dir = data_dir
        self._properties = dict(properties or {})
        self._secured = dict(secured or {})
        self._nodes: list[Node] = []
        self._ports: list[Ports] = []
        self._reaper: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None

    @property
    def bootstrap_servers(self) -> str:
        """Addresses of all nodes, running or not.

        Raises:
            BrokerError: before `start` and after `stop`.
        """
        if not self._ports:
            raise BrokerError("The embedded Kafka is not started.")
        return ",".join(f"{HOST}:{ports.broker}" for ports in self._ports)

    @property
    def folder(self) -> Path:
        """Where its data, configuration and logs (``node-*/kafka.log``) are.

        Raises:
            BrokerError: before `start` and after `stop`.
        """
        if self._folder is None:
            raise BrokerError("The embedded Kafka is not started.")
        return self._folder

    def start(self) -> None:
        """Start all nodes and wait until they serve clients, groups and transactions.

        Raises:
            BrokerError: if that fails or takes over two minutes; with the end of the log. Nothing is left running.
        """
        if self._nodes:
            raise BrokerError("The embedded Kafka is started already.")
        java = self._java()
        with ExitStack() as on_failure:
            on_failure.callback(self.stop)
            self._folder = self._make_folder()
            self._reaper = spawn_reaper(None if self._data_dir else self._folder)
            self._nodes = [self._make_node(index, java) for index in range(self._count)]
            for tries_left in reversed(range(PORT_TRIES)):
                self._ports = free_ports(self._count)
                try:
                    self._start_nodes()
                    break
                except BrokerError as error:
                    # Another process took the port in between.
                    if not tries_left or "Address already in use" not in str(error):
                        raise
                    for node in self._nodes:
                        node.kill()
            on_failure.pop_all()

    def stop(self) -> None:
        """Shut down and remove the temporary folder; may be repeated.

        What has not ended after 15 s is killed; after 2 s, if its data goes anyway.
        """
        for node in self._nodes:
            node.terminate()
        deadline = time.monotonic() + (STOP_TIMEOUT_S if self._data_dir else DISCARD_TIMEOUT_S)
        for node in self._nodes:
            node.wait(deadline)
        if self._folder is not None and self._data_dir is None:
            shutil.rmtree(self._folder, ignore_errors=True)
        if self._reaper is not None:
            self._reaper.communicate(b".")
        self._nodes, self._ports, self._reaper, self._folder = [], [], None, None

    def kill(self, node: int = 0) -> None:
        """End a node as a crash would."""
        self._node(node).kill()

    def stop_node(self, node: int = 0, *, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """Shut a node down; kill it if it has not ended in time, as it may without a quorum."""
        self._node(node).terminate()
        self._node(node).wait(time.monotonic() + timeout_s)

    def start_node(self, node: int = 0, *, wait: bool = True) -> None:
        """Start a stopped or killed node again, with its data and ports.

        With ``wait``, until every running node is known to the cluster and it serves groups and transactions: not
        possible without a quorum.

        Raises:
            BrokerError: if that fails or takes over two minutes.
        """
        self._node(node).start(self._group())
        if wait:
            self._wait_until_ready([each for each in self._nodes if each.running or each.index == node])

    def pid(self, node: int = 0) -> int:
        """Process id of a node.

        Raises:
            BrokerError: if it does not run.
        """
        return self._node(node).pid

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _node(self, index: int) -> Node:
        if not 0 <= index < len(self._nodes):
            raise BrokerError(f"There is no Kafka node {index}: {len(self._nodes)} are started.")
        return self._nodes[index]

    def _group(self) -> int:
        if self._reaper is None:
            raise BrokerError("The embedded Kafka is not started.")
        return self._reaper.pid

    def _make_folder(self) -> Path:
        if self._data_dir is None:
            return Path(tempfile.mkdtemp(prefix="embedded-kafka-"))
        folder = self._data_dir.absolute()
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _make_node(self, index: int, java: Java) -> Node:
        folder = self.folder / f"node-{index}"
        folder.mkdir(exist_ok=True)
        return Node(index, folder, java)

    def _start_nodes(self) -> None:
        cluster, cluster_id = cluster_settings(self._ports), new_cluster_id()
        for node, ports in zip(self._nodes, self._ports, strict=True):
            node.configure(ports, cluster, self._properties, self._secured)
            node.begin_format(cluster_id, self._group())
        for node in self._nodes:
            node.end_format()
        for node in self._nodes:
            node.start(self._group())
        self._wait_until_ready(self._nodes)

    def _wait_until_ready(self, nodes: Sequence[Node]) -> None:
        """Wait until these nodes form a cluster that coordinates groups and transactions."""
        deadline = time.monotonic() + READY_TIMEOUT_S
        for node in nodes:
            _wait(partial(node.accepts, self._ports[node.index].broker), deadline, nodes)
        servers = {"bootstrap.servers": self.bootstrap_servers, "log_level": 0}
        consumer = Consumer({**servers, "group.id": READY_ID})
        producer = Producer({**servers, "transactional.id": READY_ID})
        try:
            _wait(partial(_members, producer, nodes), deadline, nodes)
            _wait(partial(_coordinates_group, consumer), deadline, nodes)
            _wait(partial(_coordinates_transactions, producer), deadline, nodes)
        finally:
            consumer.close()


def _wait(condition: Callable[[], bool], deadline: float, nodes: Sequence[Node]) -> None:
    """Try until the condition holds; a Kafka error means not yet, a dead node never."""
    while True:
        for node in nodes:
            node.check()
        reason = ""
        try:
            if condition():
                return
        except KafkaException as error:
            reason = f" ({error.args[0].str()})"
        if time.monotonic() > deadline:
            tails = "\n".join(node.log_tail() for node in nodes)
            raise BrokerError(f"Kafka was not ready within {READY_TIMEOUT_S:.0f} s{reason}:\n{tails}")
        time.sleep(POLL_S)


def _members(client: Producer, nodes: Sequence[Node]) -> bool:
    """Whether all of them are in the cluster, and the cluster is ours and not a stranger's on the same port."""
    cluster = client.list_topics(timeout=2)
    known = set(cluster.brokers) if cluster.cluster_id == nodes[0].cluster_id() else set()
    return known.issuperset(node.index for node in nodes)


def _coordinates_group(client: Consumer) -> bool:
    return bool(client.committed([TopicPartition(READY_ID, 0)], 2))


def _coordinates_transactions(client: Producer) -> bool:
    client.init_transactions(2)
    return True


def spawn_reaper(folder: Path | None) -> subprocess.Popen[bytes]:
    """Start the leader of a process group that does not outlive us; see `consumer.demo.reaper`."""
    return subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-I", "-S", reaper.__file__, str(os.getpid()), *([str(folder)] if folder else [])],
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )
