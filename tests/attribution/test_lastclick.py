"""The last click: what an order sees, what wins and which checksums are sent."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from consumer.attribution.lastclick import MAX_EVIDENCE, Attribution, Verdict, decide
from consumer.attribution.rules import Rules
from consumer.attribution.touch import Kind, Touch
from consumer.events import Consent, OrderCompleted

C = 1_700_000_000_000
MINUTE = 60_000
DAY = 86_400_000
RULES = Rules(advertiser_id="1001")


def awc(clicked_at_ms: int, click: str = "a", advertiser: str = "1001") -> str:
    """Name a checksum by its click's time, which has whole seconds."""
    return f"{advertiser}_{clicked_at_ms // 1000}_{click}"


def order(**fields: Any) -> OrderCompleted:
    """Make an order of the visitor, completed at C."""
    said: dict[str, Any] = {
        "order_id": "o",
        "order_ref": "R",
        "completed_at_ms": C,
        "currency": "EUR",
        "subtotal": 0,
        "visitor_id": "v",
    }
    return OrderCompleted(**(said | fields))


def touch(offset: int, age_ms: int, channel: str | None = None, **fields: Any) -> Touch:
    """Make a touch that landed this long before C, each in a session of its own and read in time."""
    said: dict[str, Any] = {"watermark_before_ms": C - age_ms, "session_id": f"s{offset}"}
    if channel is not None:
        said |= {"channel": channel, "rule": "r"}
    return Touch(offset, C - age_ms, **(said | fields))


def click(offset: int, age_ms: int, checksum: str, kind: Kind = Kind.NORMAL, **fields: Any) -> Touch:
    """Make a touch with a checksum."""
    return touch(offset, age_ms, "aw", awc=checksum, kind=kind.value, **fields)


def outcome(attribution: Attribution) -> tuple[str, str, tuple[str, ...]]:
    """Return the decision without its evidence."""
    return attribution.channel, attribution.reason, attribution.click_checksums


def verdicts(attribution: Attribution) -> dict[int | None, str]:
    """Return the verdict on each session offset, newest first."""
    return {evidence.session_offset: evidence.verdict for evidence in attribution.evidence}


def won(*touches: Touch, **fields: Any) -> str:
    """Return the channel that an order with these touches gets."""
    return decide(order(**fields), touches, RULES).channel


def test_order_without_any_touch_is_of_unknown_channel() -> None:
    """No landing known: Awin's default channel for a last click that was not recorded."""
    assert outcome(decide(order(), [], RULES)) == ("aw", "no_landing", ())


def test_order_with_direct_landings_only_belongs_to_no_channel() -> None:
    """Landings known, none with a channel: the channel for none."""
    attribution = decide(order(), [touch(1, MINUTE)], RULES)
    assert outcome(attribution) == ("na", "direct_only", ())
    assert verdicts(attribution) == {1: "direct"}


def test_last_channel_wins_and_direct_never_overwrites() -> None:
    """The newest landing with a channel wins; a direct one after it changes nothing."""
    attribution = decide(order(), [touch(1, 3 * DAY, "email"), touch(2, DAY, "ppc"), touch(3, MINUTE)], RULES)
    assert outcome(attribution) == ("ppc", "last_click", ())
    assert verdicts(attribution) == {3: "direct", 2: "won", 1: "earlier"}


def test_equal_times_are_decided_by_offset() -> None:
    """Of landings at the same time the later record wins."""
    assert won(touch(7, DAY, "email"), touch(5, DAY, "ppc")) == "email"


@pytest.mark.parametrize(
    ("age_ms", "seen"), [(0, True), (-1, False), (30 * DAY, True), (30 * DAY + 1, False), (DAY, True)]
)
def test_window(age_ms: int, *, seen: bool) -> None:
    """An order sees landings from the window's start up to its own completion, both included."""
    assert won(touch(1, age_ms, "email", watermark_before_ms=0)) == ("email" if seen else "aw")


