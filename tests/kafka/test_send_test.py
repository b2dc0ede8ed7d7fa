"""`awin-consumer send-test` on a real broker, with a running consumer and the stand-in Awin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from consumer.demo.awin import StandInAwin
from consumer.demo.broker import EmbeddedKafka
from tests.kafka.running import running
from tests.kafka.shell import Shell

pytestmark = pytest.mark.kafka


@pytest.fixture
def shell(kafka: EmbeddedKafka, topic_names: Callable[[str], str], tmp_path: Path) -> Shell:
    """Commands with a configuration on the shared broker."""
    made = Shell(kafka, topic_names, tmp_path)
    made.hurry()
    return made


def test_in_shadow_mode_nothing_is_sent(shell: Shell) -> None:
    """The order comes to its receipt all the same, and people see each step."""
    shell.create()
    with running(shell):
        ran = shell("send-test", "--yes", "--timeout", 60)
    assert ran.code == 0, ran.out + ran.err
    lines = ran.out.splitlines()
    names = [line.split()[2] for line in lines if " s  " in line]
    assert names == ["landing", "order", "conversion", "receipt"]
    assert "decided in shadow mode: nothing was sent" in ran.out
    assert f"{shell.settings.topics.order_completed}[" in ran.out
    assert lines[-1].startswith("Right: order awin-test-")


def test_in_live_mode_awin_gets_a_test(shell: Shell) -> None:
    """One request with testmode=1, and the click that was made up."""
    with StandInAwin(strict=True) as awin:
        shell.values["delivery"] = {"mode": "live", "endpoint": awin.endpoint}
        shell.write()
        shell.create()
        with running(shell):
            ran = shell("send-test", "--yes", "--json", "--timeout", 60)
        report = ran.value
        assert (ran.code, report["ok"], report["state"]) == (0, True, "delivered")
        assert [step["name"] for step in report["steps"]] == ["landing", "order", "conversion", "receipt"]
        (request,) = awin.requests
        assert request.parameters["testmode"] == "1"
        assert request.parameters["ref"] == report["order_ref"]
        assert request.parameters["cks"].startswith("1001_")
        assert shell("explain", report["order_ref"]).code == 0
        assert shell("audit").code == 0


def test_without_a_consumer_it_says_so(shell: Shell) -> None:
    """When the time is over."""
    shell.create()
    ran = shell("send-test", "--yes", "--timeout", 1)
    assert ran.code == 1
    assert "was not decided in time" in ran.out
    assert f"the group {shell.settings.kafka.group}-attribute has no position in" in ran.out


def test_a_missing_topic_is_an_error(shell: Shell) -> None:
    """Of one line, that names it."""
    ran = shell("send-test", "--yes")
    assert (ran.code, ran.out) == (1, "")
    assert shell.settings.topics.session_landed in ran.err
