"""Section 10 by hand: what orders make of what was forgotten or erased before they were decided."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from consumer.demo.reference import Expected, Facts, SessionRecord, Sweep, expect
from tests.reference.cases import NEWSLETTER, RULES, awc, by, forget, landing, numbered, ordered

NOTHING: dict[str, Any] = {}
GRANTED = {"consent": "granted"}
CLICK, REFUSED = landing(-50, by(awc(-51))), landing(-40, consent="denied")
GRANT = landing(-1, consent="granted")


def ending(records: Sequence[SessionRecord], facts: Facts, order: dict[str, Any] = NOTHING) -> Expected:
    """What becomes of an order at noon."""
    return expect(records, [ordered(**order)], replace(RULES, consent_settle_ms=1_000), facts=facts)[0, 0]


def told(ended: Expected) -> tuple[str, str]:
    """The verdicts, each after the offset of its session, and the checksums that are sent."""
    verdicts = " ".join(f"{touch.session_offset}:{touch.verdict}" for touch in ended.evidence)
    return verdicts.replace("None", "-"), " ".join(ended.click_checksums)


@pytest.mark.parametrize(
    ("records", "facts", "verdicts"),
    [
        pytest.param([CLICK, forget()], Facts(read_at={(0, 0): 2}), "", id="forgotten when the order is read"),
        pytest.param([CLICK, forget()], Facts(cuts={(0, 0): 2}, read_at={(0, 0): 1}), "0:won", id="forgotten later"),
        pytest.param([CLICK, forget()], Facts(), "0:won", id="of an order that nothing is known of"),
        pytest.param([CLICK, forget("bob")], Facts(read_at={(0, 0): 2}), "0:won", id="another is forgotten"),
        pytest.param([CLICK, forget("v" * 1_001)], Facts(read_at={(0, 0): 2}), "0:won", id="nobody is"),
        pytest.param([forget(), CLICK], Facts(read_at={(0, 0): 2}), "1:won", id="landed afterwards"),
        pytest.param(
            [CLICK, forget(), landing(-9, NEWSLETTER), forget()],
            Facts(cuts={(0, 0): 4}, read_at={(0, 0): 3}),
            "2:won",
            id="forgotten twice",
        ),
    ],
)
def test_who_is_forgotten_was_never_there(records: list[SessionRecord], facts: Facts, verdicts: str) -> None:
    """For orders that are read later."""
    assert told(ending(numbered(*records), facts))[0] == verdicts


def erased(*offsets: int, read: int = 9, decided_in: int = 2) -> Facts:
    """What is known when a first transaction erased these, and the order was decided in a second one."""
    sweep = Sweep(0, 1, range(read), 0, 0, frozenset(offsets))
    return Facts(read_at={(0, 0): read}, decided_in={(0, 0): decided_in}, sweeps=[sweep])


@pytest.mark.parametrize(
    ("records", "facts", "order", "verdicts", "checksums"),
    [
        pytest.param([CLICK, REFUSED], erased(0), {}, "1:direct 0:won_no_consent", "", id="refused"),
        pytest.param([CLICK, REFUSED], erased(0), GRANTED, "1:direct 0:won_no_consent", "", id="granted by the order"),
        pytest.param([CLICK, REFUSED, GRANT], erased(0), {}, "2:direct 1:direct 0:won_no_consent", "", id="granted"),
        pytest.param([CLICK, REFUSED], erased(0, decided_in=1), GRANTED, "1:direct 0:won", awc(-51), id="in time"),
        pytest.param(
            [CLICK, REFUSED, landing(-20, NEWSLETTER)],
            erased(0),
            GRANTED,
            "2:won 1:direct 0:no_consent",
            "",
            id="another won",
        ),
        pytest.param(
            [CLICK, landing(-45, by(awc(-46))), REFUSED],
            erased(0, 1),
            GRANTED,
            "2:direct 1:won_no_consent 0:earlier",
            "",
            id="two clicks",
        ),
        pytest.param(
            [CLICK, REFUSED, landing(-60, by(awc(-61)))],
            erased(0),
            GRANTED,
            "1:direct 0:won_no_consent 2:earlier",
            "",
            id="an earlier one that is not erased",
        ),
        pytest.param(
            [CLICK, REFUSED, landing(-9, by(awc(-10)))],
            erased(0),
            GRANTED,
            "2:won 1:direct 0:earlier",
            awc(-10),
            id="a later one that is not erased",
        ),
        pytest.param(
            [landing(-50, by(awc(-51, "b"))), CLICK, REFUSED],
            erased(0, 1),
            {},
            "2:direct 1:same_click 0:won_no_consent",
            "",
            id="two in one second are one",
        ),
        pytest.param(
            [CLICK, REFUSED, landing(-9, by(awc(-51)))],
            erased(0),
            GRANTED,
            "1:direct 2:same_click 0:won_no_consent",
            "",
            id="it lands again",
        ),
        pytest.param(
            [landing(-60, by(awc(-51), "&sn=1")), CLICK, REFUSED],
            erased(1),
            {},
            "2:direct 1:same_click 0:won",
            awc(-51),
            id="it landed as a strictly necessary one before",
        ),
        pytest.param(
            [CLICK, REFUSED, landing(-9, by(awc(-51)), session=CLICK.event.session_id)],
            erased(0),
            {},
            "1:direct 2:same_landing 0:won_no_consent",
            "",
            id="its session says the same again",
        ),
        pytest.param(
            [landing(-50, by(awc(-51, advertiser="2002"))), REFUSED],
            erased(0),
            {},
            "1:direct 0:other_programme",
            "",
            id="of another programme",
        ),
        pytest.param(
            [landing(-450, by(awc(-1001))), REFUSED], erased(0), {}, "1:direct 0:outside_window", "", id="of long ago"
        ),
        pytest.param(
            [CLICK, REFUSED],
            erased(0),
            {"awc": awc(-51), **GRANTED},
            "1:direct -:same_click 0:won",
            awc(-51),
            id="the order brings it",
        ),
        pytest.param(
            [CLICK, REFUSED], erased(0), {"awc": awc(-51)}, "1:direct -:same_click 0:won_no_consent", "", id="in vain"
        ),
        pytest.param(
            [landing(-50, by("gclid_1_x")), REFUSED],
            erased(0),
            {"awc": "gclid_1_x", **GRANTED},
            "-:won 1:direct 0:earlier",
            "gclid_1_x",
            id="the order brings one of the gclid form",
        ),
        pytest.param(
            [landing(-60, by("gclid_1_x")), landing(-50, by("gclid_1_x")), landing(-45, by("gclid_1_y")), REFUSED],
            erased(0, 1, 2),
            {},
            "3:direct 2:won_no_consent 1:same_click 0:earlier",
            "",
            id="clicks of the gclid form are told apart",
        ),
        pytest.param(
            [landing(-60, by("gclid_1_x")), REFUSED, landing(-9, by("gclid_1_x"))],
            erased(0),
            GRANTED,
            "2:won 1:direct 0:earlier",
            "gclid_1_x",
            id="one of the gclid form lands again",
        ),
    ],
)
def test_an_erased_click_is_a_click(
    records: list[SessionRecord], facts: Facts, order: dict[str, Any], verdicts: str, checksums: str
) -> None:
    """Whose checksum is not sent, nor told."""
    ended = ending(numbered(*records), facts, order)
    offsets = {offset for sweep in facts.sweeps for offset in sweep.erased}
    assert told(ended) == (verdicts, checksums)
    if facts.decided_in[0, 0] > 1:
        told_of = {touch.awc for touch in ended.evidence if touch.session_offset in offsets}
        assert told_of <= {None, order.get("awc")}


def test_landings_of_the_gclid_form_that_are_erased_one_by_one_are_one_click_if_one_is_known_to_be_first() -> None:
    """The second is erased first, when the first is in state."""
    late, first = landing(-60, by("gclid_1_x")), landing(-50, by("gclid_1_x"))
    sweeps = [Sweep(0, number, range(2), 0, 0, frozenset({2 - number})) for number in (1, 2)]
    ended = ending(numbered(late, first), Facts(decided_in={(0, 0): 3}, sweeps=sweeps))
    assert told(ended)[0] == "1:same_click 0:won_no_consent"


TO_ANN, TO_BOB = forget("ann", ("1001", "R1")), forget("bob", ("1001", "R1"))
"""Whoever is forgotten, the order is ann's."""


