"""What a measured process has used, told over its standard input and output.

The process answers each line that it is sent with one line of JSON. Whoever measures decides when to ask, so the
figures leave out what comes before and after. When its standard input ends, so does the process: nobody is left to ask.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import msgspec
from msgspec import Struct


class Usage(Struct, frozen=True):
    """Totals since the process began."""

    cpu_s: float
    """User and system time of all its threads."""
    peak_rss_bytes: int
    records: int
    """Input records taken."""
    rss_bytes: int = 0
    """Resident now."""
    store_memory_bytes: int = 0
    """Of those what the stores have in memory: it grows up to `state.memory_mib`, whatever happens."""
    conversions: int = 0
    """Written."""
    put_off: int = 0
    """How often conversions were put off."""
    attempts: int = 0
    """Requests to Awin that ended."""
    restored_changes: int = 0
    restore_s: float = 0.0
    """Spent restoring, from each partition's first attempt to its end; partitions come one after the other."""
    metrics_s: float = 0.0
    """Spent on telling the metrics."""
    ready: bool = False
    """Every partition is worked on."""


def own_cpu_s() -> float:
    """Return the CPU time that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def own_peak_rss_bytes() -> int:
    """Return the most memory that this process has had resident."""
    # Linux hands getrusage's maximum down from the parent to a spawned child; this one is the process's own.
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def own_rss_bytes() -> int:
    """Return the memory that this process has resident; where the system does not say, the most that it had."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    return own_peak_rss_bytes()


def answer(usage: Callable[[], Usage]) -> None:
    """Answer questions on a thread of its own until standard input ends; then ask the process to stop by SIGTERM."""

    def run() -> None:
        try:
            for _ in sys.stdin:
                sys.stdout.write(msgspec.json.encode(usage()).decode() + "\n")
                sys.stdout.flush()
        except BrokenPipeError:
            pass  # whoever asked is gone
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    Thread(target=run, name="usage", daemon=True).start()