@pytest.mark.parametrize(("watermark_ms", "seen"), [(C + 9_999, True), (C + 10_000, False)])
def test_late_session_is_invisible(watermark_ms: int, *, seen: bool) -> None:
    """A session read when the watermark had passed completion and grace came too late."""
    assert won(touch(1, DAY, "email", watermark_before_ms=watermark_ms)) == ("email" if seen else "aw")


def test_forced_decision_sees_what_was_read_before_the_cut() -> None:
    """With a cut the offset decides what came in time, and the watermark does not."""
    touches = [touch(4, 2 * DAY, "email", watermark_before_ms=C + DAY), touch(5, DAY, "ppc")]
    assert decide(order(), touches, RULES, cut=5).channel == "email"
    assert decide(order(), touches, RULES, cut=6).channel == "ppc"
    assert decide(order(), touches, RULES, cut=0).reason == "no_landing"


def test_order_without_visitor_sees_no_touch() -> None:
    """A guest's order is decided by what it carries itself."""
    touches = [click(1, DAY, awc(C - DAY))]
    assert outcome(decide(order(visitor_id=None), touches, RULES)) == ("aw", "no_landing", ())
    own = awc(C - DAY, "own")
    assert outcome(decide(order(visitor_id=None, awc=own), touches, RULES)) == ("aw", "last_click", (own,))


def test_records_of_one_landing_count_once() -> None:
    """A session repeated with a later time is not a later touch."""
    again = touch(9, MINUTE, "email", session_id="s")
    attribution = decide(order(), [touch(1, 2 * DAY, "email", session_id="s"), touch(2, DAY, "ppc"), again], RULES)
    assert attribution.channel == "ppc"
    assert verdicts(attribution) == {9: "same_landing", 2: "won", 1: "earlier"}


def test_another_channel_of_the_same_session_is_another_landing() -> None:
    """Only records with the same session, channel and checksum are one landing."""
    assert won(touch(1, DAY, "email", session_id="s"), touch(2, MINUTE, "ppc", session_id="s")) == "ppc"


def test_bookmarked_click_keeps_its_time() -> None:
    """The same checksum seen again is the same click and does not win over a later channel."""
    checksum = awc(C - 3 * DAY)
    touches = [click(1, 3 * DAY, checksum), touch(2, 2 * DAY, "ppc"), click(3, DAY, checksum)]
    attribution = decide(order(), touches, RULES)
    assert outcome(attribution) == ("ppc", "last_click", (checksum,))
    assert verdicts(attribution) == {2: "won", 3: "same_click", 1: "earlier"}


@pytest.mark.parametrize(
    ("before_landing_ms", "counts_at_ms"),
    [
        (0, C - DAY),
        (5 * MINUTE, C - DAY),
        (5 * MINUTE + 1000, C - DAY - 5 * MINUTE - 1000),
        (9 * DAY, C - 10 * DAY),
        (-1000, C - DAY),
        (-40 * DAY, C - DAY),
    ],
)
def test_time_of_a_click(before_landing_ms: int, counts_at_ms: int) -> None:
    """A click counts at its checksum's time, unless that is after the landing or at most five minutes before it."""
    attribution = decide(order(), [click(1, DAY, awc(C - DAY - before_landing_ms))], RULES)
    assert attribution.evidence[0].clicked_at_ms == counts_at_ms
    assert attribution.evidence[0].landed_at_ms == C - DAY


def test_gclid_click_counts_at_its_landing() -> None:
    """The gclid form has no time of its own and no programme; it is sent as the normal checksum."""
    attribution = decide(order(), [click(1, DAY, "gclid_7_x", Kind.GCLID)], RULES)
    assert outcome(attribution) == ("aw", "last_click", ("gclid_7_x",))
    assert attribution.evidence[0].clicked_at_ms == C - DAY


