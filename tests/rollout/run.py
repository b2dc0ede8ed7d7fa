"""Replaces the consumer's pods one after the other under load, and measures how long orders wait meanwhile.

``make rollout MINUTES=4``: three pods on six partitions; the first half of the time nothing happens, then all pods are
replaced, again and again until the time is over. Ends with 1 when a promise is broken.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from msgspec import Struct
from rich.table import Table

from consumer.cli.output import console, print_json
from consumer.demo.awin import StandInAwin
from consumer.demo.broker import EmbeddedKafka
from consumer.demo.comparison import compare
from consumer.stream.avro import ConversionDecoder
from consumer.wiring.clients import Role
from tests.kafka.crash.scenario import Scenario
from tests.kafka.crash.verdict import Account
from tests.rollout.pauses import Pause, Wait, pauses
from tests.rollout.pods import Pods, Replacement

PARTITIONS = 6
REPLICAS = 3
EVENTS_PER_S = 200.0
AS_INSTALLED: Mapping[str, Any] = {
    "kafka": {"session_timeout": "45s", "max_poll_interval": "5m", "transaction_timeout": "10s"},
    "attribution": {"grace": "10s"},
}
"""Times as they are without settings, in the place of a scenario's quick ones."""

Say = Callable[[str], object]


class Report(Struct, frozen=True, kw_only=True):
    """What a rollout did."""

    orders: int
    """Orders to report."""
    requests: int
    """That Awin received."""
    restarts: list[Replacement]
    pauses: list[Pause]
    broken: list[str]
    """Every promise that was not kept."""


def rollout(
    scenario: Scenario,
    awin: StandInAwin,
    roles: Sequence[Role | None],
    *,
    calm_s: float,
    rolling_s: float,
    probe_every_s: float,
    events_per_s: float = EVENTS_PER_S,
    say: Say,
) -> Report:
    """Let the pods of each workload be replaced under load, at least once, and judge all that came of it.

    Args:
        scenario: on a broker, without topics.
        awin: where its orders go.
        roles: of the workloads; both roll at the same place in line, one after the other.
        calm_s: load without any restart, to compare with.
        rolling_s: a rollout follows another until so much time has passed.
        probe_every_s: how often a pod is asked whether it is ready.
        events_per_s: landings and orders.
        say: told of progress.
    """
    scenario.create_topics(PARTITIONS)
    with ExitStack() as stack:
        workloads = [
            stack.enter_context(closing(Pods(scenario, role, REPLICAS, probe_every_s=probe_every_s))) for role in roles
        ]
        for pods in workloads:
            pods.wait_ready()
        say(f"{REPLICAS * len(workloads)} pods are ready")
        scenario.open_shop(events_per_s)
        time.sleep(calm_s)
        restarts = _roll(workloads, rolling_s, say)
        ended_ms = time.time_ns() // 1_000_000
        scenario.settle()
        account = scenario.account()
        receipts = scenario.wait_delivered(account.to_report())
        codes = [code for pods in workloads for code in pods.stop()]
    repeats = sorted(ref for ref, receipt in receipts.items() if receipt.possible_repeat)
    return Report(
        orders=len(set(account.to_report())),
        requests=len(awin.requests),
        restarts=restarts,
        pauses=pauses(_waits(scenario, account, awin), restarts[0].at_ms, ended_ms),
        broken=[
            *account.faults,
            *_against_awin(account, awin),
            *(f"{restart.pod} ended with {restart.code} on SIGTERM" for restart in restarts if restart.code),
            *(f"a pod ended with {code} on the last SIGTERM" for code in codes if code),
            *(f"{ref} is flagged as a possible repeat" for ref in repeats),
        ],
    )


def _roll(workloads: Sequence[Pods], seconds: float, say: Say) -> list[Replacement]:
    restarts: list[Replacement] = []
    until_s = time.monotonic() + seconds
    while not restarts or time.monotonic() < until_s:
        for pods in workloads:
            restarts += pods.replace_all()
        say(f"{len(restarts)} pods were replaced")
    return restarts


