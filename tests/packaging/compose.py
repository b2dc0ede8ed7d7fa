"""docker-compose.yml, read as Docker Compose would."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
OURS = "awin-s2s-consumer:dev"

Service = dict[str, Any]


def whole() -> dict[str, Any]:
    """Return the file, with its anchors followed."""
    found: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))
    return found


def services() -> dict[str, Service]:
    """Return the services by name."""
    found: dict[str, Service] = whole()["services"]
    return found


def ours() -> dict[str, Service]:
    """Return the services that run our image."""
    return {name: service for name, service in services().items() if service["image"] == OURS}


def mounts(service: Service) -> Iterator[tuple[str, str, bool]]:
    """Yield what a service mounts, where, and whether it is read-only."""
    for volume in service.get("volumes", ()):
        source, target, *options = volume.split(":")
        yield source, target, options == ["ro"]


def files(service: Service) -> Iterator[tuple[Path, str]]:
    """Yield the files and folders of ours that a service mounts, and where."""
    for source, target, _ in mounts(service):
        if source.startswith("."):
            yield ROOT / source, target


def input_topics() -> tuple[set[str], int]:
    """Return the names of the topics that the service `inputs` creates, and how many partitions they get."""
    script = services()["inputs"]["command"][0]
    (names,) = re.findall(r"for topic in (.*); do", script)
    (partitions,) = re.findall(r"--partitions (\d+)", script)
    return set(names.split()), int(partitions)
