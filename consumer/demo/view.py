"""What a person watching the demo sees."""

from __future__ import annotations

import time
from collections import Counter, deque
from statistics import quantiles
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from consumer.attribution.lastclick import Verdict
from consumer.demo.awin import AwinRequest, StandInAwin
from consumer.demo.producing import OpenShop
from consumer.demo.tap import ConversionTap
from consumer.events import Conversion

_LAST = 12


class View:
    """A live picture on a terminal; elsewhere a line now and then."""

    def __init__(self, console: Console, shop: OpenShop, tap: ConversionTap, awin: StandInAwin, seconds: float) -> None:
        self._console = console
        self._shop = shop
        self._tap = tap
        self._awin = awin
        self._seconds = seconds
        self._started_s = time.monotonic()
        self._said_s = self._started_s
        self._before: deque[tuple[float, int, int, int]] = deque([(self._started_s, 0, 0, 0)], maxlen=20)
        self._live = Live(console=console, refresh_per_second=4, transient=True) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def update(self, stage: str) -> None:
        """Show how things are now; ``stage`` says what the demo is doing."""
        now_s = time.monotonic()
        requests = [request for request in self._awin.requests if request.accepted]
        if self._live is not None:
            self._before.append((now_s, self._shop.sessions, self._shop.orders, len(requests)))
            self._live.update(self._picture(stage, requests))
        elif now_s - self._said_s >= 5:
            self._said_s = now_s
            self._console.print(
                f"{now_s - self._started_s:4.0f} s  {stage}: {self._shop.sessions} sessions and {self._shop.orders} "
                f"orders in, {len(requests)} reported to Awin"
            )

    def _picture(self, stage: str, requests: list[AwinRequest]) -> Group:
        elapsed_s = time.monotonic() - self._started_s
        told = [(request, conversion) for request in requests if (conversion := self._tap.get(request.ref))]
        head = Text.assemble(
            (f" {stage} ", "bold reverse"),
            f"  {elapsed_s:.0f} of {self._seconds:.0f} s   {self._rates()}   {_latency(told)}",
        )
        channels = Counter(request.parameters["ch"] for request in requests)
        return Group(
            head,
            Panel(_channels(channels), title="orders by channel"),
            Panel(_last(told), title=f"last requests to {self._awin.endpoint}"),
        )

    def _rates(self) -> str:
        first, last = self._before[0], self._before[-1]
        passed_s = max(0.001, last[0] - first[0])
        sessions, orders, reported = ((last[n] - first[n]) / passed_s for n in (1, 2, 3))
        return f"{sessions:.0f} sessions/s → {orders:.0f} orders/s → {reported:.0f} requests/s"


def _latency(told: list[tuple[AwinRequest, Conversion]]) -> str:
    waits = [request.received_at_ms - conversion.decidable_at_ms for request, conversion in told[-500:]]
    if len(waits) < 2:
        return ""
    cuts = quantiles(waits, n=100)
    return f"order → Awin p50 {cuts[49]:.0f} ms, p99 {cuts[98]:.0f} ms (after the grace)"


def _channels(channels: Counter[str]) -> Table:
    table = Table.grid(padding=(0, 2))
    most = max(channels.values(), default=1)
    for channel, orders in channels.most_common(_LAST):
        style = "green" if channel == "aw" else "cyan"
        table.add_row(channel, Text("█" * max(1, 40 * orders // most), style=style), str(orders))
    return table


def _last(told: list[tuple[AwinRequest, Conversion]]) -> Table:
    table = Table.grid(padding=(0, 2))
    for heading in ("ref", "amount", "ch", "cks", "why"):
        table.add_column(heading, no_wrap=True)
    for request, conversion in reversed(told[-_LAST:]):
        said = request.parameters
        table.add_row(
            said["ref"],
            f"{said['amount']} {said['cr']}",
            Text(said["ch"], style="green" if said["ch"] == "aw" else "cyan"),
            "yes" if "cks" in said else "no",
            reason(conversion),
        )
    return table


def reason(conversion: Conversion) -> str:
    """Say in a few words why an order got its channel."""
    match conversion.reason:
        case "last_click":
            clicks = len({evidence.clicked_at_ms for evidence in conversion.evidence if evidence.channel})
            won = next(each for each in conversion.evidence if each.verdict in {Verdict.WON, Verdict.WON_NO_CONSENT})
            before_s = (conversion.completed_at_ms - won.clicked_at_ms) / 1000
            others = f", the last of {clicks}" if clicks > 1 else ""
            consent = ", checksum withheld: no consent" if won.verdict == Verdict.WON_NO_CONSENT else ""
            return f"{won.rule} {before_s:,.1f} s before the order{others}{consent}"
        case "direct_only":
            return "only direct landings"
        case "no_landing":
            return "no landing known"
        case other:
            return other.replace("_", " ")
