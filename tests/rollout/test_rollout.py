"""All pods are replaced under load, as Kubernetes does it; ``make rollout`` is the long run, with figures."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from consumer.demo.awin import StandInAwin
from consumer.demo.broker import EmbeddedKafka
from consumer.wiring.clients import Role
from tests.kafka.crash.scenario import Scenario
from tests.rollout.run import PARTITIONS, rollout

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

LONGEST_S = 30.0
"""No order waits longer: far more than a rebalance takes, and less than a session timeout as it is installed."""


@pytest.mark.parametrize("roles", [(None,), ("attribute", "deliver")], ids=["together", "split"])
def test_a_rolling_restart_loses_and_repeats_nothing(
    kafka: EmbeddedKafka, topic_names: Callable[[str], str], tmp_path: Path, roles: tuple[Role | None, ...]
) -> None:
    """Every pod leaves with 0 on SIGTERM, every order reaches Awin once and as it should be, and none waits long."""
    # Whoever leaves in order leaves the group: a session timeout would show as a pause of its length.
    changes = {"kafka": {"session_timeout": "45s"}}
    with (
        StandInAwin(strict=True) as awin,
        closing(
            Scenario(kafka.bootstrap_servers, topic_names, tmp_path, endpoint=awin.endpoint, changes=changes)
        ) as scenario,
    ):
        report = rollout(
            scenario,
            awin,
            roles,
            calm_s=3.0,
            rolling_s=0.0,
            probe_every_s=0.2,
            say=lambda text: sys.stderr.write(f"{text}\n"),
        )
    assert report.broken == []
    assert report.orders == report.requests > 100
    names = [role or "consumer" for role in roles]
    assert [each.pod for each in report.restarts] == [f"{name}-{number}" for name in names for number in (2, 1, 0)]
    assert {each.code for each in report.restarts} == {0}
    during = [pause for pause in report.pauses if pause.phase == "during"]
    assert [pause.partition for pause in during] == list(range(PARTITIONS))
    assert max(pause.reported_longest_s for pause in during) < LONGEST_S
