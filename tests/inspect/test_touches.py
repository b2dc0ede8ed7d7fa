"""What is told of the touches that a conversion names."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from consumer.attribution import lastclick
from consumer.attribution.erasure import without_checksum
from consumer.attribution.lastclick import Verdict
from consumer.attribution.rules import Rules
from consumer.attribution.touch import Kind, Touch
from consumer.events import SessionLanded
from consumer.inspect.touches import ChecksumKind, touches
from tests.attribution.test_conversion import built
from tests.attribution.test_conversion import order as sold
from tests.attribution.test_lastclick import DAY, MINUTE, C, awc, click, order, touch

RULES = Rules(advertiser_id="1001", windows_ms={"aw": 5 * DAY})
URL = "https://shop.example/"
NONE: Mapping[int, SessionLanded] = {}


def kinds(seen: list[Touch], sessions: Mapping[int, SessionLanded] = NONE) -> dict[str, ChecksumKind | None]:
    """Return what is told of the checksums, by verdict."""
    evidence = lastclick.decide(order(), seen, RULES).evidence
    found = touches(replace(built(sold()), evidence=evidence), sessions)
    return {each.verdict: each.kind for each in found}


def test_an_erased_checksum_is_told_by_what_became_of_it() -> None:
    """Or by its click's time, which was not the landing's, or by the landing's record."""
    brought = [
        click(1, DAY, awc(C - DAY)),
        click(2, DAY - MINUTE, awc(C - DAY)),
        click(3, DAY, awc(C - DAY, advertiser="2002")),
        click(4, 6 * DAY, awc(C - 7 * DAY)),
        click(5, DAY, awc(C - DAY), session_id="s1"),
    ]
    left = [without_checksum(each, brought) for each in brought]
    told = {
        Verdict.WON_NO_CONSENT: "erased",
        Verdict.SAME_CLICK: "erased",
        Verdict.OTHER_PROGRAMME: "erased",
        Verdict.OUTSIDE_WINDOW: "erased",
    }
    assert kinds(left) == told | {Verdict.SAME_LANDING: None}
    record = SessionLanded("s1", "v", C - DAY, f"{URL}?awc={awc(C - DAY)}")
    assert kinds(left, {5: record}) == told | {Verdict.SAME_LANDING: "erased"}
    no_consent = kinds([left[0], touch(9, 0, "email")])
    assert no_consent == {Verdict.NO_CONSENT: "erased", Verdict.WON: None}


@pytest.mark.parametrize("channel", ["email", "aw"])
def test_a_line_of_the_channel_table_may_be_called_as_a_checksum_is(channel: str) -> None:
    """The landing brought none, so none was erased."""
    seen = [
        touch(1, DAY, channel, rule="awc"),
        touch(2, DAY, channel, rule="awc", session_id="s1"),
        touch(3, 6 * DAY, channel, rule="awc"),
        touch(4, 0, "email", rule="order"),
    ]
    assert set(kinds(seen).values()) == {None}
    records = {each.offset: SessionLanded("s", "v", each.landed_at_ms, URL) for each in seen}
    assert set(kinds(seen, records).values()) == {None}


def test_a_checksum_that_is_there_has_its_kind() -> None:
    """Of the gclid form by itself; whether it is strictly necessary only the landing's address says."""
    seen = [click(1, DAY, awc(C - DAY), Kind.STRICTLY_NECESSARY), click(2, 2 * DAY, "gclid_7_x", Kind.GCLID)]
    record = SessionLanded("s", "v", C - DAY, f"{URL}?awc={awc(C - DAY)}&sn=1")
    assert kinds(seen) == {Verdict.WON: None, Verdict.EARLIER: "gclid"}
    assert kinds(seen, {1: record}) == {Verdict.WON: "strictly_necessary", Verdict.EARLIER: "gclid"}
    plain = replace(record, landing_url=f"{URL}?awc={awc(C - DAY)}")
    assert kinds(seen, {1: plain})[Verdict.WON] == "normal"
