"""The broker dies, comes back with its data, or is not there yet."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from random import Random

import pytest

from consumer.demo.awin import StandInAwin
from consumer.demo.broker import EmbeddedKafka
from consumer.demo.comparison import compare
from tests.kafka.crash.conftest import MakeScenario, Show
from tests.kafka.crash.program import Program
from tests.kafka.crash.scenario import PARTITIONS

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(240)]

RATE = 200


class Liveness:
    """Asks a program's /livez all the time, on a thread; keeps what was not a yes."""

    def __init__(self, program: Program) -> None:
        self.asked = 0
        self.failures: list[int] = []
        self._program = program
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="liveness", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop asking."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closing.wait(0.1):
            status = self._program.get("/livez")
            self.asked += 1
            if status != 200:
                self.failures.append(status)


def test_a_broker_that_is_killed_and_comes_back_costs_nothing(
    make_scenario: MakeScenario, own_kafka: EmbeddedKafka, awin: StandInAwin, chance: Random, show: Show
) -> None:
    """Killed twice under load: both stages go on by themselves, report every order, and are alive all the time."""
    # Kafka 4.3.1 forgets the markers of a transaction that times out while its only broker starts: readers of its
    # partitions are stuck for good. So what is open when the broker dies must not have timed out when it is back.
    scenario = make_scenario(own_kafka, endpoint=awin.endpoint, changes={"kafka": {"transaction_timeout": "40s"}})
    scenario.create_topics()
    scenario.open_shop(RATE)
    program = scenario.start(None)
    program.wait_active(2 * PARTITIONS)
    with closing(Liveness(program)) as liveness:
        for _ in range(2):
            time.sleep(chance.uniform(0.5, 2.0))
            own_kafka.kill()
            time.sleep(chance.uniform(0.0, 3.0))
            own_kafka.start_node()
        scenario.settle()
        account = scenario.account()
        receipts = scenario.wait_delivered(account.to_report())
    program.terminate()
    assert program.end() == 0
    comparison = compare(account.expected, [request.parameters for request in awin.requests if request.accepted])
    show(
        kills=2,
        sessions=account.sessions,
        orders=account.orders,
        sent_twice=comparison.sent_twice,
        liveness_checks=liveness.asked,
    )
    assert account.faults == []
    assert comparison.lost == comparison.unexpected == 0
    assert all(receipts[ref].possible_repeat for ref in awin.sent_twice())
    assert liveness.failures == []


def test_a_broker_that_is_not_there_yet_is_waited_for(make_scenario: MakeScenario, own_kafka: EmbeddedKafka) -> None:
    """Started before the broker, both stages say that they wait, are alive, and begin when it comes."""
    scenario = make_scenario(own_kafka)
    scenario.create_topics()
    own_kafka.stop_node()
    try:
        program = scenario.start(None)

        def waiting() -> set[str]:
            return {entry["stage"] for entry in program.told("waiting for the broker")}

        program.wait_for(lambda: len(waiting()) == 2, "word that both wait")
        assert (program.get("/livez"), program.get("/readyz")) == (200, 503)
    finally:
        own_kafka.start_node()
    program.wait_ready()
    program.terminate()
    assert program.end() == 0
