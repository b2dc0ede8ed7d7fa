"""``python -m tools.dashboards.photograph``: draws every dashboard with the data of a demo run into docs/dashboards.

Three minutes in which all is well. Times are those of a demo: scraped every second, with rates over 20 seconds.
"""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console

from consumer.demo.prometheus import Prometheus
from consumer.demo.run import run_demo
from tools.dashboards.pages import PAGES, filled
from tools.dashboards.panels import Page
from tools.dashboards.picture import Data, Line, draw, named

FOLDER = Path(__file__).resolve().parents[2] / "docs/dashboards"
CHOSEN = {"namespace": "demo", "job": ".*", "pod": ".*", "__rate_interval": "20s"}
SECONDS = 180.0
_STEP_S = 2.0


def data(prometheus: Prometheus, page: Page, start_s: float, end_s: float) -> Data:
    """Return what Prometheus has for each panel of a page."""
    found = {}
    for row in page.rows:
        for panel in row.panels:
            lines = []
            for query in panel.queries:
                expression = filled(query.expression, CHOSEN)
                if panel.kind == "number":
                    lines += [Line(panel.title, [(end_s, each.value)]) for each in prometheus.query(expression)]
                    continue
                for series in prometheus.query_range(expression, start_s, end_s, _STEP_S):
                    points = [(float(time_s), float(value)) for time_s, value in series["values"]]
                    lines.append(Line(named(query.legend, series["metric"]), points))
            found[panel.title] = lines
    return found


def photograph(prometheus: Prometheus, folder: Path = FOLDER, seconds: float = SECONDS) -> None:
    """Draw all pages with the last so many seconds."""
    folder.mkdir(exist_ok=True)
    now_s = prometheus.query("time()")[0].value
    for page in PAGES:
        picture = draw(page, data(prometheus, page, now_s - seconds, now_s))
        (folder / f"{page.name}.svg").write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    summary = run_demo(
        seconds=SECONDS,
        rate=200,
        seed=1,
        bootstrap_servers=None,
        console=Console(stderr=True),
        prometheus=True,
        look=photograph,
    )
    sys.exit(0 if summary.is_right() else 1)
