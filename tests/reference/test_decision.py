"""Sections 2, 3 and 4: the reference decides as was worked out by hand."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from consumer.demo.reference import Expected, Facts, expect
from tests.reference.cases import RULES, log, ordered
from tests.reference.decisions import CASES, CLICKS, DECISIONS, SILENCE, VISIBILITY, WINDOWS, Case


def decided(case: Case) -> Expected:
    """What the reference expects of the case's order."""
    cuts = {} if case.cut is None else {(0, 0): case.cut}
    rules = replace(RULES, **case.rules)
    return expect(log(*case.landings), [ordered(**case.order)], rules, facts=Facts(cuts=cuts))[0, 0]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_decision(case: Case) -> None:
    """Channel, reason and checksums are as worked out by hand."""
    found = decided(case)
    assert (found.channel, found.why, found.click_checksums) == (case.channel, case.why, case.checksums)


def test_case_names_are_unique() -> None:
    """No example hides another."""
    assert len(CASES) == sum(map(len, (VISIBILITY, CLICKS, DECISIONS, WINDOWS, SILENCE)))
