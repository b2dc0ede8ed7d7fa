"""The consumer started as the chart starts it: rendered arguments, environment, settings, mounts and probes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import pytest

from consumer.demo.awin import StandInAwin
from consumer.demo.broker import EmbeddedKafka
from consumer.demo.configuration import free_ports
from tests.kafka.crash.scenario import Scenario
from tests.rollout.chart_pod import ChartPod, Secrets
from tools.chart import Object

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

KEY = "chart-key-93ab"
SECRETS: Secrets = {"awin-keys": {"2002": KEY.encode()}}


def chart_values(scenario: Scenario, awin: StandInAwin, roles: str, port: int) -> Object:
    """Return a values file's content for a scenario: its settings, without those that are the chart's."""
    config = scenario.values
    del config["ops"], config["kafka"]["bootstrap_servers"]
    delivery = config["delivery"]
    mode, cut_over = delivery.pop("mode"), delivery.pop("cut_over")
    delivery["conversion_api"] = {"endpoint": awin.api_endpoint, "batch_age": "500ms"}
    config["programmes"][0] = {"advertiser_id": "2002", "when": {"currency": "JPY"}, "method": "conversion_api"}
    return {
        "kafka": {"bootstrapServers": scenario.servers},
        "delivery": {"mode": mode, "cutOver": cut_over},
        "awinKeys": {"existingSecret": "awin-keys"},
        "ops": {"port": port},
        "config": config,
        "roles": roles,
    }


@pytest.mark.parametrize(
    ("roles", "workloads"), [("together", ["consumer"]), ("split", ["attribute", "deliver"])], ids=["together", "split"]
)
def test_orders_reach_awin_from_the_chart_s_pods(
    kafka: EmbeddedKafka,
    topic_names: Callable[[str], str],
    prefix: Path,
    open_folder: Path,
    roles: str,
    workloads: list[str],
) -> None:
    """Its probes answer, orders arrive by both methods, and SIGTERM ends each pod with 0 within its grace."""
    with ExitStack() as stack:
        awin = stack.enter_context(StandInAwin())
        awin.require_keys({KEY})
        scenario = Scenario(kafka.bootstrap_servers, topic_names, open_folder, endpoint=awin.endpoint)
        stack.enter_context(closing(scenario))
        scenario.create_topics()
        started = []
        # One machine has one network: each pod's release has a port of its own.
        for workload, ports in zip(workloads, free_ports(len(workloads)), strict=True):
            root = open_folder / workload
            root.mkdir(mode=0o755)
            pod = ChartPod(chart_values(scenario, awin, roles, ports.broker), workload, SECRETS, prefix, root)
            program = pod.start()
            stack.callback(program.kill)
            started.append((pod, program))
        for pod, program in started:
            for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
                program.wait_for(partial(pod.probe, program, kind), kind)
        scenario.open_shop(100)
        awin.wait_for(20, timeout_s=60)
        awin.wait_for_calls(1, timeout_s=60)
        scenario.close_shop()
        for pod, program in started:
            program.terminate()
            assert program.end(pod.spec["terminationGracePeriodSeconds"]) == 0, program.tail()
    assert all(request.accepted for request in awin.requests)
