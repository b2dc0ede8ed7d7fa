"""``python -m benchmarks``: the attribute stage on a real broker, checked for right answers."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import latency, report
from benchmarks.inputs import BACKLOG, create_inputs, produce_backlog, run_settings
from benchmarks.outputs import Reference
from benchmarks.process import BenchmarkError
from benchmarks.throughput import read_and_restore, read_by_baseline
from benchmarks.workload import Size, Workload, build
from consumer.demo.broker import EmbeddedKafka
from consumer.wiring.rulebook import rulebook

SPAN_MS = 3_600_000
ENDED_MS_AGO = 600_000


def main() -> int:
    """Run what the command line says and print what was found."""
    asked = _arguments()
    # The records are held until the end, and no cycles are made: the collector would only walk through them.
    gc.disable()
    size = Size(asked.sessions, asked.orders, asked.visitors, asked.partitions)
    start_ms = time.time_ns() // 1_000_000 - ENDED_MS_AGO - SPAN_MS
    _say(f"making {size.sessions:,} sessions and {size.orders:,} orders")
    workload = build(size, start_ms, SPAN_MS)
    try:
        with EmbeddedKafka() as kafka, tempfile.TemporaryDirectory(prefix="awin-benchmark-") as folder:
            rounds = _rounds(kafka.bootstrap_servers, Path(folder), workload, asked)
    except BenchmarkError as error:
        _say(f"no figures: {error}")
        return 1
    found = report.summary(size, rounds)
    print(report.as_json(found) if asked.json else report.as_table(found))
    return 0


def _rounds(servers: str, folder: Path, workload: Workload, asked: argparse.Namespace) -> list[report.Round]:
    partitions = workload.size.partitions
    _say("producing them")
    create_inputs(servers, BACKLOG, partitions)
    produce_backlog(servers, workload)
    settings, _ = run_settings(servers, "reference", folder, BACKLOG, workload.start_ms)
    _say("working out the right answers by brute force")
    reference = Reference(workload, rulebook(settings))
    rounds = []
    for number in range(1, asked.repeat + 1):
        _say(f"round {number} of {asked.repeat}: reading, restoring")
        stage, restore = read_and_restore(servers, f"stage-{number}", folder, workload, reference)
        baseline = live = None
        if not asked.no_baseline:
            _say(f"round {number} of {asked.repeat}: the baseline")
            baseline = read_by_baseline(servers, f"baseline-{number}", folder, workload, reference)
        if asked.latency_seconds:
            _say(f"round {number} of {asked.repeat}: latency")
            live = latency.measure(
                servers, f"live-{number}", folder, rate=asked.rate, seconds=asked.latency_seconds, partitions=partitions
            )
        rounds.append(report.Round(stage, restore, baseline, live, os.getloadavg()[0]))
    return rounds


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything, once: under a minute")
    parser.add_argument("--sessions", type=int, help="default 1,000,000")
    parser.add_argument("--orders", type=int, help="default a tenth of the sessions")
    parser.add_argument("--visitors", type=int, help="default a fifth of the sessions")
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--repeat", type=int, help="rounds; default 3")
    parser.add_argument("--rate", type=int, default=2_000, help="messages per second while latency is measured")
    parser.add_argument("--latency-seconds", type=float, help="default 20; 0 leaves latency out")
    parser.add_argument("--no-baseline", action="store_true", help="leave the straightforward join out")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    asked = parser.parse_args()
    quick = asked.quick
    asked.sessions = asked.sessions or (100_000 if quick else 1_000_000)
    asked.orders = asked.orders or asked.sessions // 10
    asked.visitors = asked.visitors or asked.sessions // 5
    asked.repeat = asked.repeat or (1 if quick else 3)
    if asked.latency_seconds is None:
        asked.latency_seconds = 6.0 if quick else 20.0
    return asked


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
