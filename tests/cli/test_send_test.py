"""`awin-consumer send-test` before it writes anything."""

from __future__ import annotations

import os
import sys
from io import StringIO
from pathlib import Path

import pytest
import yaml

from tests.cli.commands import Ran, run

NOWHERE = "127.0.0.1:1"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of whoever runs the tests out."""
    for name in [each for each in os.environ if each.startswith("AWIN_")]:
        monkeypatch.delenv(name)


def send_test(folder: Path, *arguments: str, mode: str = "shadow") -> Ran:
    """Run it with a broker that is not there."""
    config = folder / "config.yaml"
    values = {
        "kafka": {"bootstrap_servers": NOWHERE},
        "programmes": [{"advertiser_id": "1001", "when": {"market": ["de"]}}],
        "delivery": {"mode": mode},
    }
    config.write_text(yaml.safe_dump(values), "utf-8")
    return run("send-test", *arguments, "--config", config)


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("shadow", "Mode shadow: nothing will be sent to Awin."),
        ("test", "Mode test: one request with testmode=1 will go to Awin, which pays nothing for it."),
        ("live", "The alert AwinTestModeInLive will fire for this order."),
    ],
)
def test_it_says_what_it_will_do_and_asks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mode: str, said: str
) -> None:
    """Whoever says no has done nothing: the broker is not even asked."""
    monkeypatch.setattr(sys, "stdin", StringIO("n\n"))
    ran = send_test(tmp_path, mode=mode)
    assert ran.code == 1
    assert said in ran.out
    assert "Write to session.landed and order.completed?" in ran.out
    assert NOWHERE not in ran.err


def test_a_programme_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """With those that are."""
    ran = send_test(tmp_path, "--programme", "2002", "--yes")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "error: 2002: no such programme in the settings, which name 1001\n"
