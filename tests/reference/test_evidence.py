"""Section 4 by hand: what is told of each touch that an order sees."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from consumer.demo.reference import LoggedSession, expect
from consumer.events import Evidence
from tests.reference.cases import DIRECT, GOOGLE_AD, NEWSLETTER, NOON_MS, RULES, awc, by, landing, log, ordered

NO_CHANGE: dict[str, Any] = {}


def told(
    landings: list[LoggedSession], order: dict[str, Any] = NO_CHANGE, rules: dict[str, Any] = NO_CHANGE
) -> tuple[Evidence, ...]:
    """The evidence of an order at noon."""
    return expect(log(*landings), [ordered(**order)], replace(RULES, **rules))[0, 0].evidence


@pytest.mark.parametrize(
    ("landings", "order", "rules", "verdicts"),
    [
        pytest.param([landing(-5, GOOGLE_AD)], {}, {}, "0:won", id="the winner"),
        pytest.param([landing(-9, NEWSLETTER), landing(-5, GOOGLE_AD)], {}, {}, "1:won 0:earlier", id="one before it"),
        pytest.param([landing(-5, by(awc(-6)))], {"consent": "denied"}, {}, "0:won_no_consent", id="won, refused"),
        pytest.param(
            [landing(-9, by(awc(-10))), landing(-5, GOOGLE_AD)],
            {"consent": "denied"},
            {},
            "1:won 0:no_consent",
            id="not sent along",
        ),
        pytest.param(
            [landing(-9, by(awc(-10))), landing(-5, by(awc(-6, "b")))],
            {"consent": "denied"},
            {},
            "1:won_no_consent 0:earlier",
            id="an earlier click would not be sent anyway",
        ),
        pytest.param(
            [landing(-9, by(awc(-10))), landing(-5, GOOGLE_AD)],
            {},
            {"model": "none"},
            "1:no_model 0:no_model",
            id="nothing may win",
        ),
        pytest.param(
            [landing(-9, by(awc(-10)))], {"consent": "denied"}, {"model": "none"}, "0:no_consent", id="nor be sent"
        ),
        pytest.param([landing(-5, GOOGLE_AD), landing(-1, DIRECT)], {}, {}, "1:direct 0:won", id="direct"),
        pytest.param(
            # The click's time is that of its first landing.
            [landing(-50, by(awc(-51))), landing(-30, GOOGLE_AD), landing(-5, by(awc(-51)))],
            {},
            {},
            "1:won 2:same_click 0:earlier",
            id="a click landed twice",
        ),
        pytest.param(
            [landing(-50, GOOGLE_AD, session="s"), landing(-5, GOOGLE_AD, session="s")],
            {},
            {},
            "1:same_landing 0:won",
            id="a landing told twice",
        ),
        pytest.param(
            [landing(-50, by(awc(-51)), session="s"), landing(-5, by(awc(-51)), session="s")],
            {},
            {},
            "1:same_landing 0:won",
            id="a landing told twice is no click landed twice",
        ),
        pytest.param(
            [landing(-9, DIRECT, session="s"), landing(-5, DIRECT, session="s")],
            {},
            {},
            "1:same_landing 0:direct",
            id="a direct landing told twice",
        ),
        pytest.param([landing(-5, by(awc(-1001)))], {}, {}, "0:outside_window", id="a click before the window"),
        pytest.param(
            [landing(-5, GOOGLE_AD)], {}, {"windows_ms": {"ppcgoogle": 1_000}}, "0:outside_window", id="a landing"
        ),
        pytest.param([landing(-5, by(awc(-6, advertiser="2002")))], {}, {}, "0:other_programme", id="another's"),
        pytest.param(
            [landing(-5, by(awc(-1001, advertiser="2002")))], {}, {}, "0:other_programme", id="another's, long ago"
        ),
        pytest.param([landing(-5, GOOGLE_AD)], {"awc": awc(-3)}, {}, "-:won 0:earlier", id="the order's own awc"),
        pytest.param(
            [landing(-50, by(awc(-51)))],
            {"awc": awc(-51)},
            {},
            "-:same_click 0:won",
            id="the order's own awc, seen on a landing",
        ),
        pytest.param(
            [landing(-5, GOOGLE_AD)], {"channel": "ppc"}, {}, "-:won 0:earlier", id="the order's own channel, trusted"
        ),
        pytest.param(
            [],
            {"channel": "ppc", "awc": "gclid_1_x"},
            {"order_channel": "touch"},
            "-:won -:earlier",
            id="the order's own channel as a touch, after its awc",
        ),
        pytest.param([landing(1, GOOGLE_AD)], {}, {}, "", id="nothing seen"),
    ],
)
def test_verdicts(landings: list[LoggedSession], order: dict[str, Any], rules: dict[str, Any], verdicts: str) -> None:
    """Each touch has its verdict, the newest first; a dash stands for what the order carried."""
    found = told(landings, order, rules)
    assert verdicts.split() == [
        f"{'-' if each.session_offset is None else each.session_offset}:{each.verdict}" for each in found
    ]


def test_times_and_origins() -> None:
    """Every item says when it landed, when it was clicked, by which rule, and its checksum."""
    click, own = told([landing(-50, by(awc(-100)))], {"awc": awc(-7, "b")})[::-1]
    assert (click.landed_at_ms, click.clicked_at_ms) == (NOON_MS - 50_000, NOON_MS - 100_000)
    assert (click.channel, click.rule, click.awc) == ("aw", "awc", awc(-100))
    assert (own.landed_at_ms, own.clicked_at_ms) == (NOON_MS, NOON_MS - 7_000)
    assert (own.channel, own.rule, own.awc) == ("aw", "order", awc(-7, "b"))


def test_what_decided_is_always_told() -> None:
    """Of more than twenty the newest are told, after what decided: the winner, and the click that is sent."""
    visits = [landing(-at_s, DIRECT) for at_s in range(1, 31)]
    found = told([landing(-90, by(awc(-91))), landing(-80, GOOGLE_AD), *visits])
    assert [each.session_offset for each in found] == [*range(2, 20), 1, 0]
    assert [each.verdict for each in found[-2:]] == ["won", "earlier"]