def test_click_older_than_the_window_does_not_count() -> None:
    """An old click that lands again within the window is seen, but neither wins nor is sent."""
    edge, old = awc(C - 30 * DAY), awc(C - 30 * DAY - 1000)
    attribution = decide(order(), [click(1, MINUTE, old)], RULES)
    assert outcome(attribution) == ("na", "direct_only", ())
    assert verdicts(attribution) == {1: "outside_window"}
    assert outcome(decide(order(), [click(1, MINUTE, edge)], RULES)) == ("aw", "last_click", (edge,))


def test_click_of_another_programme_is_no_candidate() -> None:
    """Another advertiser's checksum neither wins nor is sent; the landing still shows that the visitor is known."""
    other = awc(C - DAY, advertiser="2002")
    attribution = decide(order(), [touch(1, 2 * DAY, "email"), click(2, DAY, other)], RULES)
    assert outcome(attribution) == ("email", "last_click", ())
    assert verdicts(attribution) == {2: "other_programme", 1: "won"}
    assert decide(order(), [click(2, DAY, other)], RULES).reason == "direct_only"
    assert decide(order(awc=other), [], RULES).reason == "no_landing"


def test_first_landing_gives_the_kind_of_a_click() -> None:
    """A click keeps the kind with which it was seen first."""
    checksum = awc(C - 2 * DAY)
    first_necessary = [click(1, 2 * DAY, checksum, Kind.STRICTLY_NECESSARY), click(2, DAY, checksum)]
    denied = decide(order(consent="denied"), first_necessary, RULES)
    assert denied.click_checksums == (checksum,)


def test_newest_checksum_of_each_kind_is_sent_normal_first() -> None:
    """Both kinds travel, whoever won, each with its newest click."""
    old, new = awc(C - 5 * DAY, "old"), awc(C - 4 * DAY, "new")
    necessary, older = awc(C - 2 * DAY, "sn"), awc(C - 3 * DAY, "snold")
    touches = [
        click(1, 5 * DAY, old),
        click(2, 4 * DAY, new),
        click(3, 3 * DAY, older, Kind.STRICTLY_NECESSARY),
        click(4, 2 * DAY, necessary, Kind.STRICTLY_NECESSARY),
        touch(5, DAY, "email"),
    ]
    assert outcome(decide(order(), touches, RULES)) == ("email", "last_click", (new, necessary))


def test_own_checksum_is_a_click_at_its_own_time() -> None:
    """A checksum that the order carries counts at its click's time, so a later landing wins and both may be told."""
    own = awc(C - 2 * DAY, "own")
    assert outcome(decide(order(awc=own), [touch(1, DAY, "email")], RULES)) == ("email", "last_click", (own,))
    assert outcome(decide(order(awc=own), [touch(1, 3 * DAY, "email")], RULES)) == ("aw", "last_click", (own,))


@pytest.mark.parametrize("own", [awc(C + DAY, "own"), "gclid_7_own"])
def test_own_checksum_counts_at_the_order_at_the_latest(own: str) -> None:
    """A click time after the order, or none, becomes the order's time, ranking after every session's landing."""
    attribution = decide(order(awc=own), [touch(2**62, 0, "email")], RULES)
    assert outcome(attribution) == ("aw", "last_click", (own,))
    evidence = attribution.evidence[0]
    assert (evidence.session_offset, evidence.clicked_at_ms, evidence.rule) == (None, C, "order")


def test_own_checksum_seen_on_a_landing_is_that_click() -> None:
    """When a landing has the same checksum, the landing's time and kind hold."""
    checksum = awc(C - 2 * DAY)
    touches = [click(1, 2 * DAY, checksum, Kind.STRICTLY_NECESSARY), touch(2, DAY, "email")]
    attribution = decide(order(awc=checksum, consent="denied"), touches, RULES)
    assert outcome(attribution) == ("email", "last_click", (checksum,))
    assert verdicts(attribution) == {2: "won", None: "same_click", 1: "earlier"}


def test_own_checksum_older_than_the_window_does_not_count() -> None:
    """The window holds for the order's own click too."""
    attribution = decide(order(awc=awc(C - 31 * DAY)), [], RULES)
    assert outcome(attribution) == ("aw", "no_landing", ())
    assert verdicts(attribution) == {None: "outside_window"}


