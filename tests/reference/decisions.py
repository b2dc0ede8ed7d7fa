"""Sections 2, 3 and 4 worked out by hand: one order at noon, and what its visitor's landings make of it."""

from __future__ import annotations

from typing import Any, NamedTuple

from consumer.attribution.channel_rule import Rule
from consumer.demo.reference import LoggedSession
from tests.reference.cases import DIRECT, GOOGLE_AD, NEWSLETTER, awc, by, landing

NO_CHECKSUM: tuple[str, ...] = ()
NO_CHANGE: dict[str, Any] = {}


class Case(NamedTuple):
    """Landings, and the channel, reason and checksums of an order at noon."""

    landings: list[LoggedSession]
    channel: str
    why: str = "last_click"
    checksums: tuple[str, ...] = NO_CHECKSUM
    order: dict[str, Any] = NO_CHANGE
    rules: dict[str, Any] = NO_CHANGE
    cut: int | None = None


VISIBILITY = {
    "landed with the order": Case([landing(0, GOOGLE_AD)], "ppcgoogle"),
    "landed after the order": Case([landing(0.001, GOOGLE_AD)], "aw", "no_landing"),
    "landed at the window's edge": Case([landing(-1000, GOOGLE_AD)], "ppcgoogle"),
    "landed before the window": Case([landing(-1000.001, GOOGLE_AD)], "aw", "no_landing"),
    "of another visitor": Case([landing(-1, GOOGLE_AD, visitor="bob")], "aw", "no_landing"),
    "in another partition": Case([landing(-1, GOOGLE_AD, partition=1)], "aw", "no_landing"),
    "late, watermark still below the grace": Case(
        [landing(9.999, visitor="bob"), landing(-1, GOOGLE_AD)],
        "ppcgoogle",
    ),
    "late, watermark at the end of the grace": Case(
        [landing(10, visitor="bob"), landing(-1, GOOGLE_AD)], "aw", "no_landing"
    ),
    "late in another partition only": Case(
        [landing(10, visitor="bob", partition=1), landing(-1, GOOGLE_AD)], "ppcgoogle"
    ),
    "a record time behind the event holds the watermark": Case(
        [landing(50, visitor="bob", stamped_s=9), landing(-1, GOOGLE_AD)], "ppcgoogle"
    ),
    "a session from the future moves no watermark": Case(
        [landing(70, visitor="bob", stamped_s=9.999), landing(-1, GOOGLE_AD)], "ppcgoogle"
    ),
    "a session from the future is no touch": Case([landing(-1, GOOGLE_AD, stamped_s=-61.001)], "aw", "no_landing"),
    "a session just not from the future": Case([landing(-1, GOOGLE_AD, stamped_s=-61)], "ppcgoogle"),
    "the watermark never falls": Case(
        [landing(10, visitor="bob"), landing(-5, visitor="bob"), landing(-1, GOOGLE_AD)], "aw", "no_landing"
    ),
    "forced, below the cut": Case([landing(-2, GOOGLE_AD), landing(-1, NEWSLETTER)], "ppcgoogle", cut=1),
    "forced before any session": Case([landing(-2, GOOGLE_AD)], "aw", "no_landing", cut=0),
    "order without visitor": Case([landing(-1, GOOGLE_AD)], "aw", "no_landing", order={"visitor_id": None}),
}

