"""Whose word about consent held."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from consumer.attribution import conversion
from consumer.attribution.lastclick import MAX_EVIDENCE, Attribution
from consumer.attribution.rules import Rules
from consumer.events import Consent, Conversion, Evidence, OrderCompleted, Position, SessionLanded
from consumer.inspect.consent import ConsentFound, consent

RULES = Rules(advertiser_id="1001", consent_missing_in={"de": "deny"})
ORDER = OrderCompleted(order_id="1", order_ref="R", completed_at_ms=100, currency="EUR", subtotal=Decimal(1))


def decided(*touches: tuple[int | None, str]) -> Conversion:
    """Return a conversion that tells of touches at these session offsets, with these verdicts."""
    evidence = tuple(
        Evidence(
            session_offset=offset,
            landed_at_ms=offset or 0,
            clicked_at_ms=0,
            channel=None,
            rule=None,
            awc=None,
            verdict=word,
        )
        for offset, word in touches
    )
    attribution = Attribution("aw", "last_click" if evidence else "no_landing", (), evidence)
    return conversion.build(ORDER, b"", attribution, RULES, Position("o", 0, 0), None, entered_at_ms=0)


def landings(*said: tuple[int, Consent | None]) -> dict[int, SessionLanded]:
    """Return the records at these offsets, with what they say."""
    return {offset: SessionLanded("s", "v", offset, "https://shop.example/", consent=word) for offset, word in said}


def test_the_orders_own_word_comes_first() -> None:
    """Whatever the landings say, and though they may be gone."""
    found = consent(decided((1, "won")), replace(ORDER, consent="denied"), {}, RULES)
    assert found == ConsentFound(said_by="order", statement="denied", withheld=False)


def test_then_the_last_landing_that_says_something() -> None:
    """By its time; and it is told what came of it."""
    said = landings((1, "granted"), (2, "denied"), (3, None), (4, "unknown"))
    touches = [(offset, "no_consent" if offset == 1 else "direct") for offset in said]
    found = consent(decided(*touches, (None, "earlier")), ORDER, said, RULES)
    assert found == ConsentFound(said_by="landing", statement="denied", landed_at_ms=2, session_offset=2, withheld=True)


def test_of_nobody_the_settings_speak() -> None:
    """For the order's market, or all others."""
    said = landings((1, None))
    assert consent(decided((1, "won")), ORDER, said, RULES) == ConsentFound(
        said_by="nobody", statement="granted", withheld=False
    )
    german = replace(ORDER, market="de")
    assert consent(decided((1, "won_no_consent")), german, said, RULES) == ConsentFound(
        said_by="nobody", statement="denied", market="de", withheld=True
    )
    upper = replace(ORDER, market="DE")
    assert consent(decided((1, "won_no_consent")), upper, said, RULES) == ConsentFound(
        said_by="nobody", statement="denied", market="DE", withheld=True
    )


def test_what_is_gone_is_not_guessed() -> None:
    """Without the order, or one of the landings."""
    not_known = ConsentFound(said_by="not_known", statement=None, withheld=False)
    said = landings((1, "granted"))
    assert consent(decided((1, "won")), None, said, RULES) == not_known
    assert consent(decided((1, "won"), (2, "direct")), ORDER, said, RULES) == not_known


def test_touches_that_a_conversion_does_not_tell_of_may_have_spoken() -> None:
    """It tells of 20, though all of their records are there; and of none where it has no room for them."""
    many = [(offset, "direct") for offset in range(MAX_EVIDENCE)]
    there = landings(*((offset, "granted") for offset, _ in many))
    unknown = ConsentFound(said_by="many_touches", statement=None, withheld=False)
    assert consent(decided(*many), ORDER, there, RULES) == unknown
    assert consent(decided(*many), None, there, RULES) == unknown
    assert consent(decided(*many[1:]), ORDER, there, RULES).said_by == "landing"
    large = replace(decided(*many), evidence=())
    assert consent(large, ORDER, {}, RULES) == replace(unknown, said_by="left_out")
    assert consent(decided(), ORDER, {}, RULES).said_by == "nobody"
