"""Section 8 worked out by hand: order records, the settings of several programmes, and what becomes of each record."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from consumer.attribution.rules import Rulebook
from consumer.demo.reference import LoggedOrder, LoggedSession
from tests.reference.cases import GOOGLE_AD, RULES, awc, by, landing, line, log, ordered, when


class Sale(NamedTuple):
    """Records, settings, and the ending of each order record."""

    orders: list[LoggedOrder]
    rulebook: Rulebook
    endings: str
    """Of each: ``programme:ending``, or only the ending where it was judged before its programme; of a dead letter the
    reason."""
    sessions: Sequence[LoggedSession] = ()


FIRST, SECOND = RULES, replace(RULES, advertiser_id="2002")
GERMAN = replace(FIRST, when=when("market", "de"))
ANY = Rulebook((FIRST,))
ZERO = Decimal(0)

PROGRAMMES = {
    "the first whose conditions hold": Sale(
        [ordered(market="de"), ordered(offset=1, order_ref="R2", market="fr")],
        Rulebook((GERMAN, SECOND)),
        "1001:conversion 2002:conversion",
    ),
    "in the order of the settings": Sale([ordered(market="de")], Rulebook((SECOND, GERMAN)), "2002:conversion"),
    "none": Sale([ordered(market="fr")], Rulebook((GERMAN,)), "no_programme"),
    "all conditions must hold": Sale(
        [ordered(market="de"), ordered(offset=1, order_ref="R2", market="de", currency="GBP")],
        Rulebook((replace(FIRST, when=when("market", "de") + when("currency", "GBP")), SECOND)),
        "2002:conversion 1001:conversion",
    ),
    "capitals count": Sale([ordered(market="DE")], Rulebook((GERMAN, SECOND)), "2002:conversion"),
    "the absence of a field": Sale(
        [ordered(), ordered(offset=1, order_ref="R2", market=""), ordered(offset=2, order_ref="R3", market="de")],
        Rulebook((replace(FIRST, when=when("market", None, "fr")), SECOND)),
        "1001:conversion 1001:conversion 2002:conversion",
    ),
    "a field that has more values than those stated": Sale(
        [ordered(voucher_codes=("A", "B")), ordered(offset=1, order_ref="R2", voucher_codes=("",))],
        Rulebook((replace(FIRST, when=when("voucher_codes", "B")), replace(SECOND, when=when("voucher_codes", None)))),
        "1001:conversion 2002:conversion",
    ),
    "a field of any line": Sale(
        [
            ordered(lines=(line("60", category="hats"), line("40", category="shoes"))),
            ordered(offset=1, order_ref="R2", lines=(line("100", category="hats"),)),
            ordered(offset=2, order_ref="R3"),
        ],
        Rulebook((replace(FIRST, when=when("lines.category", "shoes", None)), SECOND)),
        "1001:conversion 2002:conversion 1001:conversion",
    ),
    "tests and others": Sale(
        [ordered(test=True), ordered(offset=1, order_ref="R2")],
        Rulebook((replace(FIRST, when=when("test", "true")), replace(SECOND, when=when("test", "false")))),
        "1001:conversion 2002:conversion",
    ),
    "an entry of custom": Sale(
        [ordered(custom={"shop": "b2b"}), ordered(offset=1, order_ref="R2", custom={"shop": ""})],
        Rulebook((replace(FIRST, when=when("custom.shop", "b2b")), replace(SECOND, when=when("custom.shop", None)))),
        "1001:conversion 2002:conversion",
    ),
    "a currency that its programme does not have": Sale(
        # No later programme is asked, and a currency that none can have is told as this too.
        [ordered(currency="GBP"), ordered(offset=1, currency="eur"), ordered(offset=2)],
        Rulebook((replace(FIRST, currencies=frozenset({"EUR"})), SECOND)),
        "1001:currency_not_enabled 1001:currency_not_enabled 1001:conversion",
    ),
    "no programme, before anything else is looked at": Sale(
        [ordered(market="fr", order_ref="")], Rulebook((GERMAN,)), "no_programme"
    ),
    "the same reference in two programmes": Sale(
        [
            ordered(market="de"),
            ordered(offset=1, market="fr", subtotal=Decimal(7)),
            ordered(offset=2, market="de", subtotal=Decimal(7)),
            ordered(offset=3, market="fr", subtotal=Decimal(7)),
        ],
        Rulebook((GERMAN, SECOND)),
        "1001:conversion 2002:conversion 1001:conflict 2002:duplicate",
    ),
    "a repeat in another currency, by which programmes are chosen": Sale(
        [ordered(), ordered(offset=1, currency="GBP"), ordered(offset=2, currency="GBP", subtotal=Decimal(7))],
        Rulebook((replace(FIRST, when=when("currency", "EUR")), SECOND)),
        "1001:conversion 2002:conversion 2002:conflict",
    ),
    "a repeat in another currency, programmes chosen by the shop": Sale(
        [ordered(custom={"shop": "b2b"}), ordered(offset=1, currency="GBP", custom={"shop": "b2b"})],
        Rulebook((replace(FIRST, when=when("custom.shop", "b2b")), SECOND)),
        "1001:conversion 1001:conflict",
    ),
    "a repeat that says less of its market": Sale(
        [ordered(market="de"), ordered(offset=1)], Rulebook((GERMAN, SECOND)), "1001:conversion 2002:conversion"
    ),
}

EXCLUDED = {
    "all conditions of a set": Sale(
        [
            ordered(market="de", test=True),
            ordered(offset=1, order_ref="R2", market="de"),
            ordered(offset=2, order_ref="R3", market="fr", test=True),
        ],
        Rulebook((FIRST,), (when("market", "de") + when("test", "true"),)),
        "not_reportable 1001:conversion 1001:conversion",
    ),
    "any set": Sale(
        [ordered(market="de"), ordered(offset=1, order_ref="R2", market="fr"), ordered(offset=2, order_ref="R3")],
        Rulebook((FIRST,), (when("market", "de"), when("market", "fr"))),
        "not_reportable not_reportable 1001:conversion",
    ),
    "before a programme is looked for": Sale(
        [ordered(market="fr")], Rulebook((GERMAN,), (when("market", "fr"),)), "not_reportable"
    ),
    "whatever else is wrong": Sale(
        [ordered(market="fr", subtotal=Decimal(-1), stamped_s=101)],
        Rulebook((FIRST,), (when("market", "fr"),)),
        "not_reportable",
    ),
    "not from the future": Sale(
        [ordered(market="fr", stamped_s=-61)], Rulebook((FIRST,), (when("market", "fr"),)), "event_time_in_future"
    ),
    "its reference stays free": Sale(
        [ordered(market="fr"), ordered(offset=1), ordered(offset=2, market="fr"), ordered(offset=3, currency="GBP")],
        Rulebook((FIRST,), (when("market", "fr"),)),
        "not_reportable 1001:conversion not_reportable 1001:conflict",
    ),
}

SKIP = Rulebook((replace(FIRST, zero_value="skip"),))

WORTHLESS = {
    "reported": Sale([ordered(subtotal=ZERO)], ANY, "1001:conversion"),
    "skipped": Sale([ordered(subtotal=ZERO)], SKIP, "1001:not_reportable"),
    "when rounded": Sale(
        [ordered(subtotal=Decimal("0.0049")), ordered(offset=1, order_ref="R2", subtotal=Decimal("0.005"))],
        SKIP,
        "1001:not_reportable 1001:conversion",
    ),
    "bad before worthless": Sale([ordered(subtotal=ZERO, channel="a b")], SKIP, "1001:bad_channel"),
    "worthless before a repeat": Sale(
        [ordered(subtotal=ZERO), ordered(offset=1), ordered(offset=2, subtotal=ZERO)],
        SKIP,
        "1001:not_reportable 1001:conversion 1001:not_reportable",
    ),
    "worthless before too late": Sale([ordered(subtotal=ZERO, stamped_s=101)], SKIP, "1001:not_reportable"),
}

ONLY_AWIN = Rulebook((replace(FIRST, report="awin"),))

CONCERNING = {
    "another channel without a checksum": Sale(
        [ordered()], ONLY_AWIN, "1001:not_reportable", log(landing(-1, GOOGLE_AD))
    ),
    "Awin's channel": Sale([ordered()], ONLY_AWIN, "1001:conversion", log(landing(-1, by(awc(-2))))),
    "another channel with a checksum": Sale(
        [ordered()], ONLY_AWIN, "1001:conversion", log(landing(-5, by(awc(-6))), landing(-1, GOOGLE_AD))
    ),
    "another channel, its checksum refused": Sale(
        [ordered(consent="denied")],
        ONLY_AWIN,
        "1001:not_reportable",
        log(landing(-5, by(awc(-6))), landing(-1, GOOGLE_AD)),
    ),
    "Awin's channel, its checksum refused": Sale(
        [ordered(consent="denied")], ONLY_AWIN, "1001:conversion", log(landing(-5, by(awc(-6))))
    ),
    "no landing known": Sale([ordered()], ONLY_AWIN, "1001:conversion"),
    "no landing known, by another name": Sale(
        [ordered()], Rulebook((replace(FIRST, report="awin", channel_unknown="other"),)), "1001:not_reportable"
    ),
    "only the programme's own rule": Sale(
        [ordered(market="de"), ordered(offset=1, order_ref="R2")],
        Rulebook((replace(GERMAN, report="awin"), SECOND)),
        "1001:not_reportable 2002:conversion",
        log(landing(-1, GOOGLE_AD)),
    ),
    "its reference is taken": Sale(
        [ordered(), ordered(offset=1, channel="aw"), ordered(offset=2, channel="aw", currency="GBP")],
        ONLY_AWIN,
        "1001:not_reportable 1001:duplicate 1001:conflict",
        log(landing(-1, GOOGLE_AD)),
    ),
}

OWN_CLICKS = {
    "each programme's own": Sale(
        # The order of the second programme has no click of its own: the first's is none of its.
        [ordered(market="de"), ordered(offset=1, order_ref="R2")],
        Rulebook((replace(GERMAN, report="awin"), replace(SECOND, report="awin", channel_none="na"))),
        "1001:conversion 2002:not_reportable",
        log(landing(-1, by(awc(-2)))),
    ),
    "each programme's own window": Sale(
        [ordered(market="de"), ordered(offset=1, order_ref="R2")],
        Rulebook((replace(GERMAN, report="awin", windows_ms={"aw": 100_000}), replace(SECOND, report="awin"))),
        "1001:not_reportable 2002:conversion",
        log(landing(-200, by(awc(-201))), landing(-199, by(awc(-201, advertiser="2002")))),
    ),
}

SALES = {**PROGRAMMES, **EXCLUDED, **WORTHLESS, **CONCERNING, **OWN_CLICKS}
