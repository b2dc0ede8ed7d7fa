"""A running consumer, with stages of the tests' own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NoReturn

import httpx
import pytest
from structlog.testing import capture_logs

from consumer.assignment import Assignment
from consumer.errors import StateError, Unavailable
from consumer.ops.metrics import Metrics
from consumer.service import Service
from consumer.settings import Settings, parse
from consumer.state.folder import StateFolder
from consumer.state.restore import Restorer
from tests.kafka.crash.program import wait_until
from tests.silent_metrics import SilentMetrics


class Standing:
    """A stage whose loop stands still in its third turn, until it is let go."""

    def __init__(self, stack: ExitStack) -> None:
        self.let_go = threading.Event()
        restorer = Restorer((), (), _no_reader)
        stack.callback(restorer.close)
        self.assignment = Assignment((), restorer, self, SilentMetrics())
        self.assignment.joined = True

    def run(self, stop: threading.Event, beat: Callable[[], None]) -> None:
        """Turn, stand, turn."""
        beat()
        beat()
        self.let_go.wait()
        while not stop.wait(0.01):
            beat()

    def hurry(self, seconds: float) -> None:
        """There is nothing to wait for."""

    def ready(self) -> bool:
        """Always."""
        return True

    def activate(self, *_: object) -> None:
        """There is nothing to activate."""

    def release(self, *_: object, **__: object) -> None:
        """There is nothing to release."""


def _no_reader() -> NoReturn:
    raise AssertionError("nothing is restored here")


@contextmanager
def running(settings: Settings) -> Iterator[tuple[Service, Standing]]:
    """Run a service whose deliver stage stands."""
    stages: list[Standing] = []

    def open_standing(_: Settings, __: StateFolder, ___: Metrics, stack: ExitStack) -> Standing:
        stages.append(Standing(stack))
        return stages[0]

    service = Service(settings, ["deliver"], openers={"deliver": open_standing})
    thread = threading.Thread(target=service.run)
    thread.start()
    try:
        wait_until(lambda: bool(stages), "the stage is opened")
        yield service, stages[0]
    finally:
        stages[0].let_go.set()
        service.stop()
        thread.join()


def status(service: Service, path: str) -> int:
    """Ask the operators' port."""
    assert service.ops is not None
    return httpx.get(f"http://127.0.0.1:{service.ops.port}{path}", trust_env=False).status_code


def watched(service: Service) -> set[str]:
    """Return the loops that liveness depends on."""
    return {beat.name for beat in service.health.heartbeats()}


def test_a_stuck_loop_is_logged_with_its_stacks_before_liveness_fails(tmp_path: Path) -> None:
    """First the log says where it stands, then the supervisor may restart it; when it turns again, both say so."""
    settings = parse(
        {
            "programmes": [{"advertiser_id": "1001"}],
            "instance": "a",
            "state": {"directory": str(tmp_path)},
            "ops": {"host": "127.0.0.1", "port": 0, "stall_after": "200ms"},
            "kafka": {"max_poll_interval": "3s"},
            "delivery": {"drain_budget": "500ms"},
        }
    )
    with capture_logs() as lines, running(settings) as (service, stage):

        def stalls() -> list[str]:
            return [line["stacks"] for line in lines if line["event"] == "loop.stalled"]

        wait_until(lambda: len(stalls()) == 1, "the stall is logged")
        assert status(service, "/livez") == 200
        assert "let_go" not in stalls()[0]
        assert "test_service.py" in stalls()[0]
        wait_until(lambda: status(service, "/livez") == 503, "liveness fails")
        stage.let_go.set()
        wait_until(lambda: status(service, "/livez") == 200, "liveness holds again")
        wait_until(lambda: any(line["event"] == "loop.resumed" for line in lines), "the end of the stall is logged")
        assert len(stalls()) == 1
        assert (status(service, "/readyz"), status(service, "/startupz")) == (200, 200)
        beaten_s = service.metrics.registry.get_sample_value("awin_heartbeat_timestamp_seconds", {"stage": "deliver"})
        assert beaten_s is not None
        assert service.metrics.total("awin_stage_ready", stage="deliver") == 1


def test_a_stage_that_has_failed_does_not_fail_liveness_while_another_leaves(tmp_path: Path) -> None:
    """The process is on its way out: to kill it would cost what the other stage still has in hand."""
    settings = parse(
        {
            "programmes": [{"advertiser_id": "1001"}],
            "instance": "a",
            "state": {"directory": str(tmp_path)},
            "ops": {"host": "127.0.0.1", "port": 0},
            "kafka": {"max_poll_interval": "1s"},
            "delivery": {"drain_budget": "200ms"},
        }
    )
    leaving, left = threading.Event(), threading.Event()

    class Failing(Standing):
        def run(self, *_: object) -> None:
            raise StateError("it cannot go on")

    class Leaving(Standing):
        def run(self, stop: threading.Event, beat: Callable[[], None]) -> None:
            stop.wait()
            leaving.set()
            while not left.wait(0.01):
                beat()

    service = Service(
        settings,
        ["attribute", "deliver"],
        openers={"attribute": lambda *args: Failing(args[-1]), "deliver": lambda *args: Leaving(args[-1])},
    )

    def run() -> None:
        with pytest.raises(StateError):
            service.run()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        wait_until(leaving.is_set, "the other stage leaves")
        wait_until(lambda: "attribute" not in watched(service), "the failed one is watched no more")
        assert status(service, "/livez") == 200
    finally:
        left.set()
        thread.join()


def test_a_stage_that_waits_for_its_first_broker_says_that_it_has_none(tmp_path: Path) -> None:
    """A process that is started in the middle of an outage must not hide it."""

    def nobody(*_: object) -> NoReturn:
        raise Unavailable("no answer")

    settings = parse(
        {
            "programmes": [{"advertiser_id": "1001"}],
            "instance": "a",
            "state": {"directory": str(tmp_path)},
            "ops": {"host": "127.0.0.1", "port": 0},
        }
    )
    service = Service(settings, ["deliver"], openers={"deliver": nobody})
    thread = threading.Thread(target=service.run)
    thread.start()
    try:
        registry = service.metrics.registry
        wait_until(
            lambda: registry.get_sample_value("awin_brokers_up", {"stage": "deliver"}) == 0, "it says that it has none"
        )
        assert service.metrics.total("awin_stage_ready", stage="deliver") == 0
    finally:
        service.stop()
        thread.join()