def _against_awin(account: Account, awin: StandInAwin) -> list[str]:
    compared = compare(account.expected, [request.parameters for request in awin.requests])
    found = [*awin.violations]
    if not compared.is_clean():
        found.append(f"Awin's requests are not the orders: {compared}")
    return found


def _waits(scenario: Scenario, account: Account, awin: StandInAwin) -> list[Wait]:
    """Return the wait of every order that was reported."""
    decode = ConversionDecoder(scenario.schemas)
    converted_ms = {}
    for record in scenario.read("conversion"):
        source = decode(record.value).source
        converted_ms[source.partition, source.offset] = record.timestamp_ms
    reported_ms: dict[tuple[str, str], int] = {}
    for request in awin.requests:
        reported_ms.setdefault((request.parameters["merchant"], request.ref), request.received_at_ms)
    waits = []
    for order in account.expected:
        place, key = (order.partition, order.offset), (order.programme, order.order_ref)
        if order.ending == "conversion" and place in converted_ms and key in reported_ms:
            entered_ms = order.entered_at_ms
            converted_s = (converted_ms[place] - entered_ms) / 1000
            waits.append(Wait(order.partition, entered_ms, converted_s, (reported_ms[key] - entered_ms) / 1000))
    return waits


def tell(report: Report) -> None:
    """Print it as tables."""
    restarts = Table("pod", "exit code", "stopped after", "ready again after", title="Restarts")
    for each in report.restarts:
        restarts.add_row(each.pod, str(each.code), f"{each.stop_s:.1f} s", f"{each.start_s:.1f} s")
    waits = Table(
        *("partition", "phase", "orders", "converted: median", "longest", "reported: median", "longest"),
        title="From an order's entry into Kafka, in seconds",
    )
    for pause in report.pauses:
        figures = (pause.converted_median_s, pause.converted_longest_s, pause.reported_median_s)
        texts = [f"{figure:.2f}" for figure in (*figures, pause.reported_longest_s)]
        waits.add_row(str(pause.partition), pause.phase, str(pause.orders), *texts)
    console().print(restarts)
    console().print(waits)
    console().print(f"{report.orders} orders to report, {report.requests} requests at Awin")
    for fault in report.broken:
        console().print(f"broken: {fault}", markup=False)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; return 0 when every promise is kept."""
    parser = argparse.ArgumentParser(prog="make rollout", description="Replace all pods under load.")
    parser.add_argument("--minutes", type=float, default=2.0, help="half of them calm, half of them rolling")
    parser.add_argument("--rate", type=float, default=EVENTS_PER_S, help="landings and orders a second")
    parser.add_argument("--split", action="store_true", help="a workload for each stage")
    parser.add_argument("--quick", action="store_true", help="short times of the group and a grace of a second")
    parser.add_argument("--probe-every", type=float, default=10.0, help="seconds between probes (the chart's: 10)")
    parser.add_argument("--seed", type=int, default=1, help="of the shop")
    parser.add_argument("--json", action="store_true", help="print one JSON value instead of tables")
    given = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="awin-rollout-"))
    try:
        with EmbeddedKafka() as kafka, StandInAwin(strict=True) as awin, ExitStack() as stack:
            scenario = Scenario(
                kafka.bootstrap_servers,
                lambda name: f"rollout-{name}",
                folder,
                endpoint=awin.endpoint,
                seed=given.seed,
                changes={} if given.quick else AS_INSTALLED,
            )
            stack.enter_context(closing(scenario))
            report = rollout(
                scenario,
                awin,
                ("attribute", "deliver") if given.split else (None,),
                calm_s=given.minutes * 30,
                rolling_s=given.minutes * 30,
                probe_every_s=given.probe_every,
                events_per_s=given.rate,
                say=_say,
            )
    finally:
        shutil.rmtree(folder)
    if given.json:
        print_json(report)
    else:
        tell(report)
    return 1 if report.broken else 0


if __name__ == "__main__":
    sys.exit(main())
