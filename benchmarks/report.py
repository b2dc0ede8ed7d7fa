"""Figures of several rounds as a table for people and as one JSON object for programs."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from benchmarks.latency import Latency
from benchmarks.throughput import Reading, Restoring
from benchmarks.workload import Size


class Spread(Struct, frozen=True):
    """One figure over all rounds."""

    median: float
    min: float
    max: float


class Ratio(Struct, frozen=True):
    """The stage against the baseline of the same round."""

    times_the_messages_per_s: float
    times_the_cpu: float


class Round(NamedTuple):
    """What was measured in one round, one after the other."""

    stage: Reading
    restore: Restoring
    baseline: Reading | None
    latency: Latency | None
    load: float
    """The machine's load average over a minute, at the round's end: above the number of cores, others took part."""


def summary(size: Size, rounds: Sequence[Round]) -> dict[str, Any]:
    """Return the JSON object."""
    found: dict[str, Any] = {
        "size": size._asdict(),
        "rounds": len(rounds),
        "machine": {"cores": os.cpu_count(), "system": platform.system(), "python": platform.python_version()},
        "load": _spread([each.load for each in rounds]),
        "stage": _spreads([each.stage for each in rounds]),
        "restore": _spreads([each.restore for each in rounds]),
    }
    baselines = [each.baseline for each in rounds if each.baseline is not None]
    if baselines:
        found["baseline"] = _spreads(baselines)
        found["ratio"] = _spreads([_ratio(each.stage, each.baseline) for each in rounds if each.baseline is not None])
    latencies = [each.latency for each in rounds if each.latency is not None]
    if latencies:
        found["latency"] = _spreads(latencies)
    return found


def as_json(found: Mapping[str, Any]) -> str:
    """Return one line."""
    return msgspec.json.encode(found).decode()


def as_table(found: Mapping[str, Any]) -> str:
    """Return a table of median, least and greatest."""
    size, machine = found["size"], found["machine"]
    heading = (
        f"{size['sessions']:,} sessions, {size['orders']:,} orders, {size['visitors']:,} visitors, "
        f"{size['partitions']} partitions; rounds: {found['rounds']}; {machine['cores']} cores, "
        f"{machine['system']}, Python {machine['python']}, load {found['load'].median:.1f}"
    )
    lines = [
        heading,
        "",
        f"{'':38}{'median':>12}{'min':>12}{'max':>12}",
    ]
    for part in ("stage", "baseline", "ratio", "restore", "latency"):
        for name, spread in found.get(part, {}).items():
            label = f"{part} {name.replace('_', ' ')}"
            lines.append(f"{label:38}{_number(spread.median)}{_number(spread.min)}{_number(spread.max)}")
    return "\n".join(lines)


def _ratio(stage: Reading, baseline: Reading) -> Ratio:
    return Ratio(
        times_the_messages_per_s=stage.messages_per_s / baseline.messages_per_s,
        times_the_cpu=stage.cpu_us_per_message / baseline.cpu_us_per_message,
    )


def _spreads(figures: Sequence[Struct]) -> dict[str, Spread]:
    """Return each field's spread over all of them."""
    return {name: _spread([getattr(each, name) for each in figures]) for name in figures[0].__struct_fields__}


def _spread(values: Sequence[float]) -> Spread:
    return Spread(median(values), min(values), max(values))


def _number(value: float) -> str:
    return f"{value:>12,.0f}" if abs(value) >= 1_000 else f"{value:>12.2f}"
