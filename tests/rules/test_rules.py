"""The recording rules and alerts: well-formed, documented, and each brought to fire and to resolve."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from consumer.demo.prometheus_package import Programs
from consumer.ops.catalogue import all_metrics
from tests.rules.cases import FAST, SLOW, Case

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "helm/awin-s2s-consumer/rules/rules.yaml"
CASES = (*FAST, *SLOW)


GROUPS = {group["name"]: group for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"]}


def rules() -> Iterator[dict[str, Any]]:
    """Yield every rule."""
    for group in GROUPS.values():
        yield from group["rules"]


ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}


def promtool(programs: Programs, *arguments: str) -> None:
    """Run promtool, which must find nothing wrong."""
    done = subprocess.run([str(programs.promtool), *arguments], capture_output=True, check=False, timeout=240)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()


def test_promtool_finds_nothing_to_say(prometheus_programs: Programs) -> None:
    """Neither an error nor a lint."""
    promtool(prometheus_programs, "check", "rules", "--lint=all", "--lint-fatal", str(RULES))


def as_test(case: Case) -> dict[str, Any]:
    """Return a case as promtool takes it: how many alerts of the name fire at each time."""
    times = [(time, 1) for time in case.fires] + [(time, 0) for time in case.silent]
    query = f'count(ALERTS{{alertname="{case.alert}",alertstate="firing"}}) or vector(0)'
    return {
        "name": f"{case.alert}: {case.about}",
        "interval": case.step,
        "input_series": [{"series": name, "values": values} for name, values in case.series.items()],
        "promql_expr_test": [
            {"expr": query, "eval_time": time, "exp_samples": [{"labels": "{}", "value": count}]}
            for time, count in times
        ],
    }


@pytest.mark.timeout(300)
@pytest.mark.parametrize("group", GROUPS)
def test_alerts_fire_and_resolve(prometheus_programs: Programs, tmp_path: Path, group: str) -> None:
    """Each when it should, and not when it should not. No group needs the rules of another."""
    rules_file = tmp_path / "rules.json"
    rules_file.write_text(json.dumps({"groups": [GROUPS[group]]}), encoding="utf-8")
    alerts = {rule.get("alert") for rule in GROUPS[group]["rules"]}
    for name, cases, interval in (("minutes", FAST, "1m"), ("days", SLOW, "1h")):
        ours = [as_test(case) for case in cases if case.alert in alerts]
        file = tmp_path / f"{name}.json"
        written = {"rule_files": [str(rules_file)], "evaluation_interval": interval, "tests": ours}
        file.write_text(json.dumps(written), encoding="utf-8")
        if ours:
            promtool(prometheus_programs, "test", "rules", str(file))


def test_a_case_that_is_wrong_fails(prometheus_programs: Programs, tmp_path: Path) -> None:
    """An alert that does not fire when a case says so is found."""
    file = tmp_path / "tests.json"
    case = Case(
        alert="AwinBrokersGone", about="all is well", series={'awin_brokers_up{job="a"}': "3x20"}, fires=("10m",)
    )
    file.write_text(json.dumps({"rule_files": [str(RULES)], "tests": [as_test(case)]}), encoding="utf-8")
    with pytest.raises(AssertionError, match="AwinBrokersGone"):
        promtool(prometheus_programs, "test", "rules", str(file))


def test_every_alert_has_a_case_that_fires_and_resolves_and_one_that_stays_silent() -> None:
    """So that none is there that never fires, or always does."""
    assert {case.alert for case in CASES} == set(ALERTS)
    for alert in ALERTS:
        ours = [case for case in CASES if case.alert == alert]
        assert any(case.fires and case.silent for case in ours), alert
        assert any(not case.fires and case.silent for case in ours), alert


@pytest.mark.parametrize("alert", sorted(ALERTS))
def test_an_alert_says_what_there_is_to_say(alert: str) -> None:
    """How urgent it is, the figure or whose it is, what it means, and where to read on."""
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert "{{ $value" in rule["annotations"]["summary"] or "{{ $labels.programme }}" in rule["annotations"]["summary"]
    assert rule["annotations"]["runbook_url"] == f"docs/runbook.md#{alert.lower()}"


def test_conflicts_never_page() -> None:
    """They are two orders with one reference, which is the shop's to sort out."""
    for alert, rule in ALERTS.items():
        if "awin_dead_letters_total" in rule["expr"]:
            assert rule["expr"].count("awin_dead_letters_total") == rule["expr"].count('reason!="conflict"'), alert


def test_every_metric_and_label_of_the_rules_is_in_the_catalogue() -> None:
    """A slip in a name would be an alert that never fires."""
    known = {metric.name: set(metric.labels) for metric in all_metrics()}
    known |= {
        f"{m.name}_{part}": set(m.labels) | {"le"} for m in all_metrics() if m.buckets for part in ("bucket", "count")
    }
    scraped = {"namespace", "job", "pod", "instance"}
    for rule in rules():
        for name, matchers in re.findall(r"\b(awin_\w+)(?:\{([^}]*)\})?", rule["expr"]):
            assert name in known, name
            assert set(re.findall(r"(\w+)(?:!?=~?)\"", matchers)) <= known[name] | scraped, rule
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    used = {name for rule in rules() for name in re.findall(r"\bawin:[\w:]+", rule["expr"])}
    assert used <= recorded


def test_every_alert_has_its_page_and_every_page_its_alert() -> None:
    """The runbook says for each what it means, what to look at, what to do, and how to know that it is over."""
    pages = re.split(r"^## ", (ROOT / "docs/runbook.md").read_text("utf-8"), flags=re.MULTILINE)[1:]
    by_title = {page.partition("\n")[0].strip(): page for page in pages}
    assert set(ALERTS) == {title for title in by_title if title.startswith("Awin")}
    for title in ALERTS:
        for part in ("**Means.**", "**Look at.**", "**Do.**", "**Over when.**"):
            assert part in by_title[title], (title, part)
    assert "Wrong values were sent" in by_title
