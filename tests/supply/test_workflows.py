"""The workflows take nothing that is not pinned, and may do no more than they must."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"[\w.-]+/[\w./-]+@(?:v\d+\.\d+\.\d+|[0-9a-f]{40})")
LOCAL = re.compile(r"\./\.github/workflows/[\w-]+\.yml")
MAY_WRITE = {
    "release.yml": {
        "package": {"id-token", "attestations"},
        "image": {"id-token", "attestations"},
        "draft": {"contents"},
    }
}
"""What jobs may write."""


def read(path: Path) -> dict[str, Any]:
    """Return a workflow; the word `on` is true in YAML 1.1."""
    workflow: dict[Any, Any] = yaml.safe_load(path.read_text("utf-8"))
    return {"on" if key is True else str(key): value for key, value in workflow.items()}


def uses(workflow: dict[str, Any]) -> Iterator[str]:
    """Yield what a workflow runs of others."""
    for job in workflow["jobs"].values():
        if "uses" in job:
            yield job["uses"]
        for step in job.get("steps", ()):
            if "uses" in step:
                yield step["uses"]


each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def test_they_are_there() -> None:
    """A renamed folder would test nothing."""
    assert {path.name for path in WORKFLOWS} == {"tests.yml", "chart.yml", "image.yml", "release.yml"}


@each_workflow
def test_everything_that_is_used_is_pinned(path: Path) -> None:
    """To an exact version or a commit; our own workflows by their path."""
    for name in uses(read(path)):
        assert PINNED.fullmatch(name) or LOCAL.fullmatch(name), name
        if LOCAL.fullmatch(name):
            assert (ROOT / name).is_file()


@each_workflow
def test_permissions_are_the_least(path: Path) -> None:
    """None for the workflow as a whole; each job says what it reads, and few may write."""
    workflow = read(path)
    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        writes = {what for what, access in job["permissions"].items() if access == "write"}
        assert writes == MAY_WRITE.get(path.name, {}).get(name, set())
        assert set(job["permissions"].values()) <= {"read", "write"}


@each_workflow
def test_no_stranger_runs_with_our_rights(path: Path) -> None:
    """No trigger that gives a fork's code our secrets, and no text of strangers inside a script."""
    workflow = read(path)
    assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(workflow["on"])
    for job in workflow["jobs"].values():
        for step in job.get("steps", ()):
            assert "${{" not in step.get("run", "")
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


@each_workflow
def test_jobs_end(path: Path) -> None:
    """Each that runs steps has a time limit, on a runner of a known version."""
    for job in read(path)["jobs"].values():
        if "steps" in job:
            assert 0 < job["timeout-minutes"] <= 90
            runners = job.get("strategy", {}).get("matrix", {}).get("runner", [job["runs-on"]])
            assert not [each for each in runners if each.endswith("latest")]


def test_only_a_release_publishes_and_only_after_the_tests() -> None:
    """Secrets are used nowhere else."""
    jobs = read(ROOT / ".github" / "workflows" / "release.yml")["jobs"]
    assert jobs["package"]["needs"] == jobs["image"]["needs"] == "tests"
    assert set(jobs["draft"]["needs"]) == {"package", "image"}
    assert all(job["environment"] == "release" for job in jobs.values() if "steps" in job)
    others = [path for path in WORKFLOWS if path.name != "release.yml"]
    assert not [path.name for path in others if "secrets." in path.read_text("utf-8")]


def test_the_tests_are_those_of_everybody() -> None:
    """CI runs what a person runs."""
    steps = read(ROOT / ".github" / "workflows" / "tests.yml")["jobs"]["tests"]["steps"]
    assert steps[-1] == {"run": ".ci/run"}
    assert (ROOT / ".ci" / "run").is_file()


def test_renovate_pins_digests() -> None:
    """Of actions and images, and leaves the locked requirements to `make requirements`."""
    settings = json.loads((ROOT / "renovate.json").read_text("utf-8"))
    assert {"helpers:pinGitHubActionDigests", "docker:pinDigests"} <= set(settings["extends"])
    assert settings["pip_requirements"]["enabled"] is settings["pep621"]["enabled"] is False


def test_renovate_finds_the_base_image() -> None:
    """Its pattern is JavaScript's; this much of it is Python's, too."""
    settings = json.loads((ROOT / "renovate.json").read_text("utf-8"))
    (pattern,) = settings["customManagers"][0]["matchStrings"]
    found = re.search(pattern.replace("(?<", "(?P<"), (ROOT / "Dockerfile").read_text("utf-8"))
    assert found is not None
    assert found["depName"] == "python"
    assert re.match(r"3\.\d+\.\d+", found["currentValue"])


def test_zizmor_finds_nothing() -> None:
    """The analyzer of workflows, without asking anybody."""
    program = shutil.which("zizmor", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])))
    if program is None:
        pytest.skip("zizmor is not installed")
    ended = subprocess.run(
        [program, "--offline", "--no-progress", "--config", ".github/zizmor.yml", ".github/workflows"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
