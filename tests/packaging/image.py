"""The image without Docker: what the Dockerfile copies and runs, below a folder."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"
PREFIX = Path("opt/awin-s2s")
UID = 10001
PYTHON = sys.executable


class Instruction(NamedTuple):
    """One line of a Dockerfile, continued lines joined."""

    word: str
    rest: str


def stages() -> list[list[Instruction]]:
    """Return the instructions of each stage; what stands before the first is left out."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text("utf-8"), flags=re.MULTILINE)
    found: list[list[Instruction]] = []
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        word, _, rest = line.partition(" ")
        if word == "FROM":
            found.append([])
        if word and found:
            found[-1].append(Instruction(word, rest))
    return found


def copied() -> Iterator[tuple[str, str]]:
    """Yield what the builder stage copies from here, and where to."""
    for word, rest in stages()[0]:
        if word == "COPY":
            *sources, target = rest.split()
            yield from ((source, target) for source in sources)


def build(folder: Path) -> Path:
    """Do what the builder stage does, with ``folder`` for its root, and return the folder that the image gets.

    Only what needs a package index is done otherwise: the dependencies and the build backend are taken from where the
    tests run, if they have the very versions that the requirements pin.
    """
    work = folder / "build"
    work.mkdir()
    for word, rest in stages()[0]:
        if word == "COPY":
            *sources, target = rest.split()
            for source in sources:
                _copy(ROOT / source, work / target, into=len(sources) > 1 or target.endswith("/"))
        elif word == "RUN":
            for command in rest.replace("/opt/", f"{folder}/opt/").split("&&"):
                _run(command.strip(), work)
    return folder / PREFIX


def _copy(source: Path, target: Path, *, into: bool) -> None:
    target = target / source.name if into and not source.is_dir() else target
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copyfile(source, target)


def _run(command: str, work: Path) -> None:
    step, *folders = command.partition("image.sh ")[2].split()
    if step == "dependencies":
        _install_pinned(Path(folders[0]))
    elif step == "backend":
        _pins_held(ROOT / "requirements" / "build.txt")
        program = Path(folders[0], "bin/python")
        program.parent.mkdir(parents=True)
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', "utf-8")
        program.chmod(0o755)
    else:
        environment = {**os.environ, "PYTHON": sys.executable}
        done = subprocess.run(
            ["sh", "-ec", command], cwd=work, env=environment, capture_output=True, text=True, check=False, timeout=100
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def _pins_held(requirements: Path) -> list[importlib.metadata.Distribution]:
    """Return the distributions that a file pins and this system needs; all must be here in that version."""
    held = []
    for line in re.findall(r"^[^#\s].*?(?= \\$)", requirements.read_text("utf-8"), re.MULTILINE):
        wanted = Requirement(line)
        if wanted.marker is None or wanted.marker.evaluate():
            found = importlib.metadata.distribution(wanted.name)
            assert wanted.specifier.contains(found.version), f"{wanted} is pinned, {found.version} is here: make test"
            held.append(found)
    return held


def _install_pinned(prefix: Path) -> None:
    """Copy the files of the pinned dependencies, and no others."""
    (target,) = prefix.glob("lib/python*/site-packages")
    for distribution in _pins_held(ROOT / "requirements" / "run.txt"):
        for file in distribution.files or ():
            if ".." not in file.parts and "__pycache__" not in file.parts:
                (target / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(str(distribution.locate_file(file)), target / file)


def environment(prefix: Path, state: Path) -> dict[str, str]:
    """Return the variables that the last stage sets, for an image below another root."""
    (text,) = (rest for word, rest in stages()[-1] if word == "ENV")
    values = dict(each.split("=", 1) for each in text.split())
    values["PATH"] = values["PATH"].replace("/opt/awin-s2s", str(prefix)).replace("$PATH", os.defpath)
    values["AWIN_STATE__DIRECTORY"] = str(state)
    return values


def unprivileged(prefix: Path) -> list[str]:
    """Return what goes before a command so that it has no more rights than in a container; nothing if we have none.

    Where the interpreter itself is in a folder that only root may look into, it keeps the right to read; not to write.
    """
    if os.geteuid() != 0:
        return []
    plain = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--no-new-privs", "--bounding-set=-all"]
    # By way of env: setpriv itself still has root's rights when it starts the next program.
    command = [*plain, "env", str(prefix / "bin/python"), "-c", ""]
    tried = subprocess.run(command, capture_output=True, check=False, timeout=30)
    if tried.returncode == 0:
        return plain
    reading = [f"--{kind}-caps=+dac_read_search" for kind in ("inh", "ambient")]
    return [*plain[:-1], "--bounding-set=-all,+dac_read_search", *reading]
