"""What crash tests share: a seed to vary, scenarios that clean up after themselves, and a table of what happened."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from random import Random
from typing import Any

import pytest

from consumer.demo.awin import StandInAwin
from consumer.demo.broker import EmbeddedKafka
from tests.kafka.crash.scenario import Scenario

SEED = int(os.environ.get("AWIN_TEST_SEED", "1"))
_SHOWN = "crash"

MakeScenario = Callable[..., Scenario]
Show = Callable[..., None]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the crash tests counted."""
    lines = [
        f"{report.nodeid.rpartition('::')[2]}: {text}"
        for report in terminalreporter.getreports("passed")
        for name, text in report.user_properties
        if name == _SHOWN
    ]
    if lines:
        terminalreporter.section(f"crash tests, AWIN_TEST_SEED={SEED}")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture
def show(record_property: Callable[[str, object], None]) -> Show:
    """Takes figures by name, for the table at the end."""
    return lambda **figures: record_property(_SHOWN, ", ".join(f"{value} {name}" for name, value in figures.items()))


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """The same for the same AWIN_TEST_SEED, whatever other tests run."""
    return Random(f"{SEED} {request.node.name}").getrandbits(32)


@pytest.fixture
def chance(seed: int) -> Random:
    """When and what to break."""
    return Random(seed)


@pytest.fixture
def make_scenario(topic_names: Callable[[str], str], tmp_path: Path, seed: int) -> Iterator[MakeScenario]:
    """Maker of a scenario without topics, given a broker and options; all that it starts ends with the test.

    Each has names that no other has, of the same test neither.
    """
    numbers = itertools.count()
    with ExitStack() as stack:

        def make(kafka: EmbeddedKafka, **options: Any) -> Scenario:
            number = next(numbers)
            made = Scenario(
                kafka.bootstrap_servers, lambda name: topic_names(f"{number}-{name}"), tmp_path, seed=seed, **options
            )
            return stack.enter_context(closing(made))

        yield make


@pytest.fixture
def scenario(make_scenario: MakeScenario, kafka: EmbeddedKafka) -> Scenario:
    """One with the usual settings and all topics on the shared broker."""
    made = make_scenario(kafka)
    made.create_topics()
    return made


@pytest.fixture
def awin() -> Iterator[StandInAwin]:
    """An Awin that answers 200 at once."""
    with StandInAwin() as started:
        yield started


@pytest.fixture
def own_kafka() -> Iterator[EmbeddedKafka]:
    """A broker of the test's own, to be stopped and started."""
    with EmbeddedKafka() as started:
        yield started


@pytest.fixture
def three_nodes() -> Iterator[EmbeddedKafka]:
    """A cluster of the test's own that survives the death of a node."""
    with EmbeddedKafka(nodes=3) as started:
        yield started
