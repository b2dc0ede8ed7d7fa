"""A pod of the rendered chart, laid out below a folder and run without a container.

Paths of the container that are mounted (``/etc/awin-s2s/…``, ``/var/lib/awin-s2s``) become paths below that folder, in
the files of config maps, the arguments and the environment; for ``/tmp``, ``TMPDIR`` names the one below it. Nothing
else of what the chart says is changed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.kafka.crash.program import Program
from tests.packaging import image
from tools.chart import Object, objects

Secrets = Mapping[str, Mapping[str, bytes]]


class ChartPod:
    """Pod 0 of a StatefulSet.

    Args:
        values: of the chart.
        workload: the StatefulSet's component.
        secrets: by name, their entries.
        prefix: the image's folder.
        root: an empty folder that any user may look into.
    """

    def __init__(self, values: Object, workload: str, secrets: Secrets, prefix: Path, root: Path) -> None:
        made = objects(values)
        (self._set,) = (
            each for each in made if each["kind"] == "StatefulSet" and each["metadata"]["name"].endswith(f"-{workload}")
        )
        self._maps = {each["metadata"]["name"]: each["data"] for each in made if each["kind"] == "ConfigMap"}
        self._secrets = secrets
        self._prefix = prefix
        self._root = root
        self.spec: Object = self._set["spec"]["template"]["spec"]
        (self.container,) = self.spec["containers"]
        self._volumes = {each["name"]: each for each in self.spec["volumes"]}
        self._mounts = [(each["name"], str(each["mountPath"])) for each in self.container["volumeMounts"]]
        for name, path in self._mounts:
            self._lay_out(name, root / path[1:])

    def start(self) -> Program:
        """Start what the image's entry point makes of the container's arguments, with nothing inherited."""
        name = f"{self._set['metadata']['name']}-0"
        variables = image.environment(self._prefix, self._root / "var/lib/awin-s2s")
        variables["TMPDIR"] = str(self._root / "tmp")
        for each in self.container["env"]:
            variables[each["name"]] = name if "valueFrom" in each else self._mapped(each["value"])
        assert "command" not in self.container
        command = [
            *(*image.unprivileged(self._prefix), str(shutil.which("env")), "-i", f"--chdir={self._root}"),
            *(f"{key}={value}" for key, value in variables.items()),
            *("awin-consumer", *(self._mapped(each) for each in self.container["args"])),
        ]
        return Program(command, self._root / "run.log")

    def probe(self, program: Program, kind: str) -> bool:
        """Ask as a kubelet does, on the port and the path of the container's probe."""
        asked: Mapping[str, Any] = self.container[kind]["httpGet"]
        (port,) = (each["containerPort"] for each in self.container["ports"] if each["name"] == asked["port"])
        assert all(each["ops_port"] == port for each in program.told("service.started"))
        return 200 <= program.get(asked["path"]) < 400

    def _mapped(self, text: str) -> str:
        for _, path in self._mounts:
            text = text.replace(path, f"{self._root}{path}") if path != "/tmp" else text  # noqa: S108  # a mount
        return text

    def _lay_out(self, name: str, target: Path) -> None:
        volume = self._volumes.get(name, {})
        target.mkdir(parents=True)
        if "configMap" in volume:
            for file, text in self._maps[volume["configMap"]["name"]].items():
                (target / file).write_text(self._mapped(text), encoding="utf-8")
        elif "secret" in volume:
            self._lay_out_secret(volume["secret"], target)
        else:
            target.chmod(0o2770)
            self._give(target)

    def _lay_out_secret(self, volume: Object, target: Path) -> None:
        entries = self._secrets[volume["secretName"]]
        items = volume.get("items") or [{"key": key, "path": key} for key in entries]
        for item in items:
            file = target / item["path"]
            file.write_bytes(entries[item["key"]])
            file.chmod(volume["defaultMode"])
            self._give(file)

    def _give(self, path: Path) -> None:
        """Let the pod's group have it, as ``fsGroup`` says; its own user where we may not."""
        if os.geteuid() == 0:
            os.chown(path, 0, self.spec["securityContext"]["fsGroup"])
