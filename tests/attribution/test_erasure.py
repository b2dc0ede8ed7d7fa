"""Which checksums are erased, and what is left of them."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from consumer.attribution.erasure import marker, refused, without_checksum
from consumer.attribution.lastclick import decide
from consumer.attribution.rules import Rules
from consumer.attribution.touch import Kind, Touch
from tests.attribution.test_lastclick import DAY, MINUTE, C, awc, click, order, outcome, touch, verdicts

SETTLE = 30 * MINUTE
NOW = C

DENIED: dict[str, Any] = {"consent": "denied"}
GRANTED: dict[str, Any] = {"consent": "granted"}


@pytest.mark.parametrize(
    ("touches", "erased"),
    [
        ([click(1, 2 * SETTLE, awc(C), **DENIED)], [1]),
        ([click(1, SETTLE, awc(C), **DENIED)], [1]),
        ([click(1, SETTLE - 1, awc(C), **DENIED)], []),
        ([click(1, 2 * SETTLE, awc(C)), touch(2, SETTLE, **DENIED)], [1]),
        ([click(1, 2 * SETTLE, awc(C)), touch(2, SETTLE - 1, **DENIED)], []),
        ([click(1, 2 * SETTLE, awc(C), **DENIED), touch(2, MINUTE, **GRANTED)], []),
        ([click(1, 2 * SETTLE, awc(C), **GRANTED), touch(2, SETTLE, **DENIED)], [1]),
        ([click(1, 2 * SETTLE, awc(C), **DENIED), click(2, MINUTE, awc(C, "b"))], [1]),
        ([click(1, 2 * SETTLE, awc(C), consent="unknown")], []),
        ([click(1, 2 * SETTLE, awc(C))], []),
        ([click(1, 2 * SETTLE, awc(C), Kind.STRICTLY_NECESSARY, **DENIED)], []),
        ([click(1, 2 * SETTLE, "gclid_7_a", Kind.GCLID, **DENIED)], [1]),
        ([click(1, 2 * SETTLE, awc(C), **DENIED), touch(2, 2 * SETTLE, **GRANTED)], []),
        ([click(2, 2 * SETTLE, awc(C), **DENIED), touch(1, 2 * SETTLE, **GRANTED)], [2]),
        ([], []),
    ],
)
def test_what_is_refused(touches: list[Touch], erased: list[int]) -> None:
    """The last statement is a refusal, and it and the landing have settled; the latest by time, then offset."""
    assert [each.offset for each in refused(touches, NOW, SETTLE)] == erased


def test_erasing_is_over_when_it_is_done() -> None:
    """What is left is not erased again, and is no checksum."""
    touches = [click(1, DAY, awc(C - DAY), **DENIED), click(2, DAY, "gclid_7_a", Kind.GCLID)]
    left = [without_checksum(each, touches) for each in touches]
    assert [(each.awc, each.kind) for each in left] == [
        (f"1001_{(C - DAY) // 1000}", Kind.ERASED),
        ("gclid_2", Kind.ERASED_GCLID),
    ]
    assert refused(left, NOW, SETTLE) == []
    assert [without_checksum(each, left) for each in left] == left


@pytest.mark.parametrize(
    "touches",
    [
        [click(1, DAY, awc(C - DAY), **DENIED)],
        [click(1, 2 * DAY, awc(C - 3 * DAY), **DENIED), touch(2, DAY, "email")],
        [click(1, 2 * DAY, awc(C - 2 * DAY), **DENIED), click(2, DAY, awc(C - 2 * DAY))],
        [click(1, 2 * DAY, awc(C - 2 * DAY, advertiser="2002"), **DENIED), touch(2, 3 * DAY, "email")],
        [click(1, DAY, awc(C - 40 * DAY), **DENIED)],
        [click(1, 2 * DAY, "gclid_7_a", Kind.GCLID, **DENIED), touch(2, 3 * DAY, "email")],
        [
            click(1, 4 * DAY, "gclid_7_a", Kind.GCLID),
            touch(2, 3 * DAY, "email"),
            click(3, 2 * DAY, "gclid_7_a", Kind.GCLID, **DENIED),
        ],
        [click(1, 2 * DAY, awc(C - 2 * DAY)), click(2, DAY, awc(C - DAY, "s"), Kind.STRICTLY_NECESSARY, **DENIED)],
        [click(1, 3 * DAY, awc(C - 3 * DAY), **DENIED), click(2, 2 * DAY, awc(C - 2 * DAY), **DENIED)],
        [click(1, 3 * DAY, awc(C - 3 * DAY), Kind.STRICTLY_NECESSARY), click(2, 2 * DAY, awc(C - 3 * DAY), **DENIED)],
        [click(1, 2 * DAY, awc(C - 2 * DAY), **DENIED), click(2, DAY, awc(C - 2 * DAY), session_id="s1")],
    ],
)
def test_an_order_is_decided_as_if_nothing_had_been_erased(touches: list[Touch]) -> None:
    """Refused checksums are not sent anyway: channel, reason, checksums and verdicts stay as they are."""
    left = [without_checksum(each, touches) if each in refused(touches, NOW, SETTLE) else each for each in touches]
    assert left != touches
    rules = Rules(advertiser_id="1001")
    before, after = decide(order(), touches, rules), decide(order(), left, rules)
    assert outcome(after) == outcome(before)
    assert verdicts(after) == verdicts(before)


def test_no_earlier_checksum_is_sent_instead() -> None:
    """An earlier landing that came too late to be erased is an earlier click still, though it has its checksum."""
    said = click(1, DAY, awc(C - DAY), **DENIED)
    touches = [without_checksum(said, [said]), click(2, 2 * DAY, awc(C - 2 * DAY)), touch(3, MINUTE, **GRANTED)]
    found = decide(order(), touches, Rules(advertiser_id="1001"))
    assert outcome(found) == ("aw", "last_click", ())
    assert verdicts(found) == {3: "direct", 1: "won_no_consent", 2: "earlier"}


def test_an_order_that_carries_the_checksum_has_it() -> None:
    """It is sent, if consent was granted since: nothing is different for having been erased."""
    said = click(1, DAY, awc(C - DAY - MINUTE), **DENIED)
    own = order(awc=awc(C - DAY - MINUTE))
    rules = Rules(advertiser_id="1001")
    for landings, sent in ([touch(2, MINUTE, **GRANTED)], (own.awc,)), ([], ()):
        before = decide(own, [said, *landings], rules)
        after = decide(own, [without_checksum(said, [said]), *landings], rules)
        assert after == before
        assert after.click_checksums == sent


def test_what_is_erased_cannot_be_sent_after_a_grant() -> None:
    """The click keeps its channel; its checksum is gone."""
    said = click(1, DAY, awc(C - DAY), **DENIED)
    left = without_checksum(said, [said])
    found = decide(order(), [left, touch(2, MINUTE, **GRANTED)], Rules(advertiser_id="1001"))
    assert outcome(found) == ("aw", "last_click", ())
    assert verdicts(found)[1] == "won_no_consent"
    assert [each.awc for each in found.evidence] == [None, None]


def test_a_marker_is_no_touch() -> None:
    """Nobody is known by it, nothing was said by it, and nothing of it is erased."""
    left = marker(5, C - DAY)
    rules = Rules(advertiser_id="1001", consent_missing="deny")
    alone = decide(order(), [left], rules)
    assert (outcome(alone), alone.evidence) == (("aw", "no_landing", ()), ())
    touches = [click(1, DAY, awc(C), **DENIED), left]
    assert refused(touches, NOW, SETTLE) == touches[:1]
    assert without_checksum(left, touches) == left
    assert replace(decide(order(), touches, rules), forgotten=False) == decide(order(), touches[:1], rules)


@pytest.mark.parametrize(
    ("at_ms", "is_forgotten"),
    [(C - 30 * DAY - 1, False), (C - 30 * DAY, True), (C - DAY, True), (C, True), (C + DAY, True)],
)
def test_a_marker_stands_for_what_an_order_might_have_seen(at_ms: int, *, is_forgotten: bool) -> None:
    """From the beginning of the longest window on; also after the order, which is read after it all the same."""
    rules = Rules(advertiser_id="1001", windows_ms={"aw": DAY})
    assert decide(order(), [marker(5, at_ms), touch(6, MINUTE)], rules).forgotten is is_forgotten
    assert not decide(order(visitor_id=None), [marker(5, at_ms)], rules).forgotten
