"""The demo, as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_demo_reports_every_order_rightly() -> None:
    """A short run exits 0, and its JSON says that nothing was lost, repeated or wrong."""
    done = subprocess.run(
        [sys.executable, "-m", "consumer.cli", "demo", "--seconds", "6", "--rate", "150", "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=220,
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    faults = [
        "lost",
        "sent_twice",
        "unexpected",
        "violations",
        *(name for name in summary if name.startswith("wrong_")),
    ]
    assert {fault: summary[fault] for fault in faults} == dict.fromkeys(faults, 0)
    assert summary["delivered"] > 20
    assert summary["sessions"] > summary["orders"] > summary["duplicates_in"]
    assert 0 < summary["latency_ms"]["p50"] <= summary["latency_ms"]["p99"]