def test_own_channel_is_trusted() -> None:
    """By default the order's own channel is the decision, and a checksum is still told."""
    checksum = awc(C - DAY)
    attribution = decide(order(channel="tv"), [click(1, DAY, checksum)], RULES)
    assert outcome(attribution) == ("tv", "order_channel", (checksum,))
    assert verdicts(attribution) == {None: "won", 1: "earlier"}


def test_own_channel_taken_as_a_touch_ranks_last() -> None:
    """As a touch it happens at the order, after everything else there."""
    rules = replace(RULES, order_channel="touch")
    attribution = decide(order(channel="tv", awc="gclid_7_x"), [touch(1, 0, "email")], rules)
    assert outcome(attribution) == ("tv", "last_click", ("gclid_7_x",))


def test_without_a_model_everything_is_awins() -> None:
    """``attribution.model: none`` always tells Awin's channel, and the checksums as ever."""
    checksum = awc(C - 2 * DAY)
    touches = [click(1, 2 * DAY, checksum), touch(2, DAY, "email"), touch(3, MINUTE)]
    attribution = decide(order(channel="tv"), touches, replace(RULES, model="none"))
    assert outcome(attribution) == ("aw", "no_model", (checksum,))
    assert set(verdicts(attribution).values()) == {Verdict.NO_MODEL, Verdict.DIRECT}


@pytest.mark.parametrize(
    ("statements", "own", "is_sent"),
    [
        ([], None, True),
        (["denied"], None, False),
        (["granted", "denied"], None, False),
        (["denied", "granted"], None, True),
        (["denied", "unknown", None], None, False),
        (["denied"], "granted", True),
        (["granted"], "denied", False),
        (["denied"], "unknown", False),
    ],
)
def test_consent(statements: list[Consent | None], own: Consent | None, *, is_sent: bool) -> None:
    """The last statement holds, the order's own before all; a refusal keeps back the normal checksum only."""
    normal, necessary = awc(C - 3 * DAY, "n"), awc(C - 4 * DAY, "sn")
    touches = [click(1, 3 * DAY, normal), click(2, 4 * DAY, necessary, Kind.STRICTLY_NECESSARY)]
    touches += [touch(10 + n, DAY - n * MINUTE, consent=consent) for n, consent in enumerate(statements)]
    attribution = decide(order(consent=own), touches, RULES)
    assert outcome(attribution) == ("aw", "last_click", (normal, necessary) if is_sent else (necessary,))
    assert verdicts(attribution)[1] == ("won" if is_sent else "won_no_consent")


def test_consent_given_later_in_the_session_counts() -> None:
    """A repeated session record changes nothing but consent, and so does one of another programme's click."""
    checksum, other = awc(C - DAY), awc(C - DAY, advertiser="2002")
    first = click(1, DAY, checksum, session_id="s", consent="granted")
    update = click(2, DAY, checksum, session_id="s", consent="denied")
    assert decide(order(), [first, update], RULES).click_checksums == ()
    assert decide(order(), [first, click(3, MINUTE, other, consent="denied")], RULES).click_checksums == ()


def test_a_refusal_older_than_the_window_is_forgotten() -> None:
    """As any landing of that age is."""
    checksum = awc(C - DAY)
    for age_ms, sent in ((30 * DAY, ()), (30 * DAY + 1, (checksum,))):
        touches = [touch(1, age_ms, consent="denied"), click(2, DAY, checksum)]
        assert decide(order(), touches, RULES).click_checksums == sent


def test_refused_checksum_that_did_not_win_says_so() -> None:
    """Evidence tells a checksum that consent kept back from one that was only earlier."""
    touches = [click(1, 3 * DAY, awc(C - 3 * DAY, "old")), click(2, 2 * DAY, awc(C - 2 * DAY, "new"))]
    attribution = decide(order(consent="denied"), [*touches, touch(3, DAY, "email")], RULES)
    assert verdicts(attribution) == {3: "won", 2: "no_consent", 1: "earlier"}


