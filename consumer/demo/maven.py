"""Where Maven artifacts come from: the local repository, jgo's resolver, or Maven itself, with the user's mirrors.

jgo knows neither Maven's settings nor its mirrors, writes straight to the final name and only warns about a wrong
checksum. So this module reads the settings for it, and the caller verifies what arrives.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from consumer.errors import ConsumerError

ATTEMPTS = 3
CONNECTIONS = 4
READ_TIMEOUT_S = 30
MAVEN_TIMEOUT_S = 900


class SourceError(ConsumerError):
    """Raised when a source cannot deliver. What it did deliver stays in the folder; the caller tries the next one."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One locked artifact, mostly of packaging jar."""

    group: str
    artifact: str
    version: str
    sha256: str
    size: int
    classifier: str = ""
    packaging: str = "jar"

    @property
    def file_name(self) -> str:
        """Name of its file, in a repository and in our cache."""
        return f"{self.artifact}-{self.version}{self.classifier and f'-{self.classifier}'}.{self.packaging}"

    @property
    def repository_path(self) -> Path:
        """Its place in a repository of Maven's default layout."""
        return Path(*self.group.split("."), self.artifact, self.version, self.file_name)


class Source(Protocol):
    """A place that artifacts can be had from."""

    name: str

    def fetch(self, jars: Sequence[Jar], folder: Path, arrived: Callable[[int], None]) -> None:
        """Put the jars that it has into ``folder``, calling ``arrived`` with the size of each piece, from any thread.

        Raises:
            SourceError: if it could not be asked, or failed on the way.
        """


class LocalRepository:
    """Maven's own local repository, where another build may have left the jars."""

    name = "local repository"

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path(os.environ.get("M2_REPO") or Path.home() / ".m2" / "repository")

    def fetch(self, jars: Sequence[Jar], folder: Path, arrived: Callable[[int], None]) -> None:
        """Copy what is there, of the right size; the rest is somebody else's."""
        for jar in jars:
            path = self._folder / jar.repository_path
            try:
                if path.stat().st_size != jar.size:
                    continue
                shutil.copyfile(path, folder / jar.file_name)
            except OSError:
                continue
            arrived(jar.size)


class JgoResolver:
    """jgo's pure Python downloads, from the mirror in force; needs no Java and no Maven."""

    name = "jgo"

    def fetch(self, jars: Sequence[Jar], folder: Path, arrived: Callable[[int], None]) -> None:
        """Download each jar, a few at once, each with a few attempts."""
        try:
            from jgo.constants import MAVEN_CENTRAL_URL  # noqa: PLC0415 - only with the demo extra
            from jgo.maven import MavenContext, PythonResolver  # noqa: PLC0415 - only with the demo extra
        except ImportError as error:
            raise SourceError("not installed: pip install 'awin-s2s-consumer[demo]'") from error

        @contextmanager
        def progress(_name: str, _size: int) -> Iterator[Callable[[int], None]]:
            yield arrived

        with tempfile.TemporaryDirectory(dir=folder, prefix=".jgo-") as repository:
            context = MavenContext(
                resolver=PythonResolver(progress_callback=progress),
                repo_cache=Path(repository),
                remote_repos={"central": mirror_of_central() or MAVEN_CENTRAL_URL},
                timeout=READ_TIMEOUT_S,
            )

            def download(jar: Jar) -> None:
                artifact = (
                    context.project(jar.group, jar.artifact)
                    .at_version(jar.version)
                    .artifact(jar.classifier, jar.packaging)
                )
                for attempt in range(ATTEMPTS):
                    # jgo takes any file of that name for a finished download.
                    (Path(repository) / jar.repository_path).unlink(missing_ok=True)
                    try:
                        artifact.resolve().replace(folder / jar.file_name)
                    except (OSError, RuntimeError) as error:
                        if attempt + 1 == ATTEMPTS:
                            raise SourceError(_first_line(error)) from error
                        time.sleep(0.5 * 2**attempt)
                    else:
                        return

            pool = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="jars")
            try:
                for future in [pool.submit(download, jar) for jar in jars]:
                    future.result()
            finally:
                pool.shutdown(cancel_futures=True)


