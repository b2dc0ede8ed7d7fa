"""Breaks everything around the product, one thing after another, and checks that it keeps its promises.

``make chaos SEED=7 MINUTES=10``: the seed makes the schedule of the faults, which is the same each time; what the
processes were doing when a fault struck is not. Ends with 1 when a promise is broken, and keeps what is needed to find
out why.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

import msgspec

from consumer.cli.output import console, print_json
from tests.chaos.ending import Remains, end
from tests.chaos.play import play
from tests.chaos.report import Report, costs_table, report, summary
from tests.chaos.scene import open_shop, set_scene
from tests.chaos.schedule import KINDS, Strike, schedule

_CALM_S = 6.0
"""After the last fault, for its recovery to be seen."""
EVIDENCE = "report.json"


def chaos(
    seed: int, strikes: Sequence[Strike], seconds: float, say: Callable[[str], object], *, keep: bool = False
) -> Report:
    """Let these faults happen, and return what came of it.

    Everything is stopped and removed in the end. When a promise was broken or the run itself failed, or with ``keep``,
    logs and evidence are kept in a folder, and ``say`` is told which.
    """
    with folder_of_run(say) as folder, ExitStack() as stack:
        world = set_scene(seed, folder, stack, say)
        open_shop(world)
        spans = play(strikes, seconds, world, say)
        remains = end(world, say)
        found = report(
            seed, remains.evidence, spans, remains.recorded_ms, forced=remains.account.forced, audit=remains.audit
        )
        if found.broken or keep:
            _keep_evidence(folder, remains, found)
        return found


@contextmanager
def folder_of_run(say: Callable[[str], object]) -> Iterator[Path]:
    """Give a folder that goes in the end, unless something failed or evidence was put into it."""
    folder = Path(tempfile.mkdtemp(prefix="awin-chaos-"))
    is_kept = True
    try:
        yield folder
        is_kept = (folder / EVIDENCE).exists()
    except KeyboardInterrupt:
        is_kept = False
        raise
    finally:
        if is_kept:
            say(f"logs and evidence are kept in {folder}")
        else:
            shutil.rmtree(folder)


def _keep_evidence(folder: Path, remains: Remains, found: Report) -> None:
    evidence = remains.evidence
    (folder / EVIDENCE).write_bytes(msgspec.json.format(msgspec.json.encode(found)))
    (folder / "audit.json").write_bytes(msgspec.json.format(msgspec.json.encode(remains.audit)))
    for name, values in (
        ("requests", evidence.requests),
        ("receipts", evidence.receipts),
        ("expected", evidence.expected),
        ("dead-letters", evidence.dead_letters),
    ):
        (folder / f"{name}.txt").write_text("".join(f"{value}\n" for value in values), encoding="utf-8")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _stop(*_: int | FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; return 0 when every promise is kept."""
    parser = argparse.ArgumentParser(prog="make chaos", description="Break everything around the product.")
    parser.add_argument("--seed", type=int, default=1, help="of the schedule")
    parser.add_argument("--minutes", type=float, default=5.0, help="how long faults strike")
    parser.add_argument(
        "--only", action="append", default=[], choices=list(KINDS), metavar="FAULT", help="of this kind"
    )
    parser.add_argument("--keep", action="store_true", help="keep logs and evidence whatever the verdict")
    parser.add_argument("--json", action="store_true", help="print one JSON value instead of a table")
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _stop)
    began_s = time.monotonic()
    strikes = schedule(given.seed, given.minutes * 60, given.only)
    _say(f"seed {given.seed}: {len(strikes)} faults in {given.minutes:g} minutes")
    try:
        found = chaos(given.seed, strikes, given.minutes * 60 + _CALM_S, _say, keep=given.keep)
    except KeyboardInterrupt:
        _say("broken off; everything is stopped")
        return 130
    _say(f"{time.monotonic() - began_s:.0f} s in all")
    return tell(found, as_json=given.json)


def tell(found: Report, *, as_json: bool) -> int:
    """Print what was found, and return 0 when every promise is kept."""
    if as_json:
        print_json(found)
    else:
        console().print(costs_table(found))
        console().print(summary(found))
    return 1 if found.broken else 0


if __name__ == "__main__":
    sys.exit(main())
