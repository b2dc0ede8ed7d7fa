"""What Prometheus knows of the week before a drill, so that "as last week" and "as the day before" mean something."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

JOB = "awin-s2s-consumer"
_STEP_S = 120
"""Within the five minutes for which a value stands."""
_DAYS = 8
_MARGIN_S = 600
"""It ends before the drill begins."""

NORMAL: Mapping[str, float] = {
    "awin:conversions:increase1h": 400,
    "awin:sessions:increase1h": 5_000,
    "awin:orders:increase1h": 420,
    "awin:checksum:ratio_increase1h": 0.2,
    "awin:query:ratio_increase1h": 0.6,
    "awin:na:ratio_increase1h": 0.35,
    "awin:default_group:ratio_increase1h": 0.2,
    "awin:malformed:ratio_increase1h": 0.06,
    "awin:late_sessions:ratio_increase1h": 0.01,
}
"""What the rules have recorded of an hour, about as the synthetic shop has it."""


def history(namespaces: Iterable[str], now_s: float) -> str:
    """Return a week and a day of normal hours in OpenMetrics' text format."""
    wanted = sorted(namespaces)
    return "\n".join([*_lines(wanted, int(now_s)), "# EOF", ""])


def _lines(namespaces: Iterable[str], now_s: int) -> Iterator[str]:
    times = range(now_s - _DAYS * 86_400, now_s - _MARGIN_S, _STEP_S)
    for name, value in NORMAL.items():
        yield f"# TYPE {name} gauge"
        for namespace in namespaces:
            labels = f'{{namespace="{namespace}",job="{JOB}"}}'
            yield from (f"{name}{labels} {value} {time_s}" for time_s in times)
