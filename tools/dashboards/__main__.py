"""``python -m tools.dashboards`` writes the dashboards' files."""

from __future__ import annotations

from tools.dashboards.grafana import as_json
from tools.dashboards.pages import FOLDER, PAGES

for page in PAGES:
    (FOLDER / f"{page.name}.json").write_text(as_json(page), encoding="utf-8")