CLICKS = {
    "own time counts": Case(
        # The awc is shown again at -10, after the newsletter at -50, but was clicked at -100.
        [landing(-50, NEWSLETTER), landing(-10, by(awc(-100)))],
        "email",
        checksums=(awc(-100),),
    ),
    "landed within the click delay": Case(
        [landing(-25, NEWSLETTER), landing(-10, by(awc(-30)))], "aw", checksums=(awc(-30),)
    ),
    "landed just after the click delay": Case(
        [landing(-25, NEWSLETTER), landing(-9.999, by(awc(-30)))], "email", checksums=(awc(-30),)
    ),
    "own time after the landing": Case(
        [landing(-10, by(awc(5))), landing(-9, NEWSLETTER)], "email", checksums=(awc(5),)
    ),
    "the same awc again is the same click": Case(
        [landing(-90, by(awc(-100))), landing(-50, NEWSLETTER), landing(-10, by(awc(-100)))],
        "email",
        checksums=(awc(-100),),
    ),
    "the earliest landing gives the kind": Case(
        [landing(-10, by(awc(-12), "&sn=1")), landing(-11, by(awc(-12)))],
        "aw",
        checksums=(awc(-12),),
        order={"consent": "granted"},
    ),
    "of landings at one time the lower offset gives the kind": Case(
        [landing(-10, by(awc(-12), "&sn=1")), landing(-10, by(awc(-12)))],
        "aw",
        checksums=(awc(-12),),
        order={"consent": "denied"},
    ),
    "click at the window's edge": Case([landing(-900, by(awc(-1000)))], "aw", checksums=(awc(-1000),)),
    "click before the window": Case([landing(-900, by(awc(-1001)))], "na", "direct_only"),
    "click of another advertiser": Case([landing(-1, by(awc(-2, advertiser="2002")))], "na", "direct_only"),
    "gclid form of another advertiser": Case([landing(-1, by("gclid_2002_x"))], "aw", checksums=("gclid_2002_x",)),
    "gclid form has its landing's time": Case(
        [landing(-20, by("gclid_1_x")), landing(-10, NEWSLETTER), landing(-5, by("gclid_1_x"))],
        "email",
        checksums=("gclid_1_x",),
    ),
    "a session's landing repeated keeps its time": Case(
        [landing(-20, GOOGLE_AD, session="s"), landing(-10, NEWSLETTER), landing(-5, GOOGLE_AD, session="s")], "email"
    ),
    "another session's landing has its own time": Case(
        [landing(-20, GOOGLE_AD, session="s"), landing(-10, NEWSLETTER), landing(-5, GOOGLE_AD, session="t")],
        "ppcgoogle",
    ),
    "another channel in one session has its own time": Case(
        [landing(-20, GOOGLE_AD, session="s"), landing(-10, NEWSLETTER, session="s")], "email"
    ),
    "order's own awc": Case([landing(-50, NEWSLETTER)], "aw", checksums=(awc(-40),), order={"awc": awc(-40)}),
    "order's own awc, clicked before": Case(
        # The click delay speaks of landings only: -5 it is, and the newsletter at -1 is later.
        [landing(-1, NEWSLETTER)],
        "email",
        checksums=(awc(-5),),
        order={"awc": awc(-5)},
    ),
    "order's own awc from after the order": Case([], "aw", checksums=(awc(7),), order={"awc": awc(7)}),
    "order's own awc, seen on a landing": Case(
        [landing(-90, by(awc(-100), "&sn=1"))],
        "aw",
        checksums=(awc(-100),),
        order={"awc": awc(-100), "consent": "denied"},
    ),
    "order's own awc, its landing not seen": Case(
        [landing(10, visitor="bob"), landing(-90, by(awc(-100), "&sn=1"))],
        "aw",
        checksums=NO_CHECKSUM,
        order={"awc": awc(-100), "consent": "denied"},
    ),
    "order's own awc of the gclid form": Case(
        [landing(0, NEWSLETTER)], "aw", checksums=("gclid_1_x",), order={"awc": "gclid_1_x"}
    ),
    "order's own awc of another advertiser": Case(
        [], "aw", "no_landing", order={"awc": awc(-1, advertiser="2002"), "visitor_id": None}
    ),
    "order's own awc before the window": Case([], "aw", "no_landing", order={"awc": awc(-1001)}),
    "order's own awc without visitor": Case([], "aw", checksums=(awc(-1),), order={"awc": awc(-1), "visitor_id": None}),
}

