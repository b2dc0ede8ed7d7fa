"""Breaks one thing after another for real, and measures when a real Prometheus tells of it, and when no more.

``make drills``: each drill is an installation of its own (topics, Awin, shop, process; namespace in Prometheus), all
at the same time, under the very rules of the chart. Takes two hours, since some look at an hour. Ends with 1 when
an alert that must fire did not, or did not end.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from msgspec import Struct
from rich.table import Table

from consumer.cli.output import console, print_json
from consumer.demo.broker import EmbeddedKafka
from consumer.demo.prometheus import Prometheus
from consumer.demo.prometheus_package import programs
from tests.drills.drills import DRILLS, Drill
from tests.drills.faults import HANGING_S, Drilled
from tests.drills.history import history
from tests.drills.place import Place
from tests.drills.watch import Watch

RULES = Path(__file__).resolve().parents[2] / "helm/awin-s2s-consumer/rules/rules.yaml"
SCRAPE_EVERY_S = 15.0
MINUTES = 150.0
_LOOK_EVERY_S = 1.0


class Row(Struct, frozen=True, kw_only=True):
    """What came of one alert of one drill."""

    drill: str
    fault: str
    alert: str
    fired_after_s: float | None
    """From the fault to the alert."""
    resolved_after_s: float | None
    """From its mending to the alert's end; ``None`` also for those that were not waited for."""
    outlasts: bool
    """Its end was not waited for."""
    expected: bool
    """It must fire."""

    def __str__(self) -> str:
        """Return the row for the log."""
        return f"{self.drill}: {self.name} fired after {_seconds(self.fired_after_s)}, ended after {self.end}"

    @property
    def name(self) -> str:
        """The alert, in brackets when it need not fire."""
        return self.alert if self.expected else f"({self.alert})"

    @property
    def end(self) -> str:
        """When the alert ended, for people."""
        return "not waited for" if self.outlasts else _seconds(self.resolved_after_s)

    @property
    def is_right(self) -> bool:
        """It fired, and ended if that was waited for."""
        return not self.expected or (
            self.fired_after_s is not None and (self.outlasts or self.resolved_after_s is not None)
        )


class Played:
    """A drill with its place, and when its fault was there; by `time.monotonic`."""

    def __init__(self, drill: Drill, place: Place) -> None:
        self.drill = drill
        self.place = place
        self.fault: Drilled = drill.fault(place)
        self.struck_s = 0.0
        self.healed_s = 0.0

    def play(self, watch: Watch, until_s: float, say: Callable[[str], object]) -> None:
        """Let it happen: all is well, it breaks, alerts fire, it is mended, alerts end."""
        name, wanted = self.drill.name, self.drill.alerts
        time.sleep(self.drill.calm_s)
        say(f"{name}: breaks")
        self.struck_s = time.monotonic()
        self.fault.strike()
        for alert in wanted:
            _wait(lambda alert=alert: watch.fired_s(name, alert) is not None, until_s)  # type: ignore[misc]
        say(f"{name}: mended")
        self.healed_s = time.monotonic()
        self.fault.heal()
        for alert in set(wanted) - set(self.drill.outlast):
            _wait(lambda alert=alert: watch.resolved_s(name, alert) is not None, until_s)  # type: ignore[misc]
        say(f"{name}: over")

    def rows(self, watch: Watch) -> Iterator[Row]:
        """Yield what came of it."""
        drill = self.drill
        for alert in (*drill.alerts, *sorted(watch.alerts(drill.name) - set(drill.alerts))):
            fired_s, resolved_s = watch.fired_s(drill.name, alert), watch.resolved_s(drill.name, alert)
            yield Row(
                drill=drill.name,
                fault=(drill.fault.__doc__ or "").strip().splitlines()[0],
                alert=alert,
                fired_after_s=None if fired_s is None else fired_s - self.struck_s,
                resolved_after_s=None if resolved_s is None else resolved_s - self.healed_s,
                outlasts=alert in drill.outlast,
                expected=alert in drill.alerts,
            )


