"""docs/getting-started.md, run from top to bottom as it stands, with broker, topics and consumer of the test's own."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from consumer.demo.broker import EmbeddedKafka
from tests.cli.commands import Ran
from tests.kafka.crash.program import wait_until
from tests.kafka.running import running
from tests.kafka.shell import Shell

pytestmark = pytest.mark.kafka

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "getting-started.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    """Return the code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


class Reader:
    """Somebody who does what the page says."""

    def __init__(self, shell: Shell, stack: ExitStack) -> None:
        self._shell = shell
        self._stack = stack
        self.order_ref = ""
        self.ran: list[tuple[str, Ran]] = []

    def do(self, line: str) -> None:
        """Run a line."""
        words = shlex.split(line, comments=True)
        if words[0] == "awin-consumer" and words[1] == "run":
            service = self._stack.enter_context(running(self._shell))
            assert service.ops is not None
        elif words[0] == "awin-consumer":
            arguments = [self.order_ref if each == "ORDER_REF" else each for each in words[1:]]
            self.ran.append((line, self._settled(arguments)))
        else:
            assert words[:2] == ["python", "examples/producer.py"], line
            self._produce(words[1:])

    def _settled(self, arguments: list[str]) -> Ran:
        """Run a command; an order that was just sent is looked for until it is there."""
        if arguments[0] == "explain":
            wait_until(lambda: "decided" in self._shell(*arguments).out, "the order is decided")
        return self._shell(*arguments)

    def _produce(self, words: list[str]) -> None:
        topics = self._shell.settings.topics
        command = [sys.executable, str(ROOT / words[0]), "--bootstrap-servers", self._shell.kafka.bootstrap_servers]
        command += ["--session-topic", topics.session_landed, "--order-topic", topics.order_completed]
        ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        self.order_ref = ended.stdout.splitlines()[-1].removeprefix("order ")
        assert self.order_ref.startswith("EXAMPLE-")


def test_it_works_as_it_says(kafka: EmbeddedKafka, topic_names: Callable[[str], str], tmp_path: Path) -> None:
    """Every command ends well, and the answers are those that the page promises."""
    shell = Shell(kafka, topic_names, tmp_path)
    (page,) = blocks("yaml")
    ours = shell.values
    said: dict[str, dict[str, object]] = yaml.safe_load(page)
    shell.values = {**said}
    assert shell.settings.delivery.mode == "shadow"
    for section, values in ours.items():
        if isinstance(values, dict):
            shell.values[section] = {**said.get(section, {}), **values}
    shell.hurry()
    install, *rest = blocks("sh")
    assert "--require-hashes -r requirements/run.txt" in install
    lines = [line for block in rest for line in block.splitlines() if line]
    lines.remove("awin-consumer topics create")  # there are no inputs yet; the line after it makes them
    with ExitStack() as stack:
        reader = Reader(shell, stack)
        for line in lines:
            reader.do(line)
    for line, ran in reader.ran:
        assert ran.code == 0, f"{line}\n{ran.out}{ran.err}"
    out = {line: ran.out for line, ran in reader.ran}
    assert "Right: order awin-test-" in out["awin-consumer send-test --yes"]
    assert f"Order {reader.order_ref} of programme 1001" in out["awin-consumer explain ORDER_REF"]
    assert "Everything adds up." in out["awin-consumer audit"]
