"""The properties notice when a single rule is broken."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.mutants.mutant import Mutant
from tests.mutants.mutants import MUTANTS
from tests.mutants.of_channels import OF_CHANNELS
from tests.mutants.of_orders import OF_ORDERS
from tests.mutants.of_output import OF_OUTPUT
from tests.mutants.of_touches import OF_TOUCHES

ROOT = Path(__file__).parents[2]
UNCHANGED = "unchanged"


class Outcome(NamedTuple):
    """How the selection of checks ended on a copy of the package."""

    exit_code: int
    said: str
    errors: str


def outcome_of(mutant: Mutant | None, folder: Path) -> Outcome:
    """Copy the package with one change and do the checks on the copy."""
    for name in ("consumer", "schemas", "tests"):
        shutil.copytree(ROOT / name, folder / name)
    if mutant is not None:
        file = folder / "consumer" / mutant.file
        text = file.read_text(encoding="utf-8")
        assert text.count(mutant.old) == 1, f"{mutant.file} does not hold this once: {mutant.old}"
        file.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "tests.mutants.selection"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    shutil.rmtree(folder)
    return Outcome(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def outcomes(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[dict[str, Future[Outcome]]]:
    """The outcome of every mutant that is asked for, two at a time, in the order of the tests: none waits for all."""
    wanted = [item.callspec.params.get("name") for item in request.session.items if hasattr(item, "callspec")]
    with ThreadPoolExecutor(2) as pool:
        begun = {
            name: pool.submit(outcome_of, MUTANTS.get(name), tmp_path_factory.mktemp("mutant"))
            for name in dict.fromkeys(wanted)
            if name in {UNCHANGED, *MUTANTS}
        }
        yield begun
        for future in begun.values():
            future.cancel()


def test_every_mutant_can_be_made() -> None:
    """Each has a name of its own, and what it changes stands in its file once."""
    groups = (OF_TOUCHES, OF_CHANNELS, OF_ORDERS, OF_OUTPUT)
    assert all(MUTANTS[name] is mutant for group in groups for name, mutant in group.items())
    places = {(mutant.file, mutant.old, mutant.new) for mutant in MUTANTS.values()}
    assert len(places) == len(MUTANTS)
    texts = {file: (ROOT / "consumer" / file).read_text(encoding="utf-8") for file, _, _ in places}
    assert [name for name, mutant in MUTANTS.items() if texts[mutant.file].count(mutant.old) != 1] == []


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", [UNCHANGED, *MUTANTS])
def test_a_broken_rule_is_noticed(name: str, outcomes: dict[str, Future[Outcome]]) -> None:
    """On the package as it is the checks hold; on one with a broken rule, one of them does not."""
    outcome = outcomes[name].result()
    assert outcome.exit_code == (0 if name == UNCHANGED else 1), outcome.said + outcome.errors
