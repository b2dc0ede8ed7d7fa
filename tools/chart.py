"""Renders the chart, for its tests; ``python -m tools.chart`` writes what is committed of that.

These are the golden files (tests/chart/golden: what each of tests/chart/values makes) and the table of values in the
chart's README.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from helm_python import Chart

ROOT = Path(__file__).resolve().parents[1]
CHART = ROOT / "helm" / "awin-s2s-consumer"
VALUES = ROOT / "tests" / "chart" / "values"
GOLDEN = ROOT / "tests" / "chart" / "golden"
RELEASE = "shop"
NAMESPACE = "awin"

_TABLE = re.compile(r"(<!-- values: python -m tools\.chart -->\n).*(<!-- end of values -->\n)", re.DOTALL)
_DOCUMENTS = re.compile(r"^---\n", re.MULTILINE)

Object = dict[str, Any]


@cache
def chart() -> Chart:
    """Return the chart, read once."""
    from helm_python import Chart  # noqa: PLC0415  # tests that need it are skipped where it is not installed

    return Chart.load(CHART)


def rendered(values: Mapping[str, Any], release: str = RELEASE) -> dict[str, str]:
    """Return what each template makes of values, by its path below the chart, in the order of paths.

    Raises:
        helm_python.HelmValuesError: the schema refuses the values.
        helm_python.HelmRenderError: a template does.
    """
    made = chart().render(dict(values), name=release, namespace=NAMESPACE)
    return {path.partition("/")[2]: text for path, text in sorted(made.items())}


def values_of(name: str) -> Object:
    """Return the values of a file of tests/chart/values, as Helm reads it: a time is text."""
    from helm_python import values_from_yaml  # noqa: PLC0415  # as above

    return values_from_yaml((VALUES / f"{name}.yaml").read_text("utf-8"))


def documents(values: Mapping[str, Any], release: str = RELEASE) -> Iterator[tuple[str, str]]:
    """Yield every object as text, with the path of its template."""
    for path, text in rendered(values, release).items():
        if path.endswith(".yaml"):
            yield from ((path, each.strip() + "\n") for each in _DOCUMENTS.split(text) if yaml.safe_load(each))


def objects(values: Mapping[str, Any], release: str = RELEASE) -> list[Object]:
    """Return every object that values make."""
    return [yaml.safe_load(text) for _, text in documents(values, release)]


def golden(name: str) -> str:
    """Return the golden file of a values file."""
    parts = (f"# {path}\n{_short(text)}" for path, text in documents(values_of(name)))
    return f"# Made of ../values/{name}.yaml by python -m tools.chart.\n" + "---\n".join(parts)


def _short(text: str) -> str:
    """Put a digest in the place of dashboards and rules, which are reviewed where they come from."""
    found = yaml.safe_load(text)
    if found["kind"] == "PrometheusRule":
        for group in found["spec"]["groups"]:
            group["rules"] = _digest(json.dumps(group["rules"]), f"{len(group['rules'])} rules")
    elif found["kind"] == "ConfigMap" and "-dashboard-" in found["metadata"]["name"]:
        found["data"] = {key: _digest(page, f"{len(page.splitlines())} lines") for key, page in found["data"].items()}
    else:
        return text
    return str(yaml.safe_dump(found, sort_keys=False, width=120))


def _digest(text: str, size: str) -> str:
    return f"<{size}, sha256 {hashlib.sha256(text.encode()).hexdigest()[:16]}>"


def schema() -> Object:
    """Return the schema of the values."""
    return dict(json.loads((CHART / "values.schema.json").read_text("utf-8")))


def described(node: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Object]]:
    """Yield every value that the schema knows and that has none below it, with its path and its part of the schema.

    ``global`` is Helm's own.
    """
    for name, child in node["properties"].items():
        below = f"{path}.{name}" if path else name
        if child.get("$ref") == "#/$defs/pods":
            yield from described(schema()["$defs"]["pods"], below)
        elif below in FREE or "properties" not in child:
            if below != "global":
                yield below, child
        else:
            yield from described(child, below)


FREE = {
    *("config", "networkPolicy.monitoringNamespaceSelector"),
    *(f"{workload}.resources" for workload in ("together", "attribute", "deliver")),
}
"""Values that are told of as a whole, though the schema knows what is in them."""


def default(path: str) -> Any:  # noqa: ANN401  # a value is of any kind
    """Return the default of a value."""
    found: Any = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    for part in path.split("."):
        found = found[part]
    return found


def table() -> str:
    """Return the README's table of all values."""
    lines = ["| value | default | description |", "|---|---|---|"]
    for path, node in described(schema()):
        described_as = node["description"].replace("|", "\\|")
        lines.append(f"| `{path}` | `{json.dumps(default(path), ensure_ascii=False)}` | {described_as} |")
    return "\n".join(lines) + "\n"


def readme() -> str:
    """Return the chart's README with the table as it must be."""
    text = (CHART / "README.md").read_text("utf-8")
    return _TABLE.sub(lambda found: f"{found[1]}\n{table()}\n{found[2]}", text)


def main() -> None:
    """Write the golden files and the table."""
    names = {path.stem for path in VALUES.glob("*.yaml")}
    for path in GOLDEN.glob("*.yaml"):
        if path.stem not in names:
            path.unlink()
    GOLDEN.mkdir(exist_ok=True)
    for name in sorted(names):
        (GOLDEN / f"{name}.yaml").write_text(golden(name), encoding="utf-8")
    (CHART / "README.md").write_text(readme(), encoding="utf-8")


if __name__ == "__main__":
    main()
