"""Reading a backlog from its beginning to the last committed conversion, and restoring what that left in state."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from benchmarks.inputs import BACKLOG, create_owned, run_settings
from benchmarks.outputs import Progress, Reference
from benchmarks.process import BenchmarkError, Measured
from benchmarks.usage import Usage
from benchmarks.workload import Workload

STALL_TIMEOUT_S = 120.0

_MEBIBYTE = 1 << 20


class Reading(Struct, frozen=True):
    """One run over the backlog."""

    messages_per_s: float
    """Sessions and orders, wall clock: from the first record taken until everything was committed."""
    cpu_us_per_message: float
    """User and system time of all threads of the process in the same time."""
    peak_rss_mib: float
    metrics_percent: float
    """How much of the time, wall clock, the loop spent on telling its metrics; 0 for the baseline, which has none."""


class Restoring(Struct, frozen=True):
    """One restart without local state."""

    touches_per_s: float
    """Touches restored per second of restoring, orders and links restored in the same time left out of the count."""
    changes_per_s: float
    """The same with orders and links counted."""
    cpu_us_per_change: float
    """From the start of the process, so with what starting takes."""
    start_to_ready_s: float
    """From starting the process until every partition was worked on."""


def read_and_restore(
    servers: str, name: str, folder: Path, workload: Workload, reference: Reference
) -> tuple[Reading, Restoring]:
    """Let the attribute stage read the backlog, check its answers, delete its state and let it start again.

    Raises:
        BenchmarkError: it failed, or an answer is wrong.
    """
    settings, file = run_settings(servers, name, folder, BACKLOG, workload.start_ms)
    create_owned(settings, workload.size.partitions)
    log = folder / f"{name}.log"
    with Measured("benchmarks.stage", [str(file)], log) as stage:
        reading = _read(stage, Progress(settings, workload), workload)
    reference.check(settings)
    shutil.rmtree(settings.state.directory)
    started_s = time.monotonic()
    with Measured("benchmarks.stage", [str(file)], log) as stage:
        usage = _wait(stage, lambda usage: usage.ready, 0.02)
        ready_s = time.monotonic() - started_s
    if usage.restored_changes < len(workload.sessions) + len(workload.orders):
        raise BenchmarkError(f"{usage.restored_changes} changes restored: fewer than there are touches and orders")
    return reading, Restoring(
        touches_per_s=len(workload.sessions) / usage.restore_s,
        changes_per_s=usage.restored_changes / usage.restore_s,
        cpu_us_per_change=usage.cpu_s * 1e6 / usage.restored_changes,
        start_to_ready_s=ready_s,
    )


def read_by_baseline(servers: str, name: str, folder: Path, workload: Workload, reference: Reference) -> Reading:
    """Let the straightforward join read the backlog, and check its answers.

    Raises:
        BenchmarkError: it failed, or an answer is wrong.
    """
    settings, file = run_settings(servers, name, folder, BACKLOG, workload.start_ms)
    create_owned(settings, workload.size.partitions)
    with Measured("benchmarks.baseline", [str(file)], folder / f"{name}.log") as join:
        reading = _read(join, Progress(settings, workload), workload)
    reference.check(settings)
    return reading


def _read(process: Measured, progress: Progress, workload: Workload) -> Reading:
    # The last answer without a record is the beginning: what starting took is left out.
    before, began_s = process.usage(), time.monotonic()

    def has_begun(usage: Usage) -> bool:
        nonlocal before, began_s
        if usage.records == 0:
            before, began_s = usage, time.monotonic()
        return usage.records > 0

    _wait(process, has_begun, 0.01)
    after = _wait(process, lambda _: progress.is_complete(), 0.05)
    messages = len(workload.sessions) + len(workload.orders)
    elapsed_s = time.monotonic() - began_s
    return Reading(
        messages_per_s=messages / elapsed_s,
        cpu_us_per_message=(after.cpu_s - before.cpu_s) * 1e6 / messages,
        peak_rss_mib=after.peak_rss_bytes / _MEBIBYTE,
        metrics_percent=100 * (after.metrics_s - before.metrics_s) / elapsed_s,
    )


def _wait(process: Measured, is_over: Callable[[Usage], bool], every_s: float) -> Usage:
    """Ask until the answer says so, and return a fresh answer.

    Raises:
        BenchmarkError: the process ended, or came to a stand without being done.
    """
    done, moved_s = 0, time.monotonic()
    while not is_over(usage := process.usage()):
        if usage.records + usage.restored_changes > done:
            done, moved_s = usage.records + usage.restored_changes, time.monotonic()
        elif time.monotonic() - moved_s > STALL_TIMEOUT_S:
            raise BenchmarkError(f"not done, yet nothing moved for {STALL_TIMEOUT_S:.0f} s: {usage}")
        time.sleep(every_s)
    return process.usage()
