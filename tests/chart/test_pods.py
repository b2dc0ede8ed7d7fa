"""Every pod: the restricted Pod Security Standard, limits, probes, and no secret in the environment."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chart.release import NAMES, pods, release, with_values
from tools.chart import Object, objects, values_of

SELECTED = {"app.kubernetes.io/name", "app.kubernetes.io/instance"}


def violations(pod: Object) -> list[str]:
    """Return how a pod breaks the restricted standard, or ours, which is narrower."""
    spec = pod["spec"]
    general = spec.get("securityContext", {})
    faults = [field for field in ("hostNetwork", "hostPID", "hostIPC", "hostUsers") if field in spec]
    faults += ["runAsNonRoot"] if general.get("runAsNonRoot") is not True else []
    faults += [each for each in ("runAsUser", "runAsGroup", "fsGroup") if general.get(each, 0) < 10_000]
    faults += ["seccomp"] if general.get("seccompProfile") != {"type": "RuntimeDefault"} else []
    faults += ["token"] if spec.get("automountServiceAccountToken") is not False else []
    faults += ["service links"] if spec.get("enableServiceLinks") is not False else []
    kinds = {"configMap", "emptyDir", "secret", "csi", "persistentVolumeClaim", "projected", "downwardAPI", "ephemeral"}
    faults += [f"volume {each['name']}" for each in spec["volumes"] if not each.keys() - {"name"} <= kinds]
    for container in [*spec["containers"], *spec.get("initContainers", [])]:
        own = container.get("securityContext", {})
        faults += ["escalation"] if own.get("allowPrivilegeEscalation") is not False else []
        faults += ["capabilities"] if own.get("capabilities") != {"drop": ["ALL"]} else []
        faults += ["root filesystem"] if own.get("readOnlyRootFilesystem") is not True else []
        faults += [
            f"own {each}" for each in ("privileged", "runAsUser", "runAsNonRoot", "seccompProfile") if each in own
        ]
        faults += ["host port"] if any("hostPort" in port for port in container.get("ports", [])) else []
        faults += ["limit"] if "memory" not in container.get("resources", {}).get("limits", {}) else []
        faults += ["request"] if not {"cpu", "memory"} <= container["resources"].get("requests", {}).keys() else []
    return faults


@pytest.mark.parametrize("name", NAMES)
def test_every_pod_is_restricted(name: str) -> None:
    """The workloads', the hook's and the test's."""
    found = list(pods(values_of(name)))
    assert len(found) >= 2
    assert [violations(pod) for pod in found] == [[]] * len(found)


@pytest.mark.parametrize(
    ("part", "change", "fault"),
    [
        ("pod", {"hostNetwork": True}, "hostNetwork"),
        ("pod", {"automountServiceAccountToken": True}, "token"),
        ("pod", {"securityContext": {"runAsNonRoot": True, "runAsUser": 0}}, "runAsUser"),
        ("pod", {"volumes": [{"name": "node", "hostPath": {"path": "/"}}]}, "volume node"),
        ("container", {"securityContext": {"privileged": True}}, "own privileged"),
        ("container", {"securityContext": {}}, "root filesystem"),
        ("container", {"resources": {"limits": {"cpu": 1}}}, "limit"),
    ],
)
def test_a_pod_that_is_not_restricted_is_found(part: str, change: dict[str, Any], fault: str) -> None:
    """In a pod or its container."""
    pod = next(pods(values_of("minimal")))
    (pod["spec"] if part == "pod" else pod["spec"]["containers"][0]).update(change)
    assert fault in violations(pod)


@pytest.mark.parametrize("name", NAMES)
def test_secrets_are_files(name: str) -> None:
    """None comes by the environment, where each child and each dump of the process has it; none is in a config map."""
    for pod in pods(values_of(name)):
        for container in pod["spec"]["containers"]:
            assert "envFrom" not in container
            assert not [each for each in container.get("env", []) if "secretKeyRef" in each.get("valueFrom", {})]
            mounts = {each["name"]: each for each in container["volumeMounts"]}
            for volume in pod["spec"]["volumes"]:
                if "secret" in volume:
                    assert mounts[volume["name"]]["readOnly"] is True
                    assert volume["secret"]["defaultMode"] == 0o440
    assert not [each for each in objects(values_of(name)) if each["kind"] == "Secret"]