DECISIONS = {
    "nothing known": Case([], "aw", "no_landing"),
    "nothing known, by another name": Case([], "none", "no_landing", rules={"channel_unknown": "none"}),
    "direct only": Case([landing(-1)], "na", "direct_only"),
    "direct only, by another name": Case([landing(-1)], "direct", "direct_only", rules={"channel_none": "direct"}),
    "direct never overwrites": Case([landing(-10, GOOGLE_AD), landing(-1, DIRECT)], "ppcgoogle"),
    "the last click wins": Case([landing(-1, NEWSLETTER), landing(-2, GOOGLE_AD)], "email"),
    "of two at one time the higher offset wins": Case([landing(-1, NEWSLETTER), landing(-1, GOOGLE_AD)], "ppcgoogle"),
    "of two clicks at one time the later landing wins": Case(
        [landing(-10, by(awc(-100, "a"))), landing(-11, by(awc(-100, "b")))], "aw", checksums=(awc(-100, "a"),)
    ),
    "no model": Case(
        [landing(-5, by(awc(-6))), landing(-1, NEWSLETTER)],
        "aw",
        "no_model",
        checksums=(awc(-6),),
        order={"channel": "ppc"},
        rules={"model": "none", "channel_unknown": "x"},
    ),
    "order's channel, trusted": Case(
        [landing(-1, by(awc(-2)))], "ppc", "order_channel", checksums=(awc(-2),), order={"channel": "ppc"}
    ),
    "order's channel as a touch": Case(
        [landing(0, GOOGLE_AD)],
        "ppc",
        checksums=("gclid_1_x",),
        order={"channel": "ppc", "awc": "gclid_1_x"},
        rules={"order_channel": "touch"},
    ),
    "two checksums, the normal one first": Case(
        [landing(-20, by(awc(-21, "n"))), landing(-40, by(awc(-41, "o"))), landing(-10, by(awc(-11, "s"), "&sn=1"))],
        "aw",
        checksums=(awc(-21, "n"), awc(-11, "s")),
    ),
    "gclid and normal are one kind": Case(
        [landing(-20, by(awc(-21))), landing(-10, by("gclid_1_x"))], "aw", checksums=("gclid_1_x",)
    ),
    "denied by a landing": Case(
        [landing(-20, by(awc(-21, "n")), consent="denied"), landing(-10, by(awc(-11, "s"), "&sn=1"))],
        "aw",
        checksums=(awc(-11, "s"),),
    ),
    "the last statement counts": Case(
        [landing(-5, consent="granted"), landing(-20, by(awc(-21)), consent="denied")], "aw", checksums=(awc(-21),)
    ),
    "of two statements at one time the higher offset counts": Case(
        [landing(-5, by(awc(-6)), consent="granted"), landing(-5, consent="denied")], "aw"
    ),
    "unknown is no statement": Case(
        [landing(-20, by(awc(-21)), consent="denied"), landing(-5, consent="unknown")],
        "aw",
        order={"consent": "unknown"},
    ),
    "a repeated session states consent": Case(
        [
            landing(-20, by(awc(-21)), session="s", consent="unknown"),
            landing(-15, by(awc(-21)), session="s", consent="denied"),
        ],
        "aw",
    ),
    "a statement that came too late": Case(
        [landing(-20, by(awc(-21))), landing(10), landing(-5, consent="denied")], "aw", checksums=(awc(-21),)
    ),
    "the order's own statement": Case(
        [landing(-20, by(awc(-21)), consent="denied")], "aw", checksums=(awc(-21),), order={"consent": "granted"}
    ),
    "denied on the order, awc of its own": Case([], "aw", order={"awc": awc(-1), "consent": "denied"}),
    "another programme's landing states consent": Case(
        [landing(-20, by(awc(-21))), landing(-10, by(awc(-11, advertiser="2002")), consent="denied")], "aw"
    ),
}

SHORT = {"windows_ms": {"aw": 500_000, "ppcgoogle": 100_000, "email": 0}}

