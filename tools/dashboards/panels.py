"""What a panel is, apart from any library: what it tells, what it asks, and from where on that is bad."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

SELECTION = 'namespace=~"$namespace",job=~"$job",pod=~"$pod"'
"""Every query is narrowed by these."""
Kind = Literal["lines", "bars", "number"]


class Query(Struct, frozen=True):
    """One query and what its series are called."""

    expression: str
    legend: str

    def __post_init__(self) -> None:
        if "$__range" in self.expression:
            raise ValueError("panels look at rates, not at the whole range")


class Panel(Struct, frozen=True, kw_only=True):
    """One panel; ``width`` is in twenty-fourths of the page."""

    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    kind: Kind = "lines"
    width: int = 8
    warn: float | None = None
    """From here on it is yellow,"""
    bad: float | None = None
    """and from here on red. Below ``warn`` where that is the greater one."""
    empty: str = "none"
    """Shown where there is no data."""


class Row(Struct, frozen=True):
    """Panels under one heading."""

    title: str
    panels: tuple[Panel, ...]


class Page(Struct, frozen=True, kw_only=True):
    """One dashboard."""

    name: str
    """Of its file."""
    title: str
    description: str
    rows: tuple[Row, ...]


def equals(label: str, value: str) -> str:
    """Return a matcher."""
    return f'{label}="{value}"'


def selected(metric: str, *matchers: str) -> str:
    """Return a metric narrowed to what is chosen on the page, and by further matchers."""
    return f"{metric}{{{','.join((SELECTION, *matchers))}}}"


def rate(metric: str, *matchers: str) -> str:
    """Return a counter's rate."""
    return f"rate({selected(metric, *matchers)}[$__rate_interval])"


def quantile(share: float, histogram: str, *matchers: str, by: str = "le") -> str:
    """Return a quantile of a histogram, over all pods."""
    return f"histogram_quantile({share}, sum by ({by}) ({rate(f'{histogram}_bucket', *matchers)}))"
