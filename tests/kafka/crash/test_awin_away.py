"""Awin is away for longer than a loop may stand still."""

from __future__ import annotations

import time

import pytest

from consumer.demo.awin import Answer, Hang, StandInAwin
from consumer.demo.broker import EmbeddedKafka
from tests.kafka.crash.conftest import MakeScenario
from tests.kafka.crash.program import Program

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(180)]

AWAY_S = 5.0
CHANGES = {
    "kafka": {"max_poll_interval": "4s", "session_timeout": "6s"},
    "delivery": {"drain_budget": "800ms", "read_timeout": "2s"},
    "ops": {"stall_after": "2s"},
}


def answers(program: Program, seconds: float) -> set[tuple[int | None, int | None]]:
    """Ask for liveness and readiness for so long; return what was answered."""
    found: set[tuple[int | None, int | None]] = set()
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        found.add((program.get("/livez"), program.get("/readyz")))
        time.sleep(0.1)
    return found


def test_an_outage_of_awin_fails_neither_liveness_nor_readiness(
    kafka: EmbeddedKafka, make_scenario: MakeScenario, awin: StandInAwin
) -> None:
    """Refusing or hanging, Awin would come back no sooner for a restart; no loop stalls, and every order arrives."""
    scenario = make_scenario(kafka, endpoint=awin.endpoint, changes=CHANGES)
    scenario.create_topics()
    program = scenario.start(None)
    program.wait_ready()
    scenario.open_shop(50)
    with awin.refusing():
        assert answers(program, AWAY_S) == {(200, 200)}
    awin.behave(lambda _: Hang())
    assert answers(program, AWAY_S) == {(200, 200)}
    awin.behave(lambda _: Answer(200))
    scenario.settle()
    account = scenario.account()
    assert account.faults == []
    scenario.wait_delivered(account.to_report())
    assert program.told("loop.stalled") == []
    program.terminate()
    assert program.end() == 0