WINDOWS = {
    "landing at its channel's edge": Case([landing(-100, GOOGLE_AD)], "ppcgoogle", rules=SHORT),
    "landing before its channel's window": Case([landing(-100.001, GOOGLE_AD)], "na", "direct_only", rules=SHORT),
    "a window of nothing": Case([landing(-5, GOOGLE_AD), landing(-0.001, NEWSLETTER)], "ppcgoogle", rules=SHORT),
    "a window of nothing, landed with the order": Case([landing(0, NEWSLETTER)], "email", rules=SHORT),
    "a channel without a window has the longest": Case(
        [landing(-1000, "https://shop.example/?utm_source=x")], "other", rules=SHORT
    ),
    "an earlier channel wins when the later one is outside its window": Case(
        [landing(-400, by(awc(-401))), landing(-200, GOOGLE_AD)], "aw", checksums=(awc(-401),), rules=SHORT
    ),
    "click at the edge of aw": Case([landing(-450, by(awc(-500)))], "aw", checksums=(awc(-500),), rules=SHORT),
    "click before the window of aw": Case([landing(-450, by(awc(-501)))], "na", "direct_only", rules=SHORT),
    "landing before the window of aw, clicked just before": Case(
        [landing(-500.001, by(awc(-501)))], "na", "direct_only", rules=SHORT
    ),
    "order's own awc before the window of aw": Case([], "aw", "no_landing", order={"awc": awc(-501)}, rules=SHORT),
    "a repeat within the window does not make its landing younger": Case(
        [landing(-101, GOOGLE_AD, session="s"), landing(-1, GOOGLE_AD, session="s")], "na", "direct_only", rules=SHORT
    ),
    "another session within the window": Case(
        [landing(-101, GOOGLE_AD, session="s"), landing(-1, GOOGLE_AD, session="t")], "ppcgoogle", rules=SHORT
    ),
    "the window of aw is also that of a line of the table": Case(
        [landing(-500.001, "https://shop.example/partners?x=y")],
        "na",
        "direct_only",
        rules={**SHORT, "channel_rules": (Rule(name="partners", channel="aw", landing_path=("/partners",)),)},
    ),
    "outside its window, yet a statement": Case(
        [landing(-200, GOOGLE_AD, consent="denied"), landing(-10, by(awc(-11)))],
        "aw",
        order={"market": "de"},
        rules={**SHORT, "consent_missing_in": {"de": "assume"}},
    ),
    "order's channel has no window": Case(
        [], "email", order={"channel": "email"}, rules={**SHORT, "order_channel": "touch"}
    ),
}

DENY = {"consent_missing": "deny"}
DENY_IN_DE = {"consent_missing_in": {"de": "deny"}}
ASSUME_IN_DE = {"consent_missing": "deny", "consent_missing_in": {"de": "assume"}}

SILENCE = {
    "no statement is consent": Case([landing(-5, by(awc(-6)))], "aw", checksums=(awc(-6),)),
    "no statement is a refusal": Case([landing(-5, by(awc(-6)))], "aw", rules=DENY),
    "unknown is no statement either": Case(
        [landing(-5, by(awc(-6)), consent="unknown")], "aw", order={"consent": "unknown"}, rules=DENY
    ),
    "a refusal leaves the strictly necessary checksum": Case(
        [landing(-5, by(awc(-6))), landing(-4, by(awc(-5), "&sn=1"))], "aw", checksums=(awc(-5),), rules=DENY
    ),
    "a landing's statement is one": Case(
        [landing(-9, consent="granted"), landing(-5, by(awc(-6)))], "aw", checksums=(awc(-6),), rules=DENY
    ),
    "the order's statement is one": Case(
        [landing(-5, by(awc(-6)))], "aw", checksums=(awc(-6),), order={"consent": "granted"}, rules=DENY
    ),
    "a market's refusal": Case([landing(-5, by(awc(-6)))], "aw", order={"market": "de"}, rules=DENY_IN_DE),
    "a market's consent": Case(
        [landing(-5, by(awc(-6)))], "aw", checksums=(awc(-6),), order={"market": "de"}, rules=ASSUME_IN_DE
    ),
    "a market's consent, in capitals": Case(
        [landing(-5, by(awc(-6)))], "aw", checksums=(awc(-6),), order={"market": "DE"}, rules=ASSUME_IN_DE
    ),
    "another market": Case([landing(-5, by(awc(-6)))], "aw", order={"market": "fr"}, rules=ASSUME_IN_DE),
    "no market": Case([landing(-5, by(awc(-6)))], "aw", checksums=(awc(-6),), order={"market": ""}, rules=DENY_IN_DE),
    "a statement in a market that refuses": Case(
        [landing(-5, by(awc(-6)), consent="granted")],
        "aw",
        checksums=(awc(-6),),
        order={"market": "de"},
        rules=DENY_IN_DE,
    ),
    "a statement that came too late is none": Case(
        [landing(-5, by(awc(-6))), landing(10), landing(-1, consent="granted")], "aw", rules=DENY
    ),
    "no visitor, no statement": Case([], "aw", order={"visitor_id": None, "awc": awc(-1)}, rules=DENY),
}

CASES = {**VISIBILITY, **CLICKS, **DECISIONS, **WINDOWS, **SILENCE}
