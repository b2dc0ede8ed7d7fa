"""``python -m benchmarks.memory``: what both stages have resident at full load while Awin hangs.

A million conversions that have lost their priority stand in the outbox; sessions and orders come as fast as attribute
takes them; and the stand-in Awin takes every request and answers none. Each stage is a process of its own, on the
embedded broker.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from confluent_kafka.admin import AdminClient
from msgspec import Struct, to_builtins

from benchmarks.flatness import Sample, Verdict, judge
from benchmarks.inputs import QUIET, Inputs, create_owned, run_settings
from benchmarks.load import Load
from benchmarks.outbox import Outbox, live
from benchmarks.process import BenchmarkError, Measured
from benchmarks.usage import Usage
from consumer.demo.awin import Hang, StandInAwin
from consumer.demo.broker import EmbeddedKafka
from consumer.settings import Settings
from consumer.stream import topics
from consumer.stream.topics import TopicSpec

PARTITIONS = 4
OLD_MS = 3_600_000
SAMPLE_S = 2.0
ROLES = ("attribute", "deliver")
_MEBIBYTE = 1 << 20
_INPUTS = Inputs("session.landed", "order.completed")
_KEPT = {"message.timestamp.type": "CreateTime", "retention.ms": "600000", "segment.bytes": "67108864"}


class _Sampled(NamedTuple):
    at_s: float
    mib: float
    """Resident."""
    stores_mib: float
    """Of that what the stores have in memory."""


class Found(Struct, frozen=True, kw_only=True):
    """What was measured."""

    minutes: float
    backlog: int
    records: int
    """Sessions and orders taken by attribute."""
    records_per_s: float
    conversions: int
    """Of those; deliver finds them behind the backlog."""
    put_off: int
    """How often deliver put a conversion off."""
    attempts: int
    """Requests to Awin. None was answered."""
    resident: dict[str, Verdict]
    """What each stage has resident."""
    without_stores: dict[str, Verdict]
    """The same without what its stores have in memory, which fills up to a bound. This must be flat."""


def main() -> int:
    """Run what the command line says and print what was found; 1 if memory does not stay flat."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--backlog", type=int, default=1_000_000, help="conversions in the outbox at the start")
    parser.add_argument("--json", action="store_true", help="print one JSON value")
    asked = parser.parse_args()
    try:
        with EmbeddedKafka() as kafka, tempfile.TemporaryDirectory(prefix="awin-benchmark-") as folder:
            found = measure(kafka.bootstrap_servers, Path(folder), asked.minutes, asked.backlog)
    except BenchmarkError as error:
        print(f"no figures: {error}", file=sys.stderr)
        return 1
    print(json.dumps(to_builtins(found)) if asked.json else _table(found))
    return 0 if all(verdict.flat for verdict in found.without_stores.values()) else 1


def measure(servers: str, folder: Path, minutes: float, backlog: int) -> Found:
    """Run both stages for so long and judge their memory.

    Raises:
        BenchmarkError: a stage failed.
    """
    specs = [TopicSpec(name, PARTITIONS, 1, _KEPT) for name in _INPUTS]
    topics.create(AdminClient({"bootstrap.servers": servers, **QUIET}), specs)
    start_ms = time.time_ns() // 1_000_000 - OLD_MS
    _, file = run_settings(servers, "memory", folder, _INPUTS, start_ms)
    with StandInAwin() as awin:
        awin.behave(lambda _: Hang())
        settings = live(file, awin.endpoint, max_outstanding=64)
        create_owned(settings, PARTITIONS)
        _say(f"producing {backlog:,} conversions")
        Outbox(settings).produce((f"old-{number}", start_ms) for number in range(backlog))
        _say(f"{minutes:g} minutes at full load")
        samples, last, elapsed_s = _run(settings, file, folder, minutes * 60)
    return Found(
        minutes=round(elapsed_s / 60, 1),
        backlog=backlog,
        records=last["attribute"].records,
        records_per_s=round(last["attribute"].records / elapsed_s),
        conversions=last["attribute"].conversions,
        put_off=last["deliver"].put_off,
        attempts=last["deliver"].attempts,
        resident={role: judge([Sample(at_s, mib) for at_s, mib, _ in samples[role]]) for role in ROLES},
        without_stores={role: judge([Sample(at_s, mib - own) for at_s, mib, own in samples[role]]) for role in ROLES},
    )


def _run(
    settings: Settings, file: Path, folder: Path, seconds: float
) -> tuple[dict[str, list[_Sampled]], dict[str, Usage], float]:
    """Sample both stages while they work; return the samples, the last usage of each, and the time."""
    samples: dict[str, list[_Sampled]] = {role: [] for role in ROLES}
    with ExitStack() as stack:
        stages = {
            role: stack.enter_context(Measured("benchmarks.stage", [str(file), role], folder / f"{role}.log"))
            for role in ROLES
        }
        load = stack.enter_context(Load(settings, PARTITIONS))
        began_s = time.monotonic()
        while True:
            last = {role: stage.usage() for role, stage in stages.items()}
            elapsed_s = time.monotonic() - began_s
            for role, usage in last.items():
                memory = usage.rss_bytes / _MEBIBYTE, usage.store_memory_bytes / _MEBIBYTE
                samples[role].append(_Sampled(elapsed_s, *memory))
            load.taken(last["attribute"].records)
            if elapsed_s >= seconds:
                return samples, last, elapsed_s
            if len(samples["deliver"]) % 30 == 0:
                _say(
                    "  ".join(
                        f"{role} {samples[role][-1].mib:.0f} MiB (stores {samples[role][-1].stores_mib:.0f})"
                        for role in ROLES
                    )
                    + f"  {elapsed_s:.0f} s"
                )
            time.sleep(SAMPLE_S)


def _table(found: Found) -> str:
    rows = [(name, f"{value:,}") for name, value in to_builtins(found).items() if isinstance(value, int | float)]
    for what, verdicts in (("resident", found.resident), ("without stores", found.without_stores)):
        for role, verdict in verdicts.items():
            rows += [(f"{role}, {what}: {name}", str(value)) for name, value in to_builtins(verdict).items()]
    return "\n".join(f"{name:>46}  {value}" for name, value in rows)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
