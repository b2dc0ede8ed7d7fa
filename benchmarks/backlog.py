"""``python -m benchmarks.backlog``: fresh orders while the deliver stage drains what an outage left.

A million conversions that have lost their priority stand in the outbox when deliver starts, on the embedded broker and
against a stand-in Awin; from then on a fresh one is appended every tenth of a second. How long does each take to reach
Awin, and how quickly does the backlog go?
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from threading import Event, Thread

from msgspec import Struct, to_builtins

from benchmarks.inputs import Inputs, create_inputs, create_owned, run_settings
from benchmarks.outbox import Outbox, live
from benchmarks.process import BenchmarkError
from consumer.demo.awin import StandInAwin
from consumer.demo.broker import EmbeddedKafka
from consumer.service import Service
from consumer.settings import Settings

PARTITIONS = 4
OLD_MS = 3_600_000
SETTLE_S = 300.0


class Found(Struct, frozen=True, kw_only=True):
    """What was measured. Times are those from appending a conversion to its request's arrival."""

    backlog: int
    seconds: float
    """From the start of the stage to the end of the measurement."""
    fresh: int
    first_fresh_s: float
    """Of the first fresh order: it stands behind the whole backlog."""
    fresh_p50_s: float
    fresh_p99_s: float
    fresh_max_s: float
    over_two_minutes: int
    drained: int
    """How many of the backlog reached Awin meanwhile."""
    drained_per_s: float
    lost: int
    """Fresh orders that never arrived."""


def main() -> int:
    """Run what the command line says and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backlog", description=__doc__)
    parser.add_argument("--orders", type=int, default=1_000_000, help="in the backlog")
    parser.add_argument("--seconds", type=float, default=300, help="how long fresh orders are produced")
    parser.add_argument("--max-outstanding", type=int, default=64, help="delivery.max_outstanding")
    parser.add_argument("--json", action="store_true", help="print one JSON value")
    asked = parser.parse_args()
    try:
        with EmbeddedKafka() as kafka, tempfile.TemporaryDirectory(prefix="awin-benchmark-") as folder:
            found = measure(kafka.bootstrap_servers, Path(folder), asked.orders, asked.seconds, asked.max_outstanding)
    except BenchmarkError as error:
        print(f"no figures: {error}", file=sys.stderr)
        return 1
    values = to_builtins(found)
    print(json.dumps(values) if asked.json else "\n".join(f"{name:>18}  {value}" for name, value in values.items()))
    return 0


def measure(servers: str, folder: Path, orders: int, seconds: float, max_outstanding: int) -> Found:
    """Fill the outbox, start the stage, and time fresh orders.

    Raises:
        BenchmarkError: the stage failed.
    """
    inputs = Inputs("session.landed", "order.completed")
    create_inputs(servers, inputs, PARTITIONS)
    _, file = run_settings(servers, "backlog", folder, inputs, _now_ms() - 2 * OLD_MS)
    with StandInAwin() as awin:
        settings = live(file, awin.endpoint, max_outstanding)
        create_owned(settings, PARTITIONS)
        _say(f"producing {orders:,} conversions")
        outbox = Outbox(settings)
        outbox.produce((f"old-{number}", _now_ms() - OLD_MS) for number in range(orders))
        _say("delivering")
        with _running(settings):
            began_s = time.monotonic()
            sent = _fresh_orders(outbox, seconds)
            arrived = _arrivals(awin, set(sent))
            elapsed_s = time.monotonic() - began_s
        old = sum(request.ref.startswith("old-") for request in awin.requests)
    waits = sorted((arrived[ref] - at_ms) / 1000 for ref, at_ms in sent.items() if ref in arrived)
    if len(waits) < 2:
        raise BenchmarkError("hardly any fresh order arrived")
    cuts = quantiles(waits, n=100, method="inclusive")
    first = next(iter(sent))
    return Found(
        backlog=orders,
        seconds=round(elapsed_s, 1),
        fresh=len(sent),
        first_fresh_s=round((arrived[first] - sent[first]) / 1000, 2) if first in arrived else -1.0,
        fresh_p50_s=round(cuts[49], 3),
        fresh_p99_s=round(cuts[98], 3),
        fresh_max_s=round(waits[-1], 3),
        over_two_minutes=sum(wait > 120 for wait in waits),
        drained=old,
        drained_per_s=round(old / elapsed_s, 1),
        lost=len(sent) - len(waits),
    )


@contextmanager
def _running(settings: Settings) -> Iterator[None]:
    """Run the deliver stage meanwhile."""
    service = Service(settings, ("deliver",))
    failures: list[BaseException] = []

    def run() -> None:
        try:
            service.run()
        except BaseException as error:  # noqa: BLE001 - told where it can be
            failures.append(error)

    thread = Thread(target=run, name="service")
    thread.start()
    try:
        yield
    finally:
        service.stop()
        thread.join()
    if failures:
        raise BenchmarkError(f"the stage failed: {failures[0]}")


def _fresh_orders(outbox: Outbox, seconds: float) -> dict[str, int]:
    """Append a fresh order every tenth of a second; return when each was."""
    sent: dict[str, int] = {}
    until_s = time.monotonic() + seconds
    pause = Event()
    while time.monotonic() < until_s:
        ref, at_ms = f"new-{len(sent)}", _now_ms()
        outbox.produce(iter([(ref, at_ms)]))
        sent[ref] = at_ms
        pause.wait(0.1)
    return sent


def _arrivals(awin: StandInAwin, wanted: set[str]) -> dict[str, int]:
    """Wait for these orders, and return when each arrived first."""
    deadline_s = time.monotonic() + SETTLE_S
    while True:
        arrived: dict[str, int] = {}
        for request in awin.requests:
            if request.ref in wanted:
                arrived.setdefault(request.ref, request.received_at_ms)
        if len(arrived) == len(wanted) or time.monotonic() > deadline_s:
            return arrived
        time.sleep(0.5)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
