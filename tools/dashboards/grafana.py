"""From our pages to Grafana's JSON, by its own SDK."""

from __future__ import annotations

import json

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models import dashboard as models

from tools.dashboards.panels import Page, Panel

_DATASOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
_TAG = "awin-s2s-consumer"
_RUNBOOK = "docs/runbook.md"
"""Where the runbook is: the value of a variable of the page, since every installation has its own address for it."""
_COLUMNS = 24
_NUMBER_HEIGHT, _GRAPH_HEIGHT = 5, 8
_FROM = "awin_build_info"
"""The metric whose labels fill the variables: every pod has it."""


def as_json(page: Page) -> str:
    """Return a dashboard's file."""
    built = dashboard.Dashboard(page.title)
    built.uid(f"{_TAG}-{page.name}").description(page.description).readonly()
    built.tags([_TAG]).refresh("30s").time("now-6h", "now").timezone("browser").tooltip(
        models.DashboardCursorSync.CROSSHAIR
    )
    built.with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    for name, query in (
        ("namespace", f"label_values({_FROM}, namespace)"),
        ("job", f'label_values({_FROM}{{namespace=~"$namespace"}}, job)'),
        ("pod", f'label_values({_FROM}{{namespace=~"$namespace",job=~"$job"}}, pod)'),
    ):
        built.with_variable(_variable(name, query))
    built.link(
        dashboard.DashboardLink("Awin S2S")
        .type(models.DashboardLinkType.DASHBOARDS)
        .tags([_TAG])
        .keep_time(True)  # noqa: FBT003
        .include_vars(True)  # noqa: FBT003
    )
    built.link(dashboard.DashboardLink("Runbook").type(models.DashboardLinkType.LINK).url("${runbook}"))
    built.with_variable(dashboard.ConstantVariable("runbook").label("Runbook").value(_RUNBOOK))
    _lay_out(built, page)
    text = json.dumps(json.loads(JSONEncoder(sort_keys=True).encode(built.build())), indent=2, sort_keys=True)
    return f"{text}\n"


def _variable(name: str, query: str) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(name)
        .label(name.capitalize())
        .datasource(_DATASOURCE)
        .query(query)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(True)  # noqa: FBT003
        .include_all(True)  # noqa: FBT003
        .all_value(".*")
    )


def _lay_out(built: dashboard.Dashboard, page: Page) -> None:
    """Put panels side by side until the page is full, row by row."""
    y, number = 0, 1
    for row in page.rows:
        built.with_row(dashboard.Row(row.title).id(number).grid_pos(models.GridPos(h=1, w=_COLUMNS, x=0, y=y)))
        number, y, x, height = number + 1, y + 1, 0, 0
        for panel in row.panels:
            if x + panel.width > _COLUMNS:
                y, x, height = y + height, 0, 0
            tall = _NUMBER_HEIGHT if panel.kind == "number" else _GRAPH_HEIGHT
            built.with_panel(_panel(panel).id(number).grid_pos(models.GridPos(h=tall, w=panel.width, x=x, y=y)))
            number, x, height = number + 1, x + panel.width, max(height, tall)
        y += height


def _panel(panel: Panel) -> timeseries.Panel | stat.Panel:
    made = _number() if panel.kind == "number" else _graph(panel)
    made.title(panel.title).description(panel.description).unit(panel.unit).datasource(_DATASOURCE).no_value(
        panel.empty
    )
    made.thresholds(_thresholds(panel))
    for letter, query in zip("ABCDEFGH", panel.queries, strict=False):
        made.with_target(
            prometheus.Dataquery()
            .expr(query.expression)
            .legend_format(query.legend)
            .ref_id(letter)
            .datasource(_DATASOURCE)
        )
    return made


def _number() -> stat.Panel:
    newest = common.ReduceDataOptions().calcs(["lastNotNull"])
    return stat.Panel().color_mode(shapes.BigValueColorMode.BACKGROUND).reduce_options(newest)


def _graph(panel: Panel) -> timeseries.Panel:
    legend = common.VizLegendOptions().display_mode(shapes.LegendDisplayMode.LIST).show_legend(True)  # noqa: FBT003
    made = timeseries.Panel().legend(legend.placement(shapes.LegendPlacement.BOTTOM)).min(0)
    if panel.kind == "bars":
        made.draw_style(shapes.GraphDrawStyle.BARS).fill_opacity(80)
        return made.stacking(common.StackingConfig().mode(shapes.StackingMode.NORMAL))
    made.fill_opacity(10)
    if panel.bad is not None:
        made.thresholds_style(common.GraphThresholdsStyleConfig().mode(shapes.GraphThresholdsStyleMode.DASHED))
    return made


def _thresholds(panel: Panel) -> dashboard.ThresholdsConfig:
    steps = [models.Threshold(None, "green")]
    if panel.warn is not None:
        steps.append(models.Threshold(panel.warn, "yellow"))
    if panel.bad is not None:
        steps.append(models.Threshold(panel.bad, "red"))
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)