def test_refused_gclid_checksum_is_not_sent() -> None:
    """The gclid form is not strictly necessary."""
    assert decide(order(consent="denied"), [click(1, DAY, "gclid_7_x", Kind.GCLID)], RULES).click_checksums == ()


def test_evidence_is_the_newest_twenty() -> None:
    """Evidence is cut to the newest touches, newest first."""
    attribution = decide(order(), [touch(n, n * MINUTE, "email") for n in range(30)], RULES)
    assert list(verdicts(attribution)) == list(range(20))


def test_evidence_always_has_what_decided() -> None:
    """Many direct landings do not push the winner or a sent checksum out of the evidence."""
    checksum = awc(C - 9 * DAY)
    touches = [touch(n, n * MINUTE) for n in range(30)]
    attribution = decide(order(), [*touches, touch(50, 8 * DAY, "email"), click(51, 9 * DAY, checksum)], RULES)
    assert list(verdicts(attribution)) == [*range(18), 50, 51]


CHECKSUMS = [
    awc(C - DAY),
    awc(C - 40 * DAY),
    awc(C - 2 * DAY, advertiser="2002"),
    "gclid_7_x",
    "not-a-checksum",
]
TOUCHES = st.lists(
    st.builds(
        Touch,
        offset=st.integers(0, 60),
        landed_at_ms=st.sampled_from([C - 30 * DAY, C - 2 * DAY, C - DAY, C - MINUTE, C]),
        watermark_before_ms=st.integers(C, C + 9_999),
        session_id=st.sampled_from("ab"),
        channel=st.sampled_from([None, "email", "ppc"]),
        awc=st.none() | st.sampled_from(CHECKSUMS),
        kind=st.sampled_from([kind for kind in Kind if kind < Kind.ERASED]).map(int),
        consent=st.sampled_from([None, "granted", "denied", "unknown"]),
    ),
    max_size=30,
    unique_by=lambda touch: touch.offset,
)
ORDERS = st.builds(
    order,
    awc=st.none() | st.sampled_from(CHECKSUMS),
    channel=st.sampled_from([None, "tv"]),
    consent=st.sampled_from([None, "granted", "denied"]),
)
ALL_RULES = st.builds(
    Rules,
    advertiser_id=st.just("1001"),
    model=st.sampled_from(["last_click", "none"]),
    order_channel=st.sampled_from(["trust", "touch"]),
)
CUTS = st.none() | st.integers(0, 60)


@given(ORDERS, TOUCHES, ALL_RULES, CUTS, st.randoms(use_true_random=False))
def test_order_of_touches_does_not_matter(
    said: OrderCompleted, touches: list[Touch], rules: Rules, cut: int | None, random: Random
) -> None:
    """The decision and its evidence are the same however the touches come."""
    shuffled = random.sample(touches, len(touches))
    assert decide(said, shuffled, rules, cut) == decide(said, touches, rules, cut)


@given(ORDERS, TOUCHES, TOUCHES, ALL_RULES, CUTS, st.randoms(use_true_random=False))
def test_touches_that_the_order_does_not_see_do_not_matter(
    said: OrderCompleted, touches: list[Touch], more: list[Touch], rules: Rules, cut: int | None, random: Random
) -> None:
    """State may still hold, or no longer hold, what is invisible: the decision and its evidence are the same."""
    too_late = replace(touches[0], offset=999, watermark_before_ms=C + 10_000) if touches and cut is None else None
    hidden = [replace(m, offset=m.offset + 100, landed_at_ms=random.choice([C + 1, C - 30 * DAY - 1])) for m in more]
    with_hidden = [*hidden, *touches, *([too_late] if too_late else [])]
    assert decide(said, with_hidden, rules, cut) == decide(said, touches, rules, cut)


