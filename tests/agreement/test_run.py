"""The long run's quick profile, and what it says when something does not agree."""

from __future__ import annotations

from itertools import count

import pytest
from msgspec.structs import replace

from consumer.attribution.rules import Rulebook
from tests.agreement.run import Tally, agree, main
from tests.agreement.smallest import description, smallest
from tests.agreement.trial import Trial, outcome_of
from tests.reference.cases import GOOGLE_AD, RULES, awc, by, landing, log, ordered
from tests.strategies.worlds import Logged

OTHER = replace(RULES, advertiser_id="2002")


def test_a_few_thousand_orders_agree(capsys: pytest.CaptureFixture[str]) -> None:
    """The stage does with every order what the reference says; the last line counts endings and features."""
    assert main(["--orders", "3000", "--seed", "20"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("endings: ")
    assert all(ending in last for ending in ("conversion", "duplicate", "conflict", "not_reportable", "dead_letter"))
    assert all(feature in last for feature in ("features: ", "note: pro_rata", "decided by force", "product rows"))
    assert all(feature in last for feature in ("forgotten visitors", "erased checksums", "erased click: no_consent"))


def test_one_world_can_be_played_again(capsys: pytest.CaptureFixture[str]) -> None:
    """By its seed and number."""
    assert main(["--seed", "20", "--world", "7"]) == 0
    assert "in 1 worlds of seed 20" in capsys.readouterr().out


def deaf(rulebook: Rulebook) -> Rulebook:
    """Settings by which silence is a refusal."""
    return Rulebook(tuple(replace(rules, consent_missing="deny") for rules in rulebook.programmes))


def test_a_disagreement_is_shown_at_its_smallest() -> None:
    """Without the records and settings that it does not need."""
    records: tuple[Logged, ...] = (
        *log(landing(-90, GOOGLE_AD), landing(-50, by(awc(-60))), landing(-5, GOOGLE_AD, visitor="bob")),
        ordered(market="de"),
        ordered(offset=1, order_ref="R2", visitor_id="bob", voucher_codes=("A",)),
    )
    trial = Trial(records, Rulebook((replace(RULES, products=True), OTHER)), cut_over_ms=0, batch=100, quiet_after=4)
    assert not outcome_of(trial).faults

    least = smallest(trial, lambda smaller: bool(outcome_of(smaller, deaf).faults))
    assert least.records == (trial.records[1], trial.records[3])
    programme, _, session, order, fault, *_ = description(least, outcome_of(least, deaf))
    assert programme == "programme: Rules(advertiser_id='1001')"
    assert session.startswith("session in partition 0")
    assert order.startswith("order in partition 0")
    assert fault == f"order (0, 0): click_checksums is (), by the reference ('{awc(-60)}',)"


def test_a_run_ends_with_the_first_disagreement(capsys: pytest.CaptureFixture[str]) -> None:
    """And names its seed and world, by which it can be played again."""
    assert not agree(20, 3_000, count(), Tally(), deaf)
    told = capsys.readouterr().out
    assert "DISAGREEMENT in world" in told
    assert "of seed 20" in told
    assert "by the reference" in told