def decided(read_at: int = 1, **more: Any) -> Facts:
    """What is known of an order that was decided."""
    return Facts(read_at={(0, 0): read_at}, decided_in={(0, 0): 1}, **more)


@pytest.mark.parametrize(
    ("record", "facts", "remembered"),
    [
        pytest.param(TO_BOB, decided(), "", id="could be decided"),
        pytest.param(TO_BOB, decided(read_at=3), awc(-51), id="not read yet"),
        pytest.param(TO_BOB, decided(cuts={(0, 0): 3}), awc(-51), id="pending"),
        pytest.param(TO_ANN, decided(cuts={(0, 0): 3}), "", id="decided by force for it"),
        pytest.param(TO_BOB, decided(cuts={(0, 0): 2}), "", id="decided by force before"),
        pytest.param(forget("bob", ("2002", "R1")), decided(), awc(-51), id="of another programme"),
        pytest.param(forget("bob", ("1001", "R2")), decided(), awc(-51), id="another order"),
        pytest.param(forget("bob"), decided(), awc(-51), id="no order"),
    ],
)
def test_an_order_forgets_its_checksums(record: SessionRecord, facts: Facts, remembered: str) -> None:
    """When it is decided, or was; what was sent was sent."""
    ended = ending(numbered(CLICK, landing(9 if facts.cuts else 10, visitor="eve"), record), facts)
    assert ended.click_checksums == (awc(-51),)
    assert " ".join(ended.linked_checksums) == remembered