@given(ORDERS, TOUCHES, ALL_RULES, CUTS)
def test_a_decision_is_consistent(said: OrderCompleted, touches: list[Touch], rules: Rules, cut: int | None) -> None:
    """At most one touch won, with the channel told; what is sent is in the evidence, which is newest first."""
    attribution = decide(said, touches, rules, cut)
    evidence = attribution.evidence
    winners = [item for item in evidence if item.verdict.startswith("won")]
    ranks = [(item.clicked_at_ms, item.landed_at_ms, item.session_offset or 2**64) for item in evidence]
    assert [item.channel for item in winners] in ([], [attribution.channel])
    assert bool(winners) == (attribution.reason in {"last_click", "order_channel"})
    assert set(attribution.click_checksums) <= {item.awc for item in evidence}
    assert len(attribution.click_checksums) <= 2
    assert len(evidence) <= MAX_EVIDENCE
    assert [rank[:2] for rank in ranks] == sorted((rank[:2] for rank in ranks), reverse=True)
    assert {item.verdict for item in evidence} <= set(Verdict)


WINDOWS = Rules(advertiser_id="1001", windows_ms={"ppcgoogle": 7 * DAY, "aw": 3 * DAY})


@pytest.mark.parametrize(
    ("touches", "expected"),
    [
        ([touch(1, 7 * DAY, "ppcgoogle")], ("ppcgoogle", "last_click", ())),
        ([touch(1, 7 * DAY + 1, "ppcgoogle")], ("na", "direct_only", ())),
        ([touch(1, 9 * DAY, "email"), touch(2, 8 * DAY, "ppcgoogle")], ("email", "last_click", ())),
        ([click(1, 3 * DAY, awc(C - 3 * DAY))], ("aw", "last_click", (awc(C - 3 * DAY),))),
        ([click(1, 2 * DAY, awc(C - 4 * DAY))], ("na", "direct_only", ())),
        ([click(1, 4 * DAY, awc(C - 4 * DAY)), touch(2, 5 * DAY, "email")], ("email", "last_click", ())),
    ],
)
def test_a_channel_may_have_a_shorter_window(touches: list[Touch], expected: tuple[str, str, tuple[str, ...]]) -> None:
    """What is older does not count, up to the very edge; it still shows that the visitor is known."""
    attribution = decide(order(), touches, WINDOWS)
    assert outcome(attribution) == expected
    assert {Verdict.OUTSIDE_WINDOW.value} >= set(verdicts(attribution).values()) - {"won", "earlier"}


@pytest.mark.parametrize(
    ("missing", "markets", "market", "stated", "sent"),
    [
        ("assume", {}, None, None, True),
        ("deny", {}, None, None, False),
        ("deny", {}, "de", "granted", True),
        ("assume", {"de": "deny"}, "de", None, False),
        ("assume", {"de": "deny"}, "de", "unknown", False),
        ("assume", {"de": "deny"}, "fr", None, True),
        ("deny", {"fr": "assume"}, "fr", None, True),
        ("assume", {"de": "deny"}, None, None, True),
        ("assume", {"de": "deny"}, "DE", None, False),
        ("deny", {"de": "assume"}, "De", None, True),
    ],
)
def test_what_silence_about_consent_means(
    missing: str,
    markets: dict[str, str],
    market: str | None,
    stated: Consent | None,
    sent: bool,  # noqa: FBT001
) -> None:
    """It is a setting, by market of the order; any statement goes before it."""
    rules = Rules(advertiser_id="1001", consent_missing=missing, consent_missing_in=markets)  # type: ignore[arg-type]
    checksum = awc(C - DAY)
    attribution = decide(order(market=market), [click(1, DAY, checksum, consent=stated)], rules)
    assert attribution.click_checksums == ((checksum,) if sent else ())
    assert attribution.channel == "aw"


def test_silence_withholds_no_strictly_necessary_checksum() -> None:
    """As a refusal does not."""
    rules = Rules(advertiser_id="1001", consent_missing="deny")
    normal, necessary = awc(C - DAY), awc(C - 2 * DAY, "s")
    touches = [click(1, DAY, normal), click(2, 2 * DAY, necessary, Kind.STRICTLY_NECESSARY)]
    assert decide(order(), touches, rules).click_checksums == (necessary,)
