"""Resolve the embedded broker's Maven coordinates and write every jar, with size and hash, to consumer/demo/jars.txt.

Run by ``make requirements``.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from jgo.constants import MAVEN_CENTRAL_URL
from jgo.maven import MavenContext

from consumer.demo.jars import KAFKA_VERSION
from consumer.demo.maven import mirror_of_central

LOG4J_VERSION = "2.25.2"
COORDINATES = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
    # Named, since jgo would take an old one out of log4j's bill of materials.
    f"org.apache.kafka:kafka-clients:{KAFKA_VERSION}",
    f"org.apache.logging.log4j:log4j-core:{LOG4J_VERSION}",
    f"org.apache.logging.log4j:log4j-slf4j2-impl:{LOG4J_VERSION}",
    f"org.apache.logging.log4j:log4j-1.2-api:{LOG4J_VERSION}",
)
LOCK = Path(__file__).parent.parent / "consumer" / "demo" / "jars.txt"


def main() -> None:
    """Write the lock."""
    lines = []
    with tempfile.TemporaryDirectory() as repository:
        central = mirror_of_central() or MAVEN_CENTRAL_URL
        context = MavenContext(repo_cache=Path(repository), remote_repos={"central": central}, timeout=60)
        asked, drawn_in = context.resolver.resolve([context.create_dependency(each) for each in COORDINATES])
        for dependency in asked + drawn_in:
            content = dependency.artifact.resolve().read_bytes()
            coordinate = f"{dependency.groupId}:{dependency.artifactId}:{dependency.version}"
            lines.append(f"{hashlib.sha256(content).hexdigest()} {len(content):>9} {coordinate}")
    lines.sort(key=lambda line: line.split()[2])
    LOCK.write_text(
        "# Written by tools/lock_jars.py (make requirements).\n" + "\n".join(lines) + "\n", encoding="utf-8"
    )
    print(f"{LOCK.name}: {len(lines)} jars")


if __name__ == "__main__":
    main()
