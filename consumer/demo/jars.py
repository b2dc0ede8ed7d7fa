"""The broker's jars: fetched once into a cache folder, verified against ``jars.txt``, and from then on offline.

The cache is ``$AWIN_CONSUMER_CACHE``, else ``$XDG_CACHE_HOME/awin-s2s-consumer``, else
``~/.cache/awin-s2s-consumer``. A set of jars gets its final name only when every one of them has been verified, so a
killed download is never believed; what it had brought is used by the next one.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Self, TextIO

from consumer.demo.maven import Jar, JgoResolver, LocalRepository, MavenCommand, Source, SourceError
from consumer.errors import ConsumerError

KAFKA_VERSION = "4.3.1"


class BrokerError(ConsumerError):
    """Raised when the embedded broker cannot be had, started or stopped; the text says what to do."""


class JarCache:
    """One complete, verified set of jars in a cache folder, fetched when first asked for.

    Several threads and processes may ask at once: one fetches, the others wait for it.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        jars: Sequence[Jar] | None = None,
        sources: Sequence[Source] | None = None,
        progress: TextIO | None = None,
        title: str = f"Kafka {KAFKA_VERSION}",
    ) -> None:
        self._title = title
        self._cache = folder or cache_folder()
        self._jars = tuple(locked_jars() if jars is None else jars)
        self._sources = (LocalRepository(), JgoResolver(), MavenCommand()) if sources is None else tuple(sources)
        self._progress = progress
        digest = hashlib.sha256("".join(sorted(jar.sha256 for jar in self._jars)).encode()).hexdigest()
        self.folder = self._cache / f"{title.lower().replace(' ', '-')}-{digest[:12]}"

    def class_path(self) -> str:
        """The jars as a Java class path; fetches them first if need be, else touches no network.

        Raises:
            BrokerError: if they are not in the cache and no source could deliver them.
        """
        if not self.complete():
            self._fetch()
        return os.pathsep.join(str(self.folder / jar.file_name) for jar in self._jars)

    def complete(self) -> bool:
        """Whether every jar is there, judged by name and size; they were verified before they got here."""
        return all(_size(self.folder / jar.file_name) == jar.size for jar in self._jars)

    def _fetch(self) -> None:
        stream = self._progress or sys.stderr
        try:
            with exclusive(self._cache, stream):
                if not self.complete():
                    self._fill(stream)
        except OSError as error:
            raise BrokerError(
                f"The cache folder {self._cache} cannot be used: {error}. "
                "Make it writable, or point AWIN_CONSUMER_CACHE at another folder."
            ) from error

    def _fill(self, stream: TextIO) -> None:
        arriving = self._cache / f".{self.folder.name}"
        arriving.mkdir(exist_ok=True)
        for left_behind in arriving.glob(".*-*"):  # a killed process's own repository
            shutil.rmtree(left_behind)
        missing = self._unverified(arriving)
        failures: list[str] = []
        total = sum(jar.size for jar in missing)
        with _Progress(stream, f"{self._title}: {len(missing)} files", total, self._cache) as progress:
            for source in self._sources:
                if not missing:
                    break
                try:
                    source.fetch(missing, arriving, progress.advance)
                except SourceError as error:
                    failures.append(f"{source.name}: {error}")
                missing = self._unverified(arriving)
                progress.restart(sum(jar.size for jar in missing))
        if missing:
            raise BrokerError(self._explain(missing, failures))
        shutil.rmtree(self.folder, ignore_errors=True)
        arriving.rename(self.folder)

    def _unverified(self, folder: Path) -> list[Jar]:
        missing = []
        for jar in self._jars:
            path = folder / jar.file_name
            if _size(path) is None:
                missing.append(jar)
            elif hashlib.sha256(path.read_bytes()).hexdigest() != jar.sha256:
                path.unlink()
                missing.append(jar)
        return missing

    def _explain(self, missing: Sequence[Jar], failures: Sequence[str]) -> str:
        names = ", ".join(jar.file_name for jar in missing[:3]) + (", …" if len(missing) > 3 else "")
        reasons = "; ".join(failures) or "what arrived had wrong checksums"
        return (
            f"{len(missing)} of {len(self._jars)} files of {self._title} ({names}) could not be fetched ({reasons}). "
            "Check the network, or name your mirror of Maven Central in ~/.m2/settings.xml or in MAVEN_MIRROR_URL, and "
            "run the same command again: what has arrived is kept. Without a network, copy the cache folder "
            f"{self.folder} from a machine that has it, or point AWIN_CONSUMER_CACHE at its parent."
        )


def cache_folder(environment: Mapping[str, str] | None = None) -> Path:
    """The folder that everything downloaded at run time goes to; it need not exist."""
    environment = os.environ if environment is None else environment
    if ours := environment.get("AWIN_CONSUMER_CACHE"):
        return Path(ours).expanduser().absolute()
    base = environment.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "awin-s2s-consumer"


def locked_jars() -> tuple[Jar, ...]:
    """The jars of ``jars.txt``; see tools/lock_jars.py."""
    return read_lock(resources.files("consumer.demo").joinpath("jars.txt").read_text(encoding="utf-8"))


def read_lock(text: str) -> tuple[Jar, ...]:
    """Return the jars of a file whose lines read ``sha256 size group:artifact:version[:classifier:packaging]``."""
    return tuple(_jar(line) for line in text.splitlines() if line and not line.startswith("#"))


def _jar(line: str) -> Jar:
    sha256, size, coordinate = line.split()
    group, artifact, version, *kind = coordinate.split(":")
    return Jar(group, artifact, version, sha256, int(size), *kind)


@contextmanager
def exclusive(folder: Path, stream: TextIO) -> Iterator[None]:
    """Hold the cache folder's lock, after waiting for whoever holds it.

    The system lets it go when its holder dies, so it is never stale.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.write(f"waiting for another process that prepares Kafka in {folder}\n")
            stream.flush()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class _Progress:
    """Says how much has arrived: on one changing line of a terminal, else on a new line every few seconds."""

    def __init__(self, stream: TextIO, what: str, total: int, folder: Path) -> None:
        self._stream, self._what, self._total, self._folder = stream, what, total, folder
        self._terminal = stream.isatty()
        self._every_s = 0.1 if self._terminal else 5.0
        self._arrived = 0
        self._lock = threading.Lock()
        self._started = self._said = time.monotonic()

    def __enter__(self) -> Self:
        if self._total:
            self._say(f"{self._what}, {_megabytes(self._total)}, into {self._folder}", "\n")
        return self

    def advance(self, size: int) -> None:
        with self._lock:
            self._arrived += size
            now = time.monotonic()
            if now - self._said >= self._every_s:
                self._said = now
                text = f"  {_megabytes(min(self._arrived, self._total))} of {_megabytes(self._total)}"
                self._say(text, "" if self._terminal else "\n")

    def restart(self, missing: int) -> None:
        """Count from what has been verified, as the next source begins."""
        self._arrived = self._total - missing

    def __exit__(self, *_: object) -> None:
        if self._total:
            seconds = time.monotonic() - self._started
            self._say(f"  {_megabytes(self._arrived)} of {_megabytes(self._total)} in {seconds:.0f} s", "\n")

    def _say(self, text: str, end: str) -> None:
        self._stream.write(("\r\x1b[K" if self._terminal else "") + text + end)
        self._stream.flush()


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
