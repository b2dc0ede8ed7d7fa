"""How a process of the consumer begins and ends when the broker is there."""

from __future__ import annotations

import pytest

from consumer.demo.broker import EmbeddedKafka
from consumer.stream import topics
from consumer.wiring.topics import inputs, plan
from tests.kafka.crash.conftest import MakeScenario
from tests.kafka.crash.scenario import PARTITIONS, Scenario

pytestmark = pytest.mark.kafka


def test_both_stages_in_one_process_end_in_order(scenario: Scenario) -> None:
    """On SIGTERM a process with both stages leaves its groups and exits with 0."""
    program = scenario.start(None)
    program.wait_ready()
    program.terminate()
    assert program.end() == 0
    assert program.told("service.stopped")


def test_a_missing_topic_is_named(make_scenario: MakeScenario, kafka: EmbeddedKafka) -> None:
    """Without its topics the consumer says which are missing and who makes them, and exits with 1."""
    scenario = make_scenario(kafka)
    program = scenario.start(None)
    assert program.end() == 1
    names = scenario.settings.topics
    assert f"{names.session_landed}, {names.order_completed}" in program.output()
    assert "awin-consumer topics create" in program.output()


def test_unequal_partition_counts_are_refused(make_scenario: MakeScenario, kafka: EmbeddedKafka) -> None:
    """Input topics whose partitions do not go together stop the consumer with their counts, exit code 1."""
    scenario = make_scenario(kafka)
    settings = scenario.settings
    sessions, _ = inputs(settings, PARTITIONS)
    _, orders = inputs(settings, PARTITIONS - 1)
    topics.create(scenario.admin, (sessions, orders, *topics.owned(plan(settings), PARTITIONS)))
    program = scenario.start("attribute")
    assert program.end() == 1
    assert f"{orders.name} has {PARTITIONS - 1}" in program.output()
    assert "equally many partitions" in program.output()
