"""Writes what a release consists of as a CycloneDX 1.6 document: us, and the packages of requirements/run.txt.

``python -m tools.sbom [FILE]``, without a file to standard output. The same lock and versions give the same bytes; the
time is that of ``SOURCE_DATE_EPOCH``, and left out without it.
"""

from __future__ import annotations

import json
import os
import sys
import tomllib
import uuid
from datetime import UTC, datetime
from importlib.metadata import requires
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from consumer import __version__
from tools.licences import ROOT, Pin, licence_of, locked

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "awin-s2s-consumer")


def document(epoch_s: int | None = None) -> dict[str, Any]:
    """Return the document; ``epoch_s``: when the release was made.

    Raises:
        LookupError: a package is not installed, or its licence is not known.
    """
    pins: dict[str, Pin] = {canonicalize_name(pin.name): pin for pin in locked()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    us = f"pkg:pypi/{project['name']}@{__version__}"
    wanted = {us: project["dependencies"], **{_purl(pin): requires(pin.name) or [] for pin in pins.values()}}
    written: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "lifecycles": [{"phase": "build"}],
            "component": {
                "type": "application",
                "bom-ref": us,
                "name": project["name"],
                "version": __version__,
                "description": project["description"],
                "licenses": _licences(project["license"]),
                "purl": us,
            },
        },
        "components": [_component(pin) for pin in pins.values()],
        "dependencies": [
            {"ref": ref, "dependsOn": sorted(_purl(pins[name]) for name in _needed(texts) & pins.keys())}
            for ref, texts in wanted.items()
        ],
    }
    if epoch_s is not None:
        written["metadata"]["timestamp"] = datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    written["serialNumber"] = uuid.uuid5(_NAMESPACE, json.dumps(written, sort_keys=True)).urn
    return written


def _component(pin: Pin) -> dict[str, Any]:
    files = [
        {
            "type": "distribution",
            "url": _purl(pin),
            "comment": "one of the files that requirements/run.txt allows to be installed",
            "hashes": [{"alg": "SHA-256", "content": sha256}],
        }
        for sha256 in pin.sha256
    ]
    return {
        "type": "library",
        "bom-ref": _purl(pin),
        "name": pin.name,
        "version": pin.version,
        "licenses": _licences(licence_of(pin.name)),
        "purl": _purl(pin),
        "externalReferences": files,
    }


def _licences(expression: str) -> list[dict[str, Any]]:
    return [{"expression": expression}] if " " in expression else [{"license": {"id": expression}}]


def _purl(pin: Pin) -> str:
    return f"pkg:pypi/{canonicalize_name(pin.name)}@{pin.version}"


def _needed(texts: list[str]) -> set[str]:
    """Return what a package asks for, whatever the system, but for its extras."""
    asked = map(Requirement, texts)
    return {canonicalize_name(each.name) for each in asked if each.marker is None or "extra" not in str(each.marker)}


def main(arguments: list[str]) -> None:
    """Write it."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    text = json.dumps(document(None if epoch is None else int(epoch)), indent=2, ensure_ascii=False) + "\n"
    if arguments:
        Path(arguments[0]).write_text(text, "utf-8")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main(sys.argv[1:])
