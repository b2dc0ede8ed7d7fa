"""Every object is one that Kubernetes, or the operator concerned, takes."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
from jsonschema import Draft202012Validator, ValidationError  # type: ignore[import-untyped]

from tests.chart.release import NAMES, release
from tools.chart import Object, objects, values_of

VERSIONS = ("1.28", kubernetes_validate.latest_version())
"""The oldest that Chart.yaml allows, and the newest that there is a schema of."""
CUSTOM = {
    path.stem: Draft202012Validator(json.loads(path.read_text("utf-8")))
    for path in (Path(__file__).parent / "schemas").glob("*.json")
}
LONGEST = "a-release-name-of-as-many-characters-as-helm-permits-"[:52] + "z"


def refuse(made: Object) -> None:
    """Raise if it is none that Kubernetes of any version takes."""
    if made["kind"] in CUSTOM:
        CUSTOM[made["kind"]].validate(made)
    else:
        for version in VERSIONS:
            kubernetes_validate.validate(made, version, strict=True)


@pytest.mark.parametrize("name", NAMES)
def test_every_object_is_valid(name: str) -> None:
    """Strictly: no unknown field, in the oldest and the newest version."""
    for made in objects(values_of(name)):
        refuse(made)


def test_every_kind_is_tried() -> None:
    """Together, the values files switch every template on."""
    assert {made["kind"] for name in NAMES for made in objects(values_of(name))} == {
        *("ConfigMap", "Job", "NetworkPolicy", "Pod", "PodDisruptionBudget", "Service", "ServiceAccount"),
        *("StatefulSet", *CUSTOM),
    }


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(("minimal", kind) for kind in ("ConfigMap", "Pod", "PodDisruptionBudget", "Service", "StatefulSet")),
        *(("topics-check", "Job"), ("network-policy", "NetworkPolicy")),
        *(("pod-monitor", "PodMonitor"), ("prometheus-rule", "PrometheusRule"), ("keda", "ScaledObject")),
    ],
)
def test_a_planted_fault_is_found(name: str, kind: str) -> None:
    """In every kind an unknown field, and a label that is no text."""
    made = release(values_of(name), kind)[0]
    unknown, ill_typed = deepcopy(made), deepcopy(made)
    unknown.get("spec", unknown)["plantedByATest"] = True
    ill_typed["metadata"]["labels"]["planted"] = 1
    for planted in (unknown, ill_typed):
        with pytest.raises(ValidationError, match=r"planted|1 is not of type"):
            refuse(planted)


def test_a_number_among_the_scaler_s_metadata_is_found() -> None:
    """KEDA takes nothing but text there."""
    made = release(values_of("keda"), "ScaledObject")[0]
    made["spec"]["triggers"][0]["metadata"]["lagThreshold"] = 5000
    with pytest.raises(ValidationError, match="5000 is not of type 'string'"):
        refuse(made)


@pytest.mark.parametrize("name", NAMES)
def test_no_two_objects_have_one_name(name: str) -> None:
    """The later would replace the earlier."""
    made = [(each["kind"], each["metadata"]["name"]) for each in objects(values_of(name))]
    assert len(set(made)) == len(made)


@pytest.mark.parametrize("called", [LONGEST, "a.b.c", "true", "awin-s2s-consumer", "x" * 39 + "-" + "y" * 13])
@pytest.mark.parametrize("name", ["split-roles", "topics-check", "dashboards"])
def test_names_fit_whatever_the_release_is_called(called: str, name: str) -> None:
    """A pod's name, and a StatefulSet's with the hash of its revision, are labels: 63 characters."""
    for made in objects(values_of(name), called):
        refuse(made)
        its = made["metadata"]["name"]
        assert "." not in its
        assert len(its) <= 63
        assert not its.endswith("-")
        if made["kind"] == "StatefulSet":
            assert len(f"{its}-1000") <= 63
            assert len(f"{its}-0123456789") <= 63
        assert all(len(str(label)) <= 63 for label in made["metadata"]["labels"].values())
