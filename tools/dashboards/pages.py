"""All dashboards, and all that they ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from tools.dashboards import delivery, overview, runtime, streams
from tools.dashboards.panels import Page, Panel, Query

PAGES = (overview.PAGE, delivery.PAGE, streams.PAGE, runtime.PAGE)
FOLDER = Path(__file__).resolve().parents[2] / "helm/awin-s2s-consumer/dashboards"


def queries() -> Iterator[tuple[Page, Panel, Query]]:
    """Yield every query with the panel and the page that it stands on."""
    for page in PAGES:
        for row in page.rows:
            for panel in row.panels:
                yield from ((page, panel, query) for query in panel.queries)


def filled(expression: str, values: Mapping[str, str]) -> str:
    """Return a query with the page's variables replaced, to be asked without Grafana."""
    for name, value in values.items():
        expression = expression.replace(f"${name}", value)
    return expression
