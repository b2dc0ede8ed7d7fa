"""The pictures of the dashboards in docs/."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from tools.dashboards.figures import shown
from tools.dashboards.pages import PAGES
from tools.dashboards.panels import Page, Panel, Query, Row
from tools.dashboards.photograph import FOLDER
from tools.dashboards.picture import Line, draw, named


def texts(picture: str) -> list[str]:
    """Return all that is written on a picture."""
    return [element.text or "" for element in elements(picture) if element.tag.endswith("text")]


def elements(picture: str) -> list[ET.Element]:
    """Return all elements of a picture."""
    return list(ET.fromstring(picture).iter())  # noqa: S314  # our own


def page(panel: Panel) -> Page:
    """Return a page of one panel."""
    return Page(name="p", title="P", description="", rows=(Row("R", (panel,)),))


def panel(**changes: object) -> Panel:
    """Return a panel of lines."""
    values = {"title": "T", "description": "", "unit": "s", "queries": (Query("x", "l"),), "bad": 100.0, **changes}
    return Panel(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize("shown_page", PAGES, ids=lambda each: each.name)
def test_the_committed_pictures_show_every_panel(shown_page: Page) -> None:
    """Otherwise draw them anew: ``python -m tools.dashboards.photograph``."""
    written = texts((FOLDER / f"{shown_page.name}.svg").read_text("utf-8"))
    for row in shown_page.rows:
        assert row.title in written
        assert {each.title for each in row.panels} <= set(written)


def test_the_newest_value_stands_in_the_legend() -> None:
    """With its unit."""
    picture = draw(page(panel()), {"T": [Line("age", [(0, 1.0), (2, 90.0)])]})
    assert "age: 1.5 min" in texts(picture)


def test_without_data_a_panel_says_so() -> None:
    """In its own words."""
    assert "nothing waits" in texts(draw(page(panel(empty="nothing waits")), {}))


def test_many_series_are_not_all_named() -> None:
    """The others are counted."""
    lines = [Line(f"n{number}", [(0, 1.0), (2, 1.0)]) for number in range(7)]
    written = texts(draw(page(panel()), {"T": lines}))
    assert "n2: 1 s" in written
    assert "and 4 more" in written


def test_a_line_is_broken_where_values_are_missing() -> None:
    """An outage of the scrape is not a straight line."""
    drawn = draw(page(panel()), {"T": [Line("a", [(0, 1.0), (2, 2.0), (4, 3.0), (60, 4.0), (62, 5.0)])]})
    (path,) = [d for element in elements(drawn) if element.get("stroke-width") and (d := element.get("d"))]
    assert [each for each in path if each.isalpha()] == ["M", "L", "L", "M", "L"]


@pytest.mark.parametrize(
    ("value", "colour"), [(5.0, "#2f9e44"), (70.0, "#e8a200"), (300.0, "#d6336c"), (float("nan"), "#2f9e44")]
)
def test_a_number_has_the_colour_of_its_threshold(value: float, colour: str) -> None:
    """Green, yellow, red."""
    number = panel(kind="number", warn=60.0)
    assert colour in draw(page(number), {"T": [Line("T", [(0, value)])]})


def test_where_less_is_worse_the_colours_are_the_other_way_round() -> None:
    """As for what is left of a budget."""
    number = panel(kind="number", warn=60.0, bad=10.0)
    assert "#d6336c" in draw(page(number), {"T": [Line("T", [(0, 5.0)])]})
    assert "#2f9e44" in draw(page(number), {"T": [Line("T", [(0, 90.0)])]})


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0, "s", "0 s"),
        (0.0254, "s", "25.4 ms"),
        (75.0, "s", "1.25 min"),
        (7_200.0, "s", "2 h"),
        (172_800.0, "s", "2 d"),
        (0.0123, "percentunit", "1.23 %"),
        (0, "bytes", "0 B"),
        (3 * 1024**2, "bytes", "3 MiB"),
        (12345.6, "none", "12,346"),
        (0.5, "ops", "0.5 /s"),
        (0.00123, "reqps", "0.001 req/s"),
    ],
)
def test_values_are_shown_with_their_unit(value: float, unit: str, text: str) -> None:
    """As Grafana does, about."""
    assert shown(value, unit) == text


def test_every_unit_of_the_panels_is_known() -> None:
    """A new one needs a line in `shown`."""
    for each in PAGES:
        for row in each.rows:
            for one in row.panels:
                assert shown(1.5, one.unit)


def test_series_are_named_by_their_labels() -> None:
    """As the legend says."""
    assert named("{{stage}}: {{topic}}", {"stage": "attribute", "topic": "orders"}) == "attribute: orders"
