"""What all commands have in common: help, version, errors, the configuration file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from consumer import __version__
from consumer.cli.options import load
from consumer.errors import SettingsError
from tests.cli.commands import run

COMMANDS = (
    *("run", "check", "topics", "explain", "audit", "simulate", "receipts", "dead-letters"),
    *("export-offline", "forget", "settings", "demo"),
)


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the settings of whoever runs the tests out."""
    for name in [each for each in os.environ if each.startswith("AWIN_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_the_version_is_told() -> None:
    """One line, with the program's name."""
    assert run("--version") == (0, f"awin-consumer {__version__}\n", "")


def test_help_names_every_command() -> None:
    """Without arguments, and with -h, the commands are listed."""
    for arguments in ((), ("-h",), ("--help",)):
        ran = run(*arguments)
        assert all(f" {command} " in ran.out + ran.err for command in COMMANDS)


def test_a_known_error_is_one_line_on_stderr() -> None:
    """No traceback, nothing on stdout, exit code 1."""
    code, out, err = run("topics", "check", "--config", "missing.yaml")
    assert (code, out) == (1, "")
    assert err == "error: missing.yaml: cannot read the configuration: No such file or directory\n"


def test_errors_are_printed_as_they_are(tmp_path: Path) -> None:
    """What looks like markup in an error is text, and long lines stay whole."""
    config = tmp_path / f"[bold]{'x' * 200}.yaml"
    assert run("audit", "--config", config).err.startswith(f"error: {config}: cannot read")


@pytest.mark.parametrize("by_variable", [False, True])
def test_with_debug_the_error_shows_where_it_comes_from(monkeypatch: pytest.MonkeyPatch, *, by_variable: bool) -> None:
    """The exception itself leaves the program."""
    if by_variable:
        monkeypatch.setenv("AWIN_DEBUG", "1")
    arguments = [] if by_variable else ["--debug"]
    with pytest.raises(SettingsError):
        run(*arguments, "topics", "check", "--config", "missing.yaml")


def test_a_wrong_argument_is_a_usage_error() -> None:
    """Exit code 2, as other programs have it."""
    code, out, err = run("topics", "check", "--colour")
    assert (code, out) == (2, "")
    assert "--colour" in err


def test_the_configuration_is_looked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The file named wins over config.yaml in the current folder, and that over the environment alone."""
    monkeypatch.setenv("AWIN_PROGRAMMES", '[{"advertiser_id": "1"}]')
    assert load(None).kafka.group == "awin-s2s"
    Path("config.yaml").write_text("kafka: {group: here}", "utf-8")
    assert load(None).kafka.group == "here"
    named = tmp_path / "other.yaml"
    named.write_text("kafka: {group: named}", "utf-8")
    assert load(named).kafka.group == "named"


def test_the_variable_names_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWIN_CONFIG stands for --config."""
    monkeypatch.setenv("AWIN_CONFIG", "from-variable.yaml")
    assert "from-variable.yaml" in run("topics", "check").err


def test_a_refused_configuration_fails_the_check() -> None:
    """`check` says so as its first result, for programs too."""
    Path("config.yaml").write_text("kafka: {grupo: x}", "utf-8")
    ran = run("check", "--json")
    assert ran.code == 1
    (only,) = ran.value["checks"]
    assert (only["name"], only["verdict"]) == ("configuration", "fail")
    assert "kafka.grupo" in only["found"]


def test_the_program_can_be_interrupted() -> None:
    """Ctrl-C while waiting for a broker ends it with 130, without a traceback."""
    program = (
        "import os, signal, sys, threading, time\n"
        "from consumer.cli import main\n"
        "def interrupt():\n"
        "    while 'consumer.inspect.search' not in sys.modules:\n"
        "        time.sleep(0.01)\n"
        "    time.sleep(0.3)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        # Whoever runs the tests in the background of a shell has it ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "threading.Thread(target=interrupt, daemon=True).start()\n"
        "main(['explain', 'X', '--config', 'c.yaml'])\n"
    )
    Path("c.yaml").write_text("kafka: {bootstrap_servers: '127.0.0.1:1'}\nprogrammes: [{advertiser_id: '1'}]", "utf-8")
    root = Path(__file__).parents[2]
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ended.returncode, ended.stdout) == (130, "")
    assert "Traceback" not in ended.stderr
