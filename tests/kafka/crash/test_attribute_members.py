"""Members of the attribute stage that come, go, die and wake up too late."""

from __future__ import annotations

import time
from functools import partial
from random import Random

import pytest

from consumer.demo.broker import EmbeddedKafka
from tests.kafka.crash.conftest import MakeScenario, Show
from tests.kafka.crash.program import Program
from tests.kafka.crash.scenario import PARTITIONS, Scenario

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(240)]

RATE = 300


def test_a_second_member_may_come_and_go(scenario: Scenario, chance: Random, show: Show) -> None:
    """One joins under load, leaves, joins again and is killed: every order is converted once and as it should be."""
    scenario.open_shop(RATE)
    first = scenario.start("attribute", "a")
    first.wait_active(PARTITIONS)
    second = scenario.start("attribute", "b")
    second.wait_active(PARTITIONS // 2)
    time.sleep(chance.uniform(0.0, 1.0))
    second.terminate()
    assert second.end() == 0
    third = scenario.start("attribute", "b")
    third.wait_active(PARTITIONS // 2)
    time.sleep(chance.uniform(0.0, 1.0))
    before = first.activations()
    third.kill()
    first.wait_active(before + PARTITIONS // 2)
    scenario.settle()
    assert first.running
    first.terminate()
    assert first.end() == 0
    account = scenario.account()
    show(sessions=account.sessions, orders=account.orders, forced=account.forced, activations=first.activations())
    assert account.faults == []


def _holds(member: Program, count: int) -> bool:
    """Tell whether a member was given so many partitions last."""
    given = member.told("group.assigned")
    return bool(given) and len(given[-1]["partitions"]) == count


def test_a_member_that_wakes_after_its_partitions_were_taken_commits_nothing(
    make_scenario: MakeScenario, kafka: EmbeddedKafka, chance: Random, show: Show
) -> None:
    """Stopped beyond the session timeout and woken with its transaction still open, it drops that and rejoins."""
    # The broker must not abort the sleeper's transaction before it wakes: the group has to refuse it.
    scenario = make_scenario(kafka, changes={"kafka": {"transaction_timeout": "8s"}})
    scenario.create_topics()
    scenario.open_shop(RATE)
    members = [scenario.start("attribute", name) for name in ("a", "b")]
    # Whoever came first had all partitions for a moment; what it opens next must not be taken for a take-over.
    for member in members:
        member.wait_for(partial(_holds, member, PARTITIONS // 2), "half of the partitions")
        member.wait_ready()
    refused = 0
    for sleeper, other in (members, members[::-1], members):
        time.sleep(chance.uniform(0.0, 0.5))
        taken, own = other.activations(), sleeper.activations()
        sleeper.suspend()
        other.wait_active(taken + PARTITIONS // 2)
        sleeper.resume()
        sleeper.wait_active(own + PARTITIONS // 2)
        refused += len(sleeper.told("attribute.aborted"))
    scenario.settle()
    account = scenario.account()
    show(sessions=account.sessions, orders=account.orders, forced=account.forced, refused=refused)
    assert account.faults == []
