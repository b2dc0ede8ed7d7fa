"""The dashboards: as generated, and as the rules of good ones want them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import promql_parser
import pytest

from consumer.ops.catalogue import all_metrics
from tools.dashboards.grafana import as_json
from tools.dashboards.pages import FOLDER, PAGES, filled, queries

Found = dict[str, Any]

CHOSEN = {"namespace", "job", "pod"}
"""What every query is narrowed by."""
SCRAPED = {*CHOSEN, "instance", "le", "generation"}
STANDARD = {
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_open_fds",
    "process_start_time_seconds",
    "python_gc_collections_total",
}
"""What the Prometheus client tells of every process."""


def files() -> list[Found]:
    """Return the committed dashboards."""
    return [json.loads((FOLDER / f"{page.name}.json").read_text("utf-8")) for page in PAGES]


def panels(found: Found) -> list[Found]:
    """Return what is not a heading."""
    return [panel for panel in found["panels"] if panel["type"] != "row"]


def targets(found: Found) -> Iterator[Found]:
    """Yield every query of a dashboard."""
    for panel in panels(found):
        yield from panel["targets"]


def test_the_files_are_what_the_code_makes() -> None:
    """If not, make them anew with `make dashboards`."""
    for page in PAGES:
        assert (FOLDER / f"{page.name}.json").read_text("utf-8") == as_json(page), page.name
    assert {path.stem for path in FOLDER.glob("*.json")} == {page.name for page in PAGES}


def untitled(found: Found) -> list[str]:
    """Return the panels that lack a title, a description, a unit or words for no data."""
    faults = []
    for panel in panels(found):
        defaults = panel["fieldConfig"]["defaults"]
        told = (panel.get("title"), panel.get("description"), defaults.get("unit"), defaults.get("noValue"))
        faults += [] if all(told) else [str(panel.get("title"))]
    return faults


def without_source(found: Found) -> list[str]:
    """Return the panels and queries whose data source is not the one that is chosen on the page."""
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    return [str(each) for each in (*panels(found), *targets(found)) if each.get("datasource") != chosen]


def editable(found: Found) -> list[str]:
    """Return a fault if it can be changed in place, where the next release would undo it."""
    return ["editable"] if found.get("editable") is not False else []


def without_legend(found: Found) -> list[str]:
    """Return the graphs whose series are not named."""
    graphs = [panel for panel in panels(found) if panel["type"] == "timeseries"]
    named = [panel for panel in graphs if panel["options"]["legend"]["showLegend"]]
    unnamed = [panel["title"] for panel in graphs if panel not in named]
    return unnamed + [each["expr"] for each in targets(found) if not each.get("legendFormat")]


def overlapping(found: Found) -> list[str]:
    """Return the panels that lie on others, or off the page, or have another's number."""
    faults, taken, numbers = [], set[tuple[int, int]](), set[int]()
    for panel in found["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        if cells & taken or at["x"] + at["w"] > 24 or panel["id"] in numbers:
            faults.append(panel["title"])
        taken |= cells
        numbers.add(panel["id"])
    return faults


def selectors(expression: promql_parser.Expr) -> Iterator[promql_parser.VectorSelector]:
    """Yield what an expression selects."""
    for name in ("expr", "lhs", "rhs", "vector_selector"):
        below = getattr(expression, name, None)
        if below is not None:
            yield from selectors(below)
    for argument in getattr(expression, "args", None) or ():
        yield from selectors(argument)
    if isinstance(expression, promql_parser.VectorSelector):
        yield expression


def parsed(expression: str) -> promql_parser.Expr:
    """Return a query's tree."""
    return promql_parser.parse(filled(expression, {"__rate_interval": "5m"}))


def unselected(found: Found) -> list[str]:
    """Return the queries that look beyond what is chosen on the page."""
    return [
        target["expr"]
        for target in targets(found)
        for selector in selectors(parsed(target["expr"]))
        if not {matcher.name for matcher in selector.matchers.matchers} >= CHOSEN
    ]


def unknown(found: Found) -> list[str]:
    """Return the queries for metrics or labels that there are not."""
    known = {metric.name: set(metric.labels) for metric in all_metrics()}
    for metric in all_metrics():
        if metric.buckets:
            known |= {f"{metric.name}_{part}": set(metric.labels) for part in ("bucket", "count", "sum")}
    faults = []
    for target in targets(found):
        for selector in selectors(parsed(target["expr"])):
            labels = {matcher.name for matcher in selector.matchers.matchers}
            if selector.name not in known.keys() | STANDARD:
                faults.append(str(selector.name))
            faults += sorted(labels - SCRAPED - known.get(str(selector.name), set()))
        grouped = {label for names in re.findall(r" by \(([^)]*)\)", target["expr"]) for label in names.split(", ")}
        faults += sorted(grouped - SCRAPED - set().union(*known.values()))
    return faults


def counters_outside_rate(found: Found) -> list[str]:
    """Return the queries that show a counter as it stands, or a rate over a fixed time."""
    faults = []
    for target in targets(found):
        bare = re.sub(r"rate\([^()]*\[\$__rate_interval\]\)", "", target["expr"])
        if re.search(r"_(total|bucket|count|sum)\b", bare) or re.search(r"\[\d", target["expr"]):
            faults.append(target["expr"])
    return faults


RULES: tuple[Callable[[Found], list[str]], ...] = (
    untitled,
    without_source,
    editable,
    without_legend,
    overlapping,
    unselected,
    unknown,
    counters_outside_rate,
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_rule_holds_on_every_dashboard(rule: Callable[[Found], list[str]]) -> None:
    """Nothing that breaks it is found."""
    for found in files():
        assert rule(found) == [], found["title"]


def spoilt(change: Callable[[Found], object]) -> Found:
    """Return a dashboard with one thing made wrong."""
    found = files()[0]
    change(found)
    return found


def in_graph(found: Found) -> Found:
    """Return its first graph."""
    return next(panel for panel in panels(found) if panel["type"] == "timeseries")


def asks(expression: str) -> Callable[[Found], object]:
    """Return a change: its first graph asks something else."""
    return lambda found: in_graph(found)["targets"][0].update(expr=expression)


WHERE = 'namespace=~"$namespace",job=~"$job",pod=~"$pod"'


BROKEN: tuple[tuple[Callable[[Found], list[str]], Callable[[Found], object]], ...] = (
    (untitled, lambda found: in_graph(found).pop("description")),
    (untitled, lambda found: in_graph(found)["fieldConfig"]["defaults"].pop("unit")),
    (without_source, lambda found: in_graph(found)["targets"][0].pop("datasource")),
    (editable, lambda found: found.update(editable=True)),
    (without_legend, lambda found: in_graph(found)["options"]["legend"].update(showLegend=False)),
    (overlapping, lambda found: in_graph(found)["gridPos"].update(x=1)),
    (unselected, asks("sum(rate(awin_attempts_total[$__rate_interval]))")),
    (unknown, asks(f"sum(awin_no_such_metric{{{WHERE}}})")),
    (unknown, asks(f'sum(awin_outstanding_conversions{{{WHERE},colour="red"}})')),
    (counters_outside_rate, asks(f"sum(awin_attempts_total{{{WHERE}}})")),
    (counters_outside_rate, asks(f"sum(rate(awin_attempts_total{{{WHERE}}}[5m]))")),
)


@pytest.mark.parametrize("number", range(len(BROKEN)))
def test_a_rule_finds_what_breaks_it(number: int) -> None:
    """Each can fail."""
    rule, change = BROKEN[number]
    assert rule(spoilt(change)) != []
    assert {rule for rule, _ in BROKEN} == set(RULES)


def test_pages_have_variables_and_links() -> None:
    """For the data source, and for several namespaces, jobs and pods at once; to each other and to the runbook."""
    for found in files():
        variables = {each["name"]: each for each in found["templating"]["list"]}
        assert list(variables) == ["datasource", "namespace", "job", "pod", "runbook"]
        assert all(variables[name]["multi"] and variables[name]["includeAll"] for name in CHOSEN)
        assert {link["type"] for link in found["links"]} == {"dashboards", "link"}
    assert len({found["uid"] for found in files()}) == len(PAGES)


def test_titles_are_told_apart() -> None:
    """No page has two panels of one name."""
    for found in files():
        titles = [panel["title"] for panel in panels(found)]
        assert len(set(titles)) == len(titles)


def test_panels_on_latency_and_dead_letters_say_how_to_look_at_one_order() -> None:
    """By `explain`."""
    told = {panel.title: panel.description for _, panel, _ in queries()}
    for title in ("How long sales take", "Put aside", "Since its entry into Kafka"):
        assert "awin-consumer explain" in told[title]
