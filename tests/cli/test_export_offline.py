"""What `export-offline` refuses before it asks a broker."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commands import run

DAYS = ("--from", "2026-01-01", "--to", "2026-01-31")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration with a broker that nobody is."""
    file = tmp_path / "config.yaml"
    file.write_text("kafka: {bootstrap_servers: '127.0.0.1:1'}\nprogrammes: [{advertiser_id: '1001'}]", "utf-8")
    return file


@pytest.mark.parametrize(
    ("days", "complaint"),
    [
        (("--from", "2026-02-30", "--to", "2026-03-01"), "'--from'"),
        (("--from", "01/02/2026", "--to", "2026-03-01"), "'--from'"),
        (("--from", "2026-01-01", "--to", "today"), "'--to'"),
        (("--from", "2026-01-02", "--to", "2026-01-01"), "2026-01-01 is before --from 2026-01-02"),
        (("--from", "2026-01-01"), "'--to'"),
        (("--to", "2026-01-01"), "'--from'"),
    ],
)
def test_bad_dates_are_refused(config: Path, tmp_path: Path, days: tuple[str, ...], complaint: str) -> None:
    """As wrong usage, which names the option."""
    ran = run("export-offline", *days, "--out", tmp_path, "--config", config)
    assert (ran.code, ran.out) == (2, "")
    assert complaint in ran.err


def test_a_folder_must_be_there(config: Path, tmp_path: Path) -> None:
    """A folder of another name would not be looked into by an upload. A file is none."""
    missing = run("export-offline", *DAYS, "--out", tmp_path / "none", "--config", config)
    file = run("export-offline", *DAYS, "--out", config, "--config", config)
    for ran in (missing, file):
        assert (ran.code, ran.out) == (2, "")
        assert "'--out'" in ran.err
    assert run("export-offline", *DAYS, "--config", config).code == 2


def test_an_unknown_programme_is_refused(config: Path, tmp_path: Path) -> None:
    """A slip of the pen would look like nothing to do."""
    ran = run(
        *("export-offline", *DAYS, "--out", tmp_path, "--programme", "1001"),
        *("--programme", "1002", "--config", config),
    )
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("error: --programme 1002: no such programme in the settings")


@pytest.mark.slow
def test_no_broker_is_told(config: Path, tmp_path: Path) -> None:
    """In time, in one line, with nothing left in the folder but its lock."""
    out = tmp_path / "out"
    out.mkdir()
    ran = run("export-offline", *DAYS, "--out", out, "--config", config)
    assert (ran.code, ran.out) == (1, "")
    assert "the broker has not given us our transactional id" in ran.err
    assert [each.name for each in out.iterdir()] == [".awin-export.lock"]