@pytest.mark.parametrize("name", NAMES)
def test_every_mount_has_its_volume_and_the_other_way_round(name: str) -> None:
    """Claims count as volumes of their pods."""
    claims = {
        claim["metadata"]["name"]
        for each in release(values_of(name), "StatefulSet")
        for claim in each["spec"].get("volumeClaimTemplates", [])
    }
    for pod in pods(values_of(name)):
        volumes = [each["name"] for each in pod["spec"]["volumes"]]
        mounted = [each["name"] for each in pod["spec"]["containers"][0]["volumeMounts"]]
        assert len(set(volumes)) == len(volumes)
        assert set(volumes) <= set(mounted) <= set(volumes) | claims


@pytest.mark.parametrize("name", NAMES)
def test_probes_ask_the_port_that_is_served(name: str) -> None:
    """Each its own page; starting may take as long as restoring does."""
    values = values_of(name)
    for made in release(values, "StatefulSet"):
        (container,) = made["spec"]["template"]["spec"]["containers"]
        assert container["ports"] == [{"name": "ops", "containerPort": values.get("ops", {}).get("port", 9108)}]
        over_tls = values.get("ops", {}).get("tls", {}).get("existingSecret")
        scheme = {"scheme": "HTTPS"} if over_tls else {}
        pages = {probe: container[f"{probe}Probe"]["httpGet"] for probe in ("startup", "liveness", "readiness")}
        assert pages == {
            "startup": {"path": "/startupz", "port": "ops", **scheme},
            "liveness": {"path": "/livez", "port": "ops", **scheme},
            "readiness": {"path": "/readyz", "port": "ops", **scheme},
        }
        patience = container["startupProbe"]["failureThreshold"] * container["startupProbe"]["periodSeconds"]
        assert patience == values.get("startup", {}).get("restoreMinutes", 30) * 60


@pytest.mark.parametrize("name", NAMES)
def test_the_instance_is_the_pod(name: str) -> None:
    """So that a successor takes over transactions and state; the stage is the workload's."""
    for made in release(values_of(name), "StatefulSet"):
        (container,) = made["spec"]["template"]["spec"]["containers"]
        assert container["env"][0] == {
            "name": "AWIN_INSTANCE",
            "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}},
        }
        role = made["metadata"]["name"].rpartition("-")[2]
        assert container["args"][3:] == ([] if role == "consumer" else ["--role", role])


def selectors(values: Object) -> list[dict[str, str]]:
    """Return the labels by which objects of a release find its pods."""
    found = []
    for made in objects(values):
        spec = made.get("spec", {})
        if made["kind"] == "Service" and "selector" in spec:
            found.append(spec["selector"])
        elif made["kind"] in {"PodDisruptionBudget", "PodMonitor", "StatefulSet"}:
            found.append(spec["selector"]["matchLabels"])
        elif made["kind"] == "NetworkPolicy":
            found.append(spec["podSelector"]["matchLabels"])
    return found


@pytest.mark.parametrize("name", NAMES)
def test_selectors_find_the_workloads_pods_and_no_other(name: str) -> None:
    """The hook's and the test's pods are no consumers: nobody scrapes or counts them."""
    values = with_values({key: {"enabled": True} for key in ("podMonitor", "networkPolicy", "topicsCheck")}, name)
    workloads = [each["spec"]["template"]["metadata"]["labels"] for each in release(values, "StatefulSet")]
    others = [each["metadata"]["labels"] for each in pods(values) if each["metadata"]["labels"] not in workloads]
    assert len(others) == 2
    assert len(selectors(values)) >= 3 + len(workloads)
    for selector in selectors(values):
        assert selector.keys() >= SELECTED
        assert any(selector.items() <= labels.items() for labels in workloads)
        assert not any(selector.items() <= labels.items() for labels in others)


def test_the_hook_and_the_test_go_where_pods_may() -> None:
    """With the node selector, tolerations, priority and pull secrets of the workloads."""
    over = {"topicsCheck": {"enabled": True}, "image": {"pullSecrets": [{"name": "registry"}]}}
    placed = {
        str([pod["spec"][key] for key in ("nodeSelector", "tolerations", "priorityClassName", "imagePullSecrets")])
        for pod in pods(with_values(over, "scheduling"))
    }
    assert len(placed) == 1
