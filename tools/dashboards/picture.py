"""Draws a dashboard with its data as SVG, for those who have no Grafana at hand. Pure.

It has each panel's title, place, data, thresholds and unit, not Grafana's looks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from itertools import pairwise

from msgspec import Struct

from tools.dashboards.figures import shown
from tools.dashboards.panels import Page, Panel, Row

Points = Sequence[tuple[float, float]]
"""Times in seconds, and values."""

_COLUMN, _GAP, _MARGIN = 50, 8, 12
_NUMBER_HEIGHT, _GRAPH_HEIGHT, _HEADING_HEIGHT = 100, 220, 34
_TITLE_HEIGHT, _LEGEND_HEIGHT, _AXIS_WIDTH, _MOST_LEGENDS = 24, 14, 62, 4
_INK, _FAINT, _PAPER, _GREEN, _YELLOW, _RED = "#24292f", "#8b949e", "#f4f5f7", "#2f9e44", "#e8a200", "#d6336c"
_COLOURS = ("#3274d9", "#e8590c", "#2f9e44", "#9c36b5", "#0b7285", "#c2255c", "#846800", "#5f3dc4")


class Line(Struct, frozen=True):
    """One series of a panel."""

    name: str
    points: Points


Data = Mapping[str, Sequence[Line]]
"""The series of each panel, by its title; a panel without data has none."""


def draw(page: Page, data: Data) -> str:
    """Return a page as a picture."""
    parts: list[str] = []
    y = 40
    for row in page.rows:
        parts.append(_text(_MARGIN, y + 22, row.title, size=15, weight=600))
        y += _HEADING_HEIGHT
        for panel, x, top, height in _places(row, y):
            parts += _panel(panel, data.get(panel.title, ()), x, top, panel.width * _COLUMN - _GAP, height - _GAP)
            y = max(y, top + height)
    width = 24 * _COLUMN + 2 * _MARGIN - _GAP
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {y + _MARGIN}" font-family="sans-serif">',
            f'<rect width="{width}" height="{y + _MARGIN}" fill="{_PAPER}"/>',
            _text(_MARGIN, 28, page.title, size=19, weight=600),
            *parts,
            "</svg>",
            "",
        ]
    )


def _places(row: Row, y: int) -> Iterator[tuple[Panel, int, int, int]]:
    """Yield the panels with where they stand, as the dashboards have them."""
    column = height = 0
    for panel in row.panels:
        if column + panel.width > 24:
            column, y, height = 0, y + height, 0
        tall = _NUMBER_HEIGHT if panel.kind == "number" else _GRAPH_HEIGHT
        yield panel, _MARGIN + column * _COLUMN, y, tall
        column, height = column + panel.width, max(height, tall)


def _panel(panel: Panel, lines: Sequence[Line], x: int, y: int, width: int, height: int) -> Iterator[str]:
    yield f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="4" fill="#fff" stroke="#d8dee4"/>'
    yield _text(x + 10, y + 18, panel.title, size=12, weight=600)
    drawn = [line for line in lines if line.points]
    if panel.kind == "number":
        yield _number(panel, drawn, x + width / 2, y + height / 2 + 22)
    elif drawn:
        yield from _graph(panel, drawn, x, y + _TITLE_HEIGHT, width, height - _TITLE_HEIGHT)
    else:
        yield _text(x + width / 2, y + height / 2 + 10, panel.empty, size=14, colour=_FAINT, anchor="middle")


def _number(panel: Panel, lines: Sequence[Line], x: float, y: float) -> str:
    if not lines:
        return _text(x, y, panel.empty, size=24, colour=_GREEN, anchor="middle")
    value = lines[0].points[-1][1]
    return _text(x, y, shown(value, panel.unit), size=30, weight=600, colour=_judged(panel, value), anchor="middle")


def _judged(panel: Panel, value: float) -> str:
    """Return the colour of a value; where less is worse, ``warn`` is above ``bad``."""
    falls = panel.warn is not None and panel.bad is not None and panel.bad < panel.warn
    for limit, colour in ((panel.bad, _RED), (panel.warn, _YELLOW)):
        if limit is not None and (value <= limit if falls else value >= limit):
            return colour
    return _GREEN


def _graph(panel: Panel, lines: Sequence[Line], x: int, y: int, width: int, height: int) -> Iterator[str]:
    left, right, top = x + _AXIS_WIDTH, x + width - 12, y + 6
    bottom = y + height - 8 - _LEGEND_HEIGHT * min(len(lines), _MOST_LEGENDS) - 14
    values = [value for line in lines for _, value in line.points if math.isfinite(value)] or [0.0]
    times = [time for line in lines for time, _ in line.points]
    ticks = _ticks(min(0.0, *values), max(values))
    low, high, first, last = ticks[0], ticks[-1], min(times), max(*times, min(times) + 1)

    def at(time: float, value: float) -> str:
        across = left + (time - first) / (last - first) * (right - left)
        return f"{across:.1f},{bottom - (value - low) / (high - low) * (bottom - top):.1f}"

    for tick in ticks:
        level = bottom - (tick - low) / (high - low) * (bottom - top)
        yield f'<path d="M{left},{level:.1f}H{right}" stroke="#eaeef2"/>'
        yield _text(left - 6, level + 4, shown(tick, panel.unit), size=10, colour=_FAINT, anchor="end")
    for limit, colour in ((panel.warn, _YELLOW), (panel.bad, _RED)):
        if limit is not None and low < limit <= high:
            level = bottom - (limit - low) / (high - low) * (bottom - top)
            yield f'<path d="M{left},{level:.1f}H{right}" stroke="{colour}" stroke-dasharray="4 3"/>'
    yield _text(left, bottom + 13, "0 s", size=10, colour=_FAINT)
    yield _text(right, bottom + 13, shown(last - first, "s"), size=10, colour=_FAINT, anchor="end")
    for number, line in enumerate(lines):
        colour = _COLOURS[number % len(_COLOURS)]
        path = _path([(time, value) for time, value in line.points if math.isfinite(value)], at)
        yield f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
    yield from _legends(panel, lines, x + 10, bottom + 28)


def _path(points: Points, at: Callable[[float, float], str]) -> str:
    """Return a line that is broken where values are missing."""
    steps = [after - before for (before, _), (after, _) in pairwise(points)]
    longest = 1.5 * min(steps, default=0.0)
    joints = ["M", *("L" if step <= longest else "M" for step in steps)]
    return "".join(f"{joint}{at(time, value)}" for joint, (time, value) in zip(joints, points, strict=False))


def _legends(panel: Panel, lines: Sequence[Line], x: int, y: float) -> Iterator[str]:
    for number, line in enumerate(lines[:_MOST_LEGENDS]):
        at_y = y + number * _LEGEND_HEIGHT
        if number == _MOST_LEGENDS - 1 and len(lines) > _MOST_LEGENDS:
            yield _text(x, at_y, f"and {len(lines) - number} more", size=10, colour=_FAINT)
            return
        colour = _COLOURS[number % len(_COLOURS)]
        yield f'<rect x="{x}" y="{at_y - 5:.0f}" width="12" height="3" fill="{colour}"/>'
        yield _text(x + 18, at_y, f"{line.name}: {shown(line.points[-1][1], panel.unit)}", size=10)


def _ticks(low: float, high: float) -> list[float]:
    """Return about four round values that take in both ends."""
    span = (high - low) or 1.0
    power = 10 ** math.floor(math.log10(span / 3))
    step = next(power * each for each in (1, 2, 5, 10) if power * each >= span / 3)
    return [number * step for number in range(math.floor(low / step), math.ceil((low + span) / step) + 1)]


def _text(
    x: float, y: float, text: str, *, size: int, colour: str = _INK, weight: int = 400, anchor: str = "start"
) -> str:
    place = f'x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}"'
    return f'<text {place} font-size="{size}" font-weight="{weight}" fill="{colour}">{escape(text)}</text>'


def named(legend: str, labels: Mapping[str, str]) -> str:
    """Return what a series is called: Grafana's ``{{label}}`` replaced."""
    for label, value in labels.items():
        legend = legend.replace(f"{{{{{label}}}}}", value)
    return legend