class MavenCommand:
    """The ``mvn`` on the path, which knows every setting of Maven: proxies, passwords, certificates."""

    name = "mvn"

    def fetch(self, jars: Sequence[Jar], folder: Path, arrived: Callable[[int], None]) -> None:
        """Let Maven copy the jars in one run."""
        command = shutil.which("mvn")
        if command is None:
            raise SourceError("not installed")
        with tempfile.TemporaryDirectory(dir=folder, prefix=".mvn-") as work:
            pom = Path(work) / "pom.xml"
            pom.write_text(_pom(jars), encoding="utf-8")
            arguments = [
                *("--batch-mode", "--no-transfer-progress", "--file", str(pom)),
                *("dependency:copy-dependencies", "-DexcludeTransitive=true", f"-DoutputDirectory={folder}"),
            ]
            try:
                run = subprocess.run(  # noqa: S603 - the user's own Maven, with arguments of ours
                    [command, *arguments],
                    cwd=work,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    errors="replace",
                    timeout=MAVEN_TIMEOUT_S,
                    check=False,
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                raise SourceError(_first_line(error)) from error
        if run.returncode != 0:
            errors = [line for line in run.stdout.splitlines() if line.startswith("[ERROR]")]
            raise SourceError(errors[0] if errors else f"exit code {run.returncode}")
        arrived(sum(jar.size for jar in jars))


def mirror_of_central(home: Path | None = None, environment: Mapping[str, str] | None = None) -> str | None:
    """Address of the mirror that stands in for Maven Central, or None.

    Asked in this order: ``MAVEN_MIRROR_URL``, the user's ``~/.m2/settings.xml``, the installation's
    ``conf/settings.xml`` (``MAVEN_HOME`` or ``M2_HOME``). A settings file that cannot be read says nothing.
    """
    home = home or Path.home()
    environment = os.environ if environment is None else environment
    if url := environment.get("MAVEN_MIRROR_URL"):
        return url.rstrip("/")
    files = [home / ".m2" / "settings.xml"]
    files += [
        Path(environment[name]) / "conf" / "settings.xml" for name in ("MAVEN_HOME", "M2_HOME") if name in environment
    ]
    variables = {"user.home": str(home)} | {f"env.{name}": value for name, value in environment.items()}
    for file in files:
        for mirror_of, url in _mirrors(file):
            if _covers_central(mirror_of):
                return re.sub(r"\$\{([^}]+)}", lambda match: variables.get(match[1], match[0]), url).rstrip("/")
    return None


def _mirrors(settings: Path) -> Iterator[tuple[str, str]]:
    try:
        root = ET.fromstring(settings.read_bytes())  # noqa: S314 - the user's own settings
    except (OSError, ET.ParseError):
        return
    for mirror in root.iterfind("{*}mirrors/{*}mirror"):
        mirror_of, url = mirror.findtext("{*}mirrorOf", ""), mirror.findtext("{*}url", "")
        if url.strip():
            yield mirror_of.strip(), url.strip()


def _covers_central(mirror_of: str) -> bool:
    patterns = {pattern.strip() for pattern in mirror_of.split(",")}
    return "!central" not in patterns and not patterns.isdisjoint({"central", "*", "external:*"})


def _pom(jars: Sequence[Jar]) -> str:
    dependencies = "".join(
        f"<dependency><groupId>{escape(jar.group)}</groupId><artifactId>{escape(jar.artifact)}</artifactId>"
        f"<version>{escape(jar.version)}</version><classifier>{escape(jar.classifier)}</classifier>"
        f"<type>{escape(jar.packaging)}</type></dependency>"
        for jar in jars
    )
    return (
        "<project><modelVersion>4.0.0</modelVersion><groupId>consumer</groupId><artifactId>jars</artifactId>"
        f"<version>0</version><packaging>pom</packaging><dependencies>{dependencies}</dependencies></project>"
    )


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0][:300]}" if text else type(error).__name__