def drills(
    chosen: Iterable[Drill],
    seconds: float,
    say: Callable[[str], object],
    show: Callable[[Sequence[Row]], object],
    *,
    scrape_every_s: float = SCRAPE_EVERY_S,
) -> None:
    """Play drills.

    Args:
        chosen: which.
        seconds: for how long at most, from when all are set up.
        say: told of progress, and of each drill's rows as soon as it is over.
        show: given what came of all, before anything is cleaned up: two hours of figures outlive a clean-up that fails.
        scrape_every_s: of Prometheus; its rules are evaluated as often.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="awin-drills-")))
        kafka = stack.enter_context(EmbeddedKafka(properties={"transaction.max.timeout.ms": str(HANGING_S * 1_000)}))
        played = [_set_up(drill, kafka, folder, stack, say) for drill in chosen]
        prometheus = stack.enter_context(
            Prometheus(
                programs(),
                {each.place.address: {"namespace": each.drill.name, "pod": f"{each.drill.name}-0"} for each in played},
                rules=[RULES],
                history=history((each.drill.name for each in played if each.drill.has_history), time.time()),
                interval_s=scrape_every_s,
            )
        )
        say(f"Prometheus: {prometheus.address}")

        def tend() -> None:
            for each in played:
                each.place.tend()

        watch = Watch(prometheus, tend)
        stack.callback(watch.close)
        until_s = time.monotonic() + seconds
        for failure in _all(played, watch, until_s, say):
            say(failure)
        show([row for each in played for row in each.rows(watch)])


def _set_up(drill: Drill, kafka: EmbeddedKafka, folder: Path, stack: ExitStack, say: Callable[[str], object]) -> Played:
    if drill.own_nodes:
        kafka = stack.enter_context(EmbeddedKafka(nodes=drill.own_nodes))
    played = Played(drill, Place(drill.name, kafka, folder / drill.name, stack, **drill.place))
    played.fault.prepare()
    played.place.start()
    if drill.opens_shop:
        played.place.open_shop()
    say(f"{drill.name}: is set up")
    return played


def _all(played: Sequence[Played], watch: Watch, until_s: float, say: Callable[[str], object]) -> list[str]:
    """Play all at once and return what failed."""
    failures: list[str] = []

    def play(each: Played) -> None:
        try:
            each.play(watch, until_s, say)
        except Exception as error:  # noqa: BLE001  # told with the table; the other drills go on
            failures.append(f"{each.drill.name}: {type(error).__name__}: {error}")
        for row in each.rows(watch):
            say(str(row))

    threads = [threading.Thread(target=play, args=(each,), name=each.drill.name, daemon=True) for each in played]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


def _wait(condition: Callable[[], bool], until_s: float) -> None:
    while not condition() and time.monotonic() < until_s:
        time.sleep(_LOOK_EVERY_S)


def table(rows: Iterable[Row]) -> Table:
    """Return the rows for people."""
    made = Table("drill", "alert", "fires after", "ends after")
    for row in rows:
        made.add_row(row.drill, row.name, _seconds(row.fired_after_s), row.end)
    return made


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:,.0f} s"


def _say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; return 0 when every alert did what it must."""
    parser = argparse.ArgumentParser(prog="make drills", description="Bring alerts to fire by breaking things.")
    parser.add_argument("--only", action="append", default=[], choices=[each.name for each in DRILLS], metavar="DRILL")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="how long to wait at most")
    parser.add_argument("--json", action="store_true", help="print one JSON value instead of a table")
    given = parser.parse_args(arguments)
    rows: list[Row] = []

    def show(made: Sequence[Row]) -> None:
        rows.extend(made)
        if given.json:
            print_json(rows)
        else:
            console().print(table(rows))
        sys.stdout.flush()

    chosen = [each for each in DRILLS if not given.only or each.name in given.only]
    drills(chosen, given.minutes * 60, _say, show)
    return 0 if all(row.is_right for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
