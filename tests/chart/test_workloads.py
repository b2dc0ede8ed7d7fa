"""The workloads: what an upgrade must not change, budgets, scaling, images and names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.release import NAMES, pods, release, with_values
from tools.chart import Object, objects, values_of

FROZEN = yaml.safe_load((Path(__file__).parent / "immutable-0.1.0.yaml").read_text("utf-8"))
"""By values file, what Kubernetes refuses to change in the StatefulSets of release 0.1.0."""
FIELDS = ("serviceName", "podManagementPolicy", "selector", "volumeClaimTemplates")


def frozen(values: Object) -> dict[str, Any]:
    """Return the fields that cannot change, by StatefulSet."""
    return {
        each["metadata"]["name"]: {field: each["spec"].get(field) for field in FIELDS}
        for each in release(values, "StatefulSet")
    }


@pytest.mark.parametrize("name", FROZEN)
def test_an_upgrade_leaves_alone_what_cannot_change(name: str) -> None:
    """An upgrade from 0.1.0 would fail. If a change is worth that, it is one for a new major version."""
    assert frozen(values_of(name)) == FROZEN[name]


@pytest.mark.parametrize("name", NAMES)
def test_each_workload_has_its_budget(name: str) -> None:
    """Over its own pods alone, so that a drain of one stage does not wait for the other."""
    values = values_of(name)
    wanted = [each["spec"]["selector"] for each in release(values, "StatefulSet")] if name != "image" else []
    assert [each["spec"]["selector"] for each in release(values, "PodDisruptionBudget")] == wanted


@pytest.mark.parametrize(("share", "told"), [(0, 0), (2, 2), ("30%", "30%")])
def test_a_budget_is_a_number_or_a_share(share: int | str, told: int | str) -> None:
    """As Kubernetes has it."""
    (made,) = release(with_values({"podDisruptionBudget": {"maxUnavailable": share}}), "PodDisruptionBudget")
    assert made["spec"]["maxUnavailable"] == told


@pytest.mark.parametrize("name", NAMES)
def test_a_scaler_owns_the_number_of_pods(name: str) -> None:
    """Were it also stated, each upgrade would reset it."""
    scaled = {each["spec"]["scaleTargetRef"]["name"] for each in release(values_of(name), "ScaledObject")}
    for made in release(values_of(name), "StatefulSet"):
        assert ("replicas" in made["spec"]) == (made["metadata"]["name"] not in scaled)
    assert bool(scaled) == name.startswith("keda")


def test_no_pods_are_none() -> None:
    """Zero is a number that is stated, too."""
    (made,) = release(with_values({"together": {"replicas": 0}}), "StatefulSet")
    assert made["spec"]["replicas"] == 0


def test_large_numbers_are_written_out() -> None:
    """Not as 5e+06, which is no whole number to whoever reads it."""
    over = {
        "terminationGracePeriodSeconds": 5_000_000,
        "topicsCheck": {"enabled": True, "activeDeadlineSeconds": 5_000_000},
        "startup": {"restoreMinutes": 5_000_000},
    }
    made = with_values(over)
    (workload,), (job,) = release(made, "StatefulSet"), release(made, "Job")
    pod = workload["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] == 5_000_000
    assert pod["containers"][0]["startupProbe"]["failureThreshold"] == 30_000_000
    assert job["spec"]["activeDeadlineSeconds"] == 5_000_000


def test_a_digest_wins_over_a_tag() -> None:
    """In every pod, the hook's too."""
    given = values_of("image")["image"]
    over = {"topicsCheck": {"enabled": True}}
    images = {pod["spec"]["containers"][0]["image"] for pod in pods(with_values(over, "image"))}
    assert images == {f"{given['repository']}@{given['digest']}"}


@pytest.mark.parametrize("name", NAMES)
def test_the_service_of_the_pods_is_there_and_without_an_address(name: str) -> None:
    """It gives pods their names, before they are ready too."""
    made = {each["metadata"]["name"]: each["spec"] for each in release(values_of(name), "Service")}
    for workload in release(values_of(name), "StatefulSet"):
        service = made[workload["spec"]["serviceName"]]
        assert service["clusterIP"] == "None"
        assert service["publishNotReadyAddresses"] is True


def test_without_claims_state_is_an_empty_folder_of_limited_size() -> None:
    """And nothing is said about claims."""
    (made,) = release(values_of("empty-dir"), "StatefulSet")
    state = [each for each in made["spec"]["template"]["spec"]["volumes"] if each["name"] == "state"]
    assert state == [{"name": "state", "emptyDir": {"sizeLimit": "4Gi"}}]
    assert not made["spec"].keys() & {"volumeClaimTemplates", "persistentVolumeClaimRetentionPolicy"}


def test_names_that_look_like_something_else_stay_text() -> None:
    """A secret of the name 20261101 is no number, and a service account 007 no octal one."""
    (workload,) = release(values_of("sasl"), "StatefulSet")
    volumes = {each["name"]: each for each in workload["spec"]["template"]["spec"]["volumes"]}
    assert volumes["kafka-sasl"]["secret"]["secretName"] == "20261101"
    assert [each["key"] for each in volumes["kafka-sasl"]["secret"]["items"]] == ["1e3", "null"]
    (named,) = release(values_of("names"), "StatefulSet")
    assert named["spec"]["serviceName"] == "true"
    assert named["spec"]["template"]["spec"]["serviceAccountName"] == "007"
    assert named["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"] == "0815"


def test_a_network_policy_names_its_ports() -> None:
    """A rule without ports would allow all."""
    (made,) = release(values_of("network-policy"), "NetworkPolicy")
    ports = [[port["port"] for port in rule["ports"]] for rule in made["spec"]["egress"]]
    assert ports == [[53, 53], [9093], [443], [3128]]
    assert [[port["port"] for port in rule["ports"]] for rule in made["spec"]["ingress"]] == [["ops"]]


def test_extra_objects_are_templates_whether_text_or_not() -> None:
    """They know the release and the chart's own templates."""
    made = {(each["kind"], each["metadata"]["name"]): each for each in objects(values_of("extras"))}
    authorities = made["ConfigMap", "shop-authorities"]["data"]
    assert authorities == {"root.pem": "made by awin-s2s-consumer", "answer": "42"}
    assert made["Service", "shop-awin-s2s-consumer-by-name"]["spec"]["externalName"] == "kafka.example"
    pod = made["StatefulSet", "shop-awin-s2s-consumer-consumer"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["env"][1]["value"] == "http://proxy.awin:3128"
    assert {"name": "authorities", "configMap": {"name": "shop-authorities"}} in pod["volumes"]
