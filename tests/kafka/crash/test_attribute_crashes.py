"""The attribute stage dies at any moment, and loses its disk: what comes out is what should."""

from __future__ import annotations

import shutil
import time
from random import Random

import pytest

from tests.kafka.crash.conftest import Show
from tests.kafka.crash.program import Program
from tests.kafka.crash.scenario import Scenario

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(240)]

RATE = 300


def kill_sometime(program: Program, chance: Random) -> bool:
    """Kill it at work or on the way there; return whether any partition had become active."""
    if chance.random() < 0.7:
        program.wait_active()
        time.sleep(chance.uniform(0.0, 1.2))
    else:
        time.sleep(chance.uniform(0.0, 3.5))
    program.kill()
    return program.activations() > 0


def test_twenty_kills_change_nothing(scenario: Scenario, chance: Random, show: Show) -> None:
    """Killed 20 times at random moments under load, it converts every order once and as the reference says."""
    scenario.open_shop(RATE)
    at_work = sum(kill_sometime(scenario.start("attribute"), chance) for _ in range(20))
    scenario.start("attribute")
    scenario.settle()
    account = scenario.account()
    show(kills=20, at_work=at_work, sessions=account.sessions, orders=account.orders, forced=account.forced)
    assert account.faults == []
    assert at_work >= 10


def test_what_was_flushed_before_a_kill_is_never_trusted_beyond_its_checkpoint(
    scenario: Scenario, chance: Random, show: Show
) -> None:
    """With tiny memtables, flushed at any moment, five kills lose no touch: every order is decided as it should be."""
    scenario.open_shop(4 * RATE)
    for _ in range(5):
        program = scenario.start("attribute", tiny=True)
        program.wait_active(4)
        time.sleep(chance.uniform(0.5, 2.0))
        program.kill()
    files = list(scenario.state_folder().rglob("*.sst"))
    scenario.start("attribute", tiny=True)
    scenario.settle()
    account = scenario.account()
    show(kills=5, files=len(files), sessions=account.sessions, orders=account.orders)
    assert account.faults == []
    assert files


def test_local_state_may_vanish_or_be_a_stale_copy(scenario: Scenario, chance: Random, show: Show) -> None:
    """A deleted state folder and an early copy put back late are both brought up to the changelog."""
    state, copy = scenario.state_folder(), scenario.folder / "copy"
    scenario.open_shop(RATE)

    def run_for_a_while() -> Program:
        program = scenario.start("attribute")
        program.wait_active(4)
        before = scenario.orders_judged()
        program.wait_for(lambda: scenario.orders_judged() > before + 30, "some more orders")
        return program

    run_for_a_while().kill()
    shutil.copytree(state, copy)
    run_for_a_while().kill()
    shutil.rmtree(state)
    program = run_for_a_while()
    program.terminate()
    assert program.end() == 0
    shutil.rmtree(state)
    shutil.copytree(copy, state)
    scenario.start("attribute").wait_active(4)
    scenario.settle()
    account = scenario.account()
    show(sessions=account.sessions, orders=account.orders, forced=account.forced)
    assert account.faults == []
