"""Values as Grafana shows them with the units that the panels have."""

from __future__ import annotations

import math

_TIMES = ((1.0, 1_000.0, "ms"), (60.0, 1.0, "s"), (3_600.0, 1 / 60, "min"), (86_400.0, 1 / 3_600, "h"))
_BYTES = ("B", "KiB", "MiB", "GiB", "TiB")
_PER_S = {"ops": " /s", "reqps": " req/s"}


def shown(value: float, unit: str) -> str:
    """Return a value in a unit of Grafana's.

    Raises:
        KeyError: a unit that no panel has had so far.
    """
    if not math.isfinite(value):
        return "-"
    match unit:
        case "s":
            return _seconds(value)
        case "percentunit":
            return f"{_short(value * 100)} %"
        case "bytes":
            power = min(int(math.log(abs(value), 1024)), len(_BYTES) - 1) if abs(value) >= 1 else 0
            return f"{_short(value / 1024**power)} {_BYTES[power]}"
        case "none":
            return _short(value)
        case _:
            return _short(value) + _PER_S[unit]


def _seconds(value: float) -> str:
    for below, factor, name in _TIMES:
        if abs(value) < below:
            return f"{_short(value * factor)} {name}" if value else "0 s"
    return f"{_short(value / 86_400)} d"


def _short(value: float) -> str:
    """Return three digits or all of a whole number."""
    if value == round(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.01 else f"{value:.1g}"
