"""The SBOM is valid CycloneDX and says what the lock says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from consumer import __version__
from tools.licences import LOCK, ROOT, licence_of, locked
from tools.sbom import document

US = f"pkg:pypi/awin-s2s-consumer@{__version__}"


def problem(text: str) -> object:
    """Return what CycloneDX's schema has against a document; ``None``: nothing."""
    validation = pytest.importorskip("cyclonedx.validation.json")
    schema = pytest.importorskip("cyclonedx.schema")
    return validation.JsonStrictValidator(schema.SchemaVersion.V1_6).validate_str(text)


def test_it_follows_the_schema() -> None:
    """Without a time, and with one."""
    assert problem(json.dumps(document())) is None
    assert problem(json.dumps(document(1_700_000_000))) is None


@pytest.mark.parametrize("spoil", ["bomFormat", "components"])
def test_the_schema_would_notice(spoil: str) -> None:
    """A validator that takes everything would prove nothing."""
    spoiled: dict[str, Any] = document()
    spoiled[spoil] = [{"type": "library"}]
    assert problem(json.dumps(spoiled)) is not None


def test_every_locked_package_is_in_it_with_its_hashes() -> None:
    """Once, and nothing else."""
    found = {
        (each["name"], each["version"]): sorted(
            digest["content"] for file in each["externalReferences"] for digest in file["hashes"]
        )
        for each in document()["components"]
    }
    assert found == {(pin.name, pin.version): list(pin.sha256) for pin in locked()}
    assert len(found) == len(document()["components"])
    assert LOCK.read_text("utf-8").count("--hash=") == sum(map(len, found.values()))


def test_what_is_installed_is_what_is_locked() -> None:
    """Else licences and dependencies would be those of other versions."""
    assert {pin.name: version(pin.name) for pin in locked()} == {pin.name: pin.version for pin in locked()}


def test_the_dependencies_hang_together() -> None:
    """We ask for what pyproject.toml says, every package is needed by somebody, and none is unknown."""
    graph = {each["ref"]: each["dependsOn"] for each in document()["dependencies"]}
    refs = {each["bom-ref"] for each in document()["components"]}
    assert graph.keys() == refs | {US}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = {Requirement(each).name for each in project["dependencies"]}
    assert {ref.removeprefix("pkg:pypi/").partition("@")[0] for ref in graph[US]} == asked
    reached, waiting = {US}, [US]
    while waiting:
        new = set(graph[waiting.pop()]) - reached
        reached |= new
        waiting += new
    assert reached == graph.keys()


def test_licences_are_told() -> None:
    """An identifier for one, an expression for several."""
    said = {each["name"]: each["licenses"] for each in document()["components"]}
    assert said["certifi"] == [{"license": {"id": "MPL-2.0"}}]
    assert said["structlog"] == [{"expression": licence_of("structlog")}]
    assert all(said.values())


def test_the_same_lock_gives_the_same_bytes(tmp_path: Path) -> None:
    """Run as a release runs it, in processes of their own."""
    outputs = []
    for hash_seed in ("1", "2"):
        out = tmp_path / f"{hash_seed}.json"
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "SOURCE_DATE_EPOCH": "1700000000"}
        subprocess.run([sys.executable, "-m", "tools.sbom", str(out)], cwd=ROOT, env=environment, check=True)
        outputs.append(out.read_bytes())
    assert outputs[0] == outputs[1]
    assert json.loads(outputs[0])["metadata"]["timestamp"] == "2023-11-14T22:13:20Z"


def test_a_lock_without_hashes_is_refused(tmp_path: Path) -> None:
    """It would pin nothing."""
    lock = tmp_path / "run.txt"
    for text in ("a==1\n", "a>=1 --hash=sha256:" + "0" * 64 + "\n"):
        lock.write_text(text, "utf-8")
        with pytest.raises(ValueError, match="not an exact version with hashes"):
            locked(lock)
