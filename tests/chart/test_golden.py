"""What is committed of the chart's output is what it makes."""

from __future__ import annotations

import pytest

from tests.chart.release import NAMES
from tools.chart import CHART, GOLDEN, golden, readme, rendered, values_of

RENEW = "renew with: .venv/bin/python -m tools.chart, and review what changes"


@pytest.mark.parametrize("name", NAMES)
def test_a_values_file_makes_what_is_committed(name: str) -> None:
    """So that every change of the output is seen in review."""
    path = GOLDEN / f"{name}.yaml"
    assert path.exists(), RENEW
    assert path.read_text("utf-8") == golden(name), RENEW


def test_no_golden_file_is_left_over() -> None:
    """Each belongs to a values file."""
    assert sorted(path.stem for path in GOLDEN.glob("*")) == NAMES, RENEW


def test_the_readme_has_the_table_of_values() -> None:
    """It is made from the schema and the defaults."""
    assert (CHART / "README.md").read_text("utf-8") == readme(), RENEW
    assert "| `kafka.bootstrapServers` |" in readme()


@pytest.mark.parametrize("name", NAMES)
def test_helm_lint_finds_nothing(name: str) -> None:
    """Nothing but that the chart has no icon."""
    from helm_python import lint  # noqa: PLC0415  # these tests are skipped where it is not installed

    report = lint(CHART, values_of(name), strict=True, kube_version="v1.28.0")
    found = [each for each in report["messages"] if each["error"] != "icon is recommended"]
    assert found == []
    assert report["errors"] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_notes_name_the_workloads(name: str) -> None:
    """What a reader copies from them exists."""
    notes = rendered(values_of(name))["templates/NOTES.txt"]
    made = "".join(rendered(values_of(name)).values())
    named = {word.partition("/")[2] for word in notes.split() if word.startswith("statefulset/")}
    assert named
    assert all(f"  name: {each}\n" in made for each in named)
    assert ("Nothing is sent to Awin" in notes) == (name != "live")
