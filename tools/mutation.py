"""Breaks the attribution rules in every small way, one at a time, and expects some test to notice.

``python tools/mutation.py [NAME …]`` runs mutmut over consumer/attribution (names as ``mutmut results`` prints them,
``*`` allowed) and prints the score. It fails below 90 %. What survives is shown by ``mutmut results`` and
``mutmut show NAME``; most of it is the wording of messages.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

LEAST_SCORE = 0.90
STATISTICS = Path("mutants/mutmut-cicd-stats.json")


def main(names: list[str]) -> int:
    """Run mutmut and judge."""
    mutmut = str(Path(sys.executable).parent / "mutmut")
    if subprocess.run([mutmut, "run", *names], check=False).returncode:
        print("mutmut could not run", file=sys.stderr)
        return 2
    subprocess.run([mutmut, "export-cicd-stats"], check=True, stdout=subprocess.DEVNULL)
    counts = json.loads(STATISTICS.read_text("utf-8"))
    noticed = counts["killed"] + counts["timeout"] + counts["segfault"]
    score = noticed / counts["total"]
    print(
        f"{counts['total']:,} mutants: {noticed:,} noticed, {counts['survived']} survived, "
        f"{counts['no_tests']} reached by no test: {score:.1%}"
    )
    return 0 if score >= LEAST_SCORE else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
