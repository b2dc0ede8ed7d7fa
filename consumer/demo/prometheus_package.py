"""The programs `prometheus` and `promtool`: those on the PATH, else out of Debian's package, which is not installed.

``python -m consumer.demo.prometheus_package`` fetches them ahead; after that everything works offline.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from consumer.demo.jars import cache_folder, exclusive
from consumer.errors import ConsumerError

_FETCH_TIMEOUT_S = 300
_HOW = (
    "Prometheus cannot be had here: {why}. Install it so that `prometheus` and `promtool` are on the PATH (its own "
    "releases, Homebrew's or Debian's package `prometheus`)."
)


class PrometheusError(ConsumerError):
    """Raised when Prometheus cannot be had or started, or refuses a question; the text says what to do."""


class Programs(NamedTuple):
    """Where the two programs are."""

    prometheus: Path
    promtool: Path


def programs(folder: Path | None = None) -> Programs:
    """Return where they are; fetch Debian's package into the cache folder first if need be.

    Raises:
        PrometheusError: they are not here and cannot be fetched.
    """
    installed = shutil.which("prometheus"), shutil.which("promtool")
    if installed[0] and installed[1]:
        return Programs(Path(installed[0]), Path(installed[1]))
    cache = folder or cache_folder()
    unpacked = cache / "prometheus"
    found = Programs(unpacked / "usr/bin/prometheus", unpacked / "usr/bin/promtool")
    if not found.promtool.exists():
        with exclusive(cache, sys.stderr):
            if not found.promtool.exists():
                _unpack(cache, unpacked)
    return found


def _unpack(cache: Path, unpacked: Path) -> None:
    """Fetch the package and give it its name only when it is complete."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise PrometheusError(_HOW.format(why="this is no Debian, whose package would be taken"))
    sys.stderr.write("fetching Debian's package prometheus, once\n")
    sys.stderr.flush()
    with tempfile.TemporaryDirectory(dir=cache, prefix=".prometheus-") as name:
        arriving = Path(name)
        _run(arriving, "apt-get", "download", "prometheus")
        packages = list(arriving.glob("prometheus_*.deb"))
        if len(packages) != 1:
            raise PrometheusError(_HOW.format(why="apt-get brought no package"))
        _run(arriving, "dpkg-deb", "--extract", str(packages[0]), "unpacked")
        shutil.rmtree(unpacked, ignore_errors=True)
        (arriving / "unpacked").rename(unpacked)


def _run(folder: Path, *command: str) -> None:
    try:
        done = subprocess.run(  # noqa: S603  # the system's own tools
            command,
            check=False,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_FETCH_TIMEOUT_S,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise PrometheusError(_HOW.format(why=f"{command[0]} failed ({type(error).__name__})")) from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise PrometheusError(_HOW.format(why=f"{command[0]} failed ({last})"))


if __name__ == "__main__":
    try:
        programs()
    except PrometheusError as missing:
        sys.exit(str(missing))
