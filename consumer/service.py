"""A running consumer: its stages on a thread each, the ops port, and the way out.

A stage that fails ends the others too: the process exits non-zero and its supervisor starts it anew.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from types import FrameType
from typing import Protocol

import structlog

from consumer.assignment import Assignment
from consumer.errors import Unavailable
from consumer.ops import catalogue
from consumer.ops.health import READY, Health, Heartbeat
from consumer.ops.metrics import Metrics
from consumer.ops.protection import Protection
from consumer.ops.server import OpsServer
from consumer.ops.stalls import Watcher
from consumer.settings import Settings
from consumer.state.folder import StateFolder
from consumer.wiring.attribute import open_attribute
from consumer.wiring.clients import Role
from consumer.wiring.deliver import open_deliver
from consumer.wiring.gauges import show_settings
from consumer.wiring.secrets import Rotation

_log = structlog.get_logger(__name__)

_RETRY_S = 2.0
_SLICE_S = 0.2
_LAST_COMMIT_S = 8.0
"""What leaving may take beside the drain budget."""
_COLLECT_EVERY, _YOUNG_PER_MIDDLE, _MIDDLE_PER_FULL = 50_000, 20, 20


class Stage(Protocol):
    """What a role runs."""

    def run(self, stop: threading.Event, beat: Callable[[], None]) -> None:
        """Work until ``stop``, then leave in order."""

    def ready(self) -> bool:
        """True when the group was joined and every assigned partition is worked on."""

    def hurry(self, seconds: float) -> None:
        """Wait for the broker no longer than so many seconds from now. Any thread may say so."""

    @property
    def assignment(self) -> Assignment:
        """Which partitions are ours, and how far they are."""


Opener = Callable[[Settings, StateFolder, Metrics, ExitStack], Stage]
"""Builds a stage; what it pushes on the stack is closed after the stage."""

_OPENERS: Mapping[Role, Opener] = {
    "attribute": open_attribute,
    "deliver": open_deliver,
}


class Service:
    """The roles of one process. `run` blocks; `stop` may be called from any thread or signal handler."""

    def __init__(self, settings: Settings, roles: Sequence[Role], openers: Mapping[Role, Opener] = _OPENERS) -> None:
        self._settings = settings
        self._openers = openers
        self._roles = tuple(roles)
        self._stop = threading.Event()
        self._failures: list[BaseException] = []
        self.metrics = Metrics([each.advertiser_id for each in settings.programmes], self._roles)
        show_settings(self.metrics, settings, self._roles)
        self.health = Health()
        self.ops: OpsServer | None = None
        self._stages: dict[Role, Stage] = {}
        for role in self._roles:
            self.health.require(role, partial(self._state, role))
        self.metrics.gauges.ask(
            catalogue.READY, "service", lambda: {(role,): float(self.health.is_ready(role)) for role in self._roles}
        )
        self.metrics.gauges.ask(
            catalogue.HEARTBEAT,
            "service",
            lambda: {(name,): beaten_s for name, beaten_s in self.health.beaten_at_s().items()},
        )

    @property
    def settings(self) -> Settings:
        """What it was told."""
        return self._settings

    def stop(self) -> None:
        """Ask every stage to finish what it has in hand and leave.

        It logs nothing: a signal may come in the middle of a line.
        """
        self.health.drain()
        self._stop.set()
        for stage in list(self._stages.values()):
            self._hurry(stage)

    def _hurry(self, stage: Stage) -> None:
        """Have what a stage waits for just now, such as a commit, take no longer than all of leaving may."""
        stage.hurry(self._settings.delivery.drain_budget.total_seconds() + _LAST_COMMIT_S)

    def run(self) -> None:
        """Run until `stop`, or until a stage fails.

        Raises:
            ConsumerError: a stage could not go on, or could not start.
        """
        ops = self._settings.ops
        protection = Protection(ops.certificate_file, ops.key_file, ops.username_file, ops.password_file)
        self.ops = OpsServer(ops.host, ops.port, self.metrics.registry, self.health, protection)
        stall_after = ops.stall_after or self._settings.kafka.max_poll_interval / 10
        watcher = Watcher(self.health, stall_after.total_seconds())
        _log.info("service.started", roles=list(self._roles), mode=self._settings.delivery.mode, ops_port=self.ops.port)
        threads = [threading.Thread(target=self._run_role, args=(role,), name=role) for role in self._roles]
        for thread in threads:
            thread.start()
        self._wait(threads, Rotation(self._settings, time.monotonic))
        watcher.close()
        self.ops.close()
        if self._failures:
            raise self._failures[0]
        _log.info("service.stopped")

    def _wait(self, threads: Sequence[threading.Thread], rotation: Rotation) -> None:
        """Wait for the stages, in slices, so that the main thread sees signals, and leave when a secret has changed."""
        told = False
        for thread in threads:
            while thread.is_alive():
                thread.join(_SLICE_S)
                if not self._stop.is_set() and (changed := rotation.changed()):
                    _log.info("service.secrets_changed", properties=changed)
                    self.stop()
                if self._stop.is_set() and not told:
                    _log.info("service.draining")
                    told = True

    def _state(self, role: Role) -> str:
        """Return how far a stage has come."""
        stage = self._stages.get(role)
        if stage is None:
            return "starting"
        if stage.ready():
            return READY
        return "restoring" if stage.assignment.joined else "joining"

    def _run_role(self, role: Role) -> None:
        # Every line that is logged on this thread says whose it is.
        structlog.contextvars.bind_contextvars(stage=role)
        beat = Heartbeat(role, stale_after_s=self._settings.kafka.max_poll_interval.total_seconds())
        try:
            with ExitStack() as stack:
                folder = stack.enter_context(
                    StateFolder(self._settings.state.directory / role, self._settings.instance)
                )
                stage = self._open(role, folder, stack)
                if stage is not None:
                    self._stages[role] = stage
                    if self._stop.is_set():
                        self._hurry(stage)
                    self.health.watch(beat)
                    beat.beat()
                    _settle_heap()
                    stage.run(self._stop, beat.beat)
        except BaseException as error:  # noqa: BLE001  # whatever it is, the other stages must hear of it
            _log.error("stage.failed", error=type(error).__name__, reason=str(error))
            self._failures.append(error)
            self.stop()
        finally:
            self.health.dismiss(beat)

    def _open(self, role: Role, folder: StateFolder, stack: ExitStack) -> Stage | None:
        """Open a stage, waiting for the broker as long as it takes."""
        while not self._stop.is_set():
            with ExitStack() as attempt:
                try:
                    stage = self._openers[role](self._settings, folder, self.metrics, attempt)
                except Unavailable as error:
                    _log.warning("stage.waiting", reason=str(error))
                else:
                    stack.push(attempt.pop_all())
                    return stage
            # There is no client yet that could tell.
            self.metrics.gauges.tell(catalogue.BROKERS_UP, role, {(role,): 0})
            self._stop.wait(_RETRY_S)
        return None


def _settle_heap() -> None:
    """Let the cyclic collector alone with what is here to stay, and have it run seldom.

    A batch is thousands of short-lived messages. With Python's thresholds each batch set it off several times, over
    everything that was ever imported: an eighth of the attribute stage's time (CPython 3.11).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_EVERY, _YOUNG_PER_MIDDLE, _MIDDLE_PER_FULL)


def stop_on_signals(service: Service) -> None:
    """Stop on SIGTERM or SIGINT; a second one exits at once."""

    def handle(number: int, _: FrameType | None) -> None:
        if service.health.draining:
            sys.stderr.flush()
            os._exit(128 + number)
        service.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)
