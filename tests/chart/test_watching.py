"""What watches the consumer: the rules and dashboards of the chart's folders, and who finds them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from consumer.demo.prometheus_package import Programs
from tests.chart.release import release, with_values
from tools.chart import CHART, Object, values_of

RULES = yaml.safe_load((CHART / "rules" / "rules.yaml").read_text("utf-8"))["groups"]
DASHBOARDS = {path.name: path for path in (CHART / "dashboards").glob("*.json")}


def groups(values: Object) -> list[Object]:
    """Return the groups of rules of a release."""
    (made,) = release(values, "PrometheusRule")
    return list(made["spec"]["groups"])


def test_rules_are_those_of_the_file() -> None:
    """Every group, in order, and nothing else."""
    assert groups(with_values({"prometheusRule": {"enabled": True}})) == RULES


def test_alerts_say_where_to_read_on_and_whom_to_call() -> None:
    """The base goes before the address of each alert's page, labels beside its own; all else is as in the file."""
    made = groups(values_of("prometheus-rule"))
    alerts = 0
    for group in made:
        for rule in group["rules"]:
            if "alert" in rule:
                alerts += 1
                assert rule["labels"].pop("team") == "checkout"
                assert rule["labels"].pop("tier") == "1"
                url = rule["annotations"]["runbook_url"]
                assert url.startswith("https://git.example/awin/docs/runbook.md#")
                rule["annotations"]["runbook_url"] = url.removeprefix("https://git.example/awin/")
    assert alerts >= 20
    assert made == RULES


def test_an_alert_s_own_label_wins() -> None:
    """A page stays a page."""
    over = {"prometheusRule": {"enabled": True, "alertLabels": {"severity": "info"}}}
    assert groups(with_values(over)) == RULES


def test_promtool_takes_the_rules(prometheus_programs: Programs, tmp_path: Path) -> None:
    """Prometheus would, too."""
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": groups(values_of("prometheus-rule"))}), encoding="utf-8")
    command = [str(prometheus_programs.promtool), "check", "rules", "--lint=all", "--lint-fatal", str(path)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()


def test_dashboards_are_the_files_byte_for_byte() -> None:
    """With their `{{pod}}`, which are for Grafana and not for Helm."""
    made: dict[str, str] = {}
    for each in release(values_of("dashboards"), "ConfigMap"):
        if each["metadata"]["labels"].get("grafana_dashboard") == "1":
            assert each["metadata"]["annotations"] == {"grafana_folder": "Awin"}
            made.update(each["data"])
    assert len(DASHBOARDS) >= 4
    assert made.keys() == {f"awin-s2s-{name}" for name in DASHBOARDS}
    for name, path in DASHBOARDS.items():
        assert made[f"awin-s2s-{name}"].encode() == path.read_bytes()
        assert "{{" in made[f"awin-s2s-{name}"]


@pytest.mark.parametrize("kind", ["PodMonitor", "PrometheusRule"])
def test_labels_by_which_an_operator_finds_them(kind: str) -> None:
    """Beside the chart's own."""
    values = with_values({"podMonitor": {"enabled": True, "labels": {"release": "1"}}}, "prometheus-rule")
    (made,) = release(values, kind)
    assert made["metadata"]["labels"]["release"] == ("1" if kind == "PodMonitor" else "monitoring")
    assert made["metadata"]["labels"]["app.kubernetes.io/instance"] == "shop"


def test_nothing_of_an_operator_is_made_unasked() -> None:
    """Its kinds may be unknown to the cluster."""
    for kind in ("PodMonitor", "PrometheusRule", "ScaledObject"):
        assert release(values_of("minimal"), kind) == []
