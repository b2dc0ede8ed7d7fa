"""The schema of the values: complete, described and strict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from tests.chart.release import with_values
from tools.chart import CHART, chart, default, described, schema

FREE_BY_NATURE = {"global", "affinity", "tolerations[]", "topologySpreadConstraints[]", "extraObjects[]"} | {
    *("extraEnv[]", "extraVolumes[]", "extraVolumeMounts[]", "networkPolicy.extraEgress[]"),
    *("networkPolicy.monitoringNamespaceSelector.matchExpressions[]", "$pods.resources.claims[]"),
    *("config", "config.programmes[]", "config.^(kafka|delivery|state|ops)$"),
}
"""Pieces that Kubernetes or the program itself checks."""

Node = Mapping[str, Any]


def nodes(node: Node, path: str = "") -> Iterator[tuple[str, Node]]:
    """Yield every part of a schema with its path."""
    yield path, node
    for name, child in {**node.get("properties", {}), **node.get("patternProperties", {})}.items():
        yield from nodes(child, f"{path}.{name}" if path else name)
    if "items" in node:
        yield from nodes(node["items"], f"{path}[]")


def everything() -> Iterator[tuple[str, Node]]:
    """Yield every part of the schema, the definitions' parts too."""
    whole = schema()
    yield from nodes(whole)
    for name, definition in whole["$defs"].items():
        yield from nodes(definition, f"${name}")


def test_every_value_has_a_description() -> None:
    """Not that an item of a list needs one."""
    assert [path for path, node in everything() if not node.get("description") and not path.endswith("[]")] == []


def test_no_object_takes_what_it_does_not_know() -> None:
    """But for maps of texts and for pieces that others check."""
    free = set()
    for path, node in everything():
        takes_any = isinstance(node.get("additionalProperties", True), bool) and node.get("additionalProperties", True)
        if "object" in node.get("type", ()) and takes_any:
            free.add(path)
    assert free == FREE_BY_NATURE


def leaves(values: Node, path: str = "") -> Iterator[str]:
    """Yield the path of every value that is told of."""
    told = {known for known, _ in described(schema())}
    for name, value in values.items():
        below = f"{path}.{name}" if path else name
        if isinstance(value, dict) and value and below not in told:
            yield from leaves(value, below)
        else:
            yield below


def test_schema_and_defaults_know_the_same_values() -> None:
    """Neither has one that the other lacks."""
    defaults = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    assert sorted(leaves(defaults)) == sorted(path for path, _ in described(schema()))


def nested(path: str, value: object) -> dict[str, Any]:
    """Return a value at its path."""
    *sections, last = path.split(".")
    found: dict[str, Any] = {last: value}
    for section in reversed(sections):
        found = {section: found}
    return found


def test_unknown_values_are_refused_everywhere() -> None:
    """A misspelt value would have no effect, silently."""
    from helm_python import HelmValuesError  # noqa: PLC0415  # these tests are skipped where it is not installed

    sections = {path.rpartition(".")[0] for path, _ in described(schema()) if not path.startswith("config")}
    assert {"", "image", "kafka.sasl", "deliver"} <= sections
    for section in sections:
        path = f"{section}.misspelt" if section else "misspelt"
        with pytest.raises(HelmValuesError, match=r"additional properties 'misspelt' not allowed"):
            chart().validate_schema(with_values(nested(path, 1)))


def test_values_of_another_type_are_refused_everywhere() -> None:
    """The message names the place and the type."""
    from helm_python import HelmValuesError  # noqa: PLC0415  # as above

    for path, _ in described(schema()):
        wrong: object = 7 if not isinstance(default(path), int) or isinstance(default(path), bool) else []
        with pytest.raises(HelmValuesError, match=f"at '/{path.replace('.', '/')}': got .*, want "):
            chart().validate_schema(with_values(nested(path, wrong)))


REFUSED = {
    "delivery.mode": "dry-run",
    "delivery.cutOver": "yesterday",
    "kafka.bootstrapServers": "kafka",
    "kafka.sasl.mechanism": "GSSAPI",
    "kafka.sasl.existingSecret": "Kafka_User",
    "image.digest": "sha256:abc",
    "config.programmes": [{"advertiser_id": 1001}],
    "config.kafka": "kafka:9092",
    "fullnameOverride": "1st",
    "persistence.size": "10",
    "podDisruptionBudget.maxUnavailable": "half",
    "podLabels": {"app.kubernetes.io/name": "other"},
    "podAnnotations": {"checksum/config": "none"},
    "ops.port": 80,
    "networkPolicy.kafkaPorts": [],
    "podMonitor.labels": {"release": "not a label"},
    "prometheusRule.alertLabels": {"on-call": "checkout"},
    "keda.minReplicas": 0,
    "deliver.resources": {"limit": {"memory": "1Gi"}},
}


@pytest.mark.parametrize("path", REFUSED)
def test_values_that_cannot_work_are_refused(path: str) -> None:
    """Before Kubernetes sees them."""
    from helm_python import HelmValuesError  # noqa: PLC0415  # as above

    with pytest.raises(
        HelmValuesError, match="at '/?" + path.replace(".", "/").replace("[", ".") + "|invalid property"
    ):
        chart().validate_schema(with_values(nested(path, REFUSED[path])))
