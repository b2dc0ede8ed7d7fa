"""How a chaos run ends: its exit status, what it prints, and what it leaves behind."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path

import pytest
from msgspec import structs

from tests.chaos.report import Report
from tests.chaos.run import EVIDENCE, folder_of_run, main, tell
from tests.chaos.test_report import made

BROKEN = structs.replace(made(), broken=("lost: A of 1001: no receipt",))


@pytest.mark.parametrize(("found", "code"), [(made(), 0), (BROKEN, 1)])
def test_a_broken_promise_is_an_exit_status(found: Report, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    """As a table, or as one JSON value and nothing else."""
    assert tell(found, as_json=True) == code
    assert json.loads(capsys.readouterr().out)["broken"] == list(found.broken)
    assert tell(found, as_json=False) == code
    told = capsys.readouterr().out
    assert "leader killed" in told
    assert all(each in told for each in found.broken)


def test_an_unknown_fault_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is started."""
    with pytest.raises(SystemExit):
        main(["--only", "moon eclipsed"])
    assert "moon eclipsed" in capsys.readouterr().err


def work(folder: Path, name: str, error: BaseException | None) -> None:
    """Leave a file, and fail if told so."""
    (folder / name).touch()
    if error is not None:
        raise error


@pytest.mark.parametrize(
    ("error", "name", "is_kept"),
    [
        (None, "deliver-a.log", False),
        (None, EVIDENCE, True),
        (AssertionError("it never settled"), "deliver-a.log", True),
        (KeyboardInterrupt(), "deliver-a.log", False),
    ],
)
def test_what_is_needed_to_find_out_is_kept(error: BaseException | None, name: str, *, is_kept: bool) -> None:
    """After a failure of the run or a broken promise, with a word where; nothing is left otherwise."""
    said: list[str] = []
    with nullcontext() if error is None else pytest.raises(type(error)), folder_of_run(said.append) as folder:
        work(folder, name, error)
    assert folder.exists() == is_kept
    assert said == ([f"logs and evidence are kept in {folder}"] if is_kept else [])
    if is_kept:
        (folder / name).unlink()
        folder.rmdir()
