"""Single orders decided again, held against what the stage decided."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from consumer.attribution.rules import Condition, Rulebook, Rules
from consumer.errors import Unavailable
from consumer.events import Conversion, OrderLine
from consumer.inspect.explanation import Explanation
from consumer.inspect.topic_reader import Span
from consumer.inspect.traces import DecidedAgain
from consumer.stream.log import Record, TopicPartition
from tests.attribute.cluster import ORDERS, SESSIONS, START_MS
from tests.inspect.log_reader import LogReader
from tests.inspect.shop import Shop

RULES = Rules(advertiser_id="1001", window_ms=1_000_000, grace_ms=10_000, max_clock_skew_ms=60_000)
AWIN = replace(RULES, report="awin")
FRENCH = Condition("market", frozenset({"fr"}))
LETTER = "https://shop.example/?utm_medium=email"
GOOGLE = "https://shop.example/?gclid=x"
DIRECT = "https://shop.example/"
AWC = "1001_1700000900_abc"
CLICK = f"https://shop.example/?awc={AWC}"


def again(found: Explanation) -> DecidedAgain:
    """Return the decision that was made again."""
    assert found.conversion is None
    assert found.again is not None
    return found.again


def outcome(said: Conversion) -> tuple[str, str, tuple[str, ...]]:
    """Return channel, reason and checksums."""
    return said.channel, said.reason, said.click_checksums


def expired(shop: Shop, ref: str = "R1") -> tuple[Conversion, Explanation]:
    """Return an order's conversion, and what is told of the order when that has expired."""
    before = shop.explained(ref).conversion
    assert before is not None
    shop.expire_conversions()
    return before.conversion, shop.explained(ref)


def test_an_order_that_is_not_reported_shows_the_whole_chain() -> None:
    """Of a programme that reports only Awin's: touches, consent, arithmetic, as if there were a conversion."""
    shop = Shop(AWIN)
    shop.landed(-100, LETTER, consent="granted")
    shop.landed(-50, DIRECT)
    shop.ordered("R1")
    shop.end(60)
    found = shop.explained("R1")
    assert found.state == "not_reportable"
    assert again(found).agrees is True
    assert outcome(again(found).conversion) == ("email", "last_click", ())
    assert [(each.rule, each.verdict, each.consent) for each in found.touches] == [
        (None, "direct", None),
        ("utm_email", "won", "granted"),
    ]
    assert found.consent is not None
    assert (found.consent.said_by, found.consent.statement) == ("landing", "granted")
    assert found.arithmetic is not None
    assert found.arithmetic.agrees
    assert (found.request, found.notes) == ({}, ())


def test_an_order_worth_nothing_shows_the_whole_chain() -> None:
    """It was never decided, so there is nothing to compare with."""
    shop = Shop(Rulebook((replace(RULES, advertiser_id="2002", when=(FRENCH,)), replace(RULES, zero_value="skip"))))
    shop.landed(-100, CLICK)
    shop.ordered("R1", subtotal=Decimal(0))
    shop.end(60)
    found = shop.explained("R1")
    assert (found.state, found.programme) == ("zero_value", "1001")
    assert again(found).agrees is None
    assert outcome(again(found).conversion) == ("aw", "last_click", (AWC,))
    assert found.consent is not None


def test_an_order_that_waits_shows_what_there_is_so_far() -> None:
    """As it would be decided by the sessions that are there."""
    shop = Shop(RULES)
    shop.landed(-100, LETTER)
    shop.ordered("R1")
    shop.end(5)
    assert outcome(again(shop.explained("R1")).conversion) == ("email", "last_click", ())
    shop.landed(-5, CLICK, stamped_s=6)
    found = shop.explained("R1")
    assert (found.state, again(found).agrees) == ("pending", None)
    assert outcome(again(found).conversion) == ("aw", "last_click", (AWC,))


def test_an_order_whose_conversion_has_expired_is_told_from_its_sessions() -> None:
    """As the conversion had it, also where the order came late."""
    shop = Shop(RULES)
    shop.landed(-100, CLICK, consent="granted")
    shop.landed(-50, LETTER)
    shop.landed(-40, GOOGLE, "bob")
    shop.ordered("R1")
    shop.end(60)
    shop.landed(70, GOOGLE)
    shop.ordered("R2", stamped_s=900)
    shop.end(1_000)
    second = shop.explained("R2").conversion
    assert second is not None
    conversion, found = expired(shop)
    assert (found.state, again(found).agrees) == ("remembered", True)
    assert again(found).conversion == conversion
    assert again(shop.explained("R2")).conversion == second.conversion


def test_a_forced_decision_is_made_again_by_its_cut() -> None:
    """A session that came after it is not seen, whatever its time."""
    shop = Shop(RULES, forces=True)
    shop.landed(-100, LETTER)
    shop.ordered("R1")
    shop.work()
    shop.quiet()
    shop.landed(-50, GOOGLE)
    shop.end(60)
    conversion, found = expired(shop)
    assert conversion.session_cut == 1
    assert again(found).conversion == conversion


@pytest.mark.parametrize(
    ("landing", "in_time"),
    [({"stamped_s": 61}, False), ({"stamped_s": 611}, False), ({"stamped_s": 609}, True)],
    ids=["after a later one of his own", "long after the order", "which of others only the stage knew"],
)
def test_sessions_that_came_too_late_are_left_out_as_far_as_is_known(landing: dict[str, Any], *, in_time: bool) -> None:
    """By the visitor's other sessions, and by the record's time; the answer says that it is not what was decided."""
    shop = Shop(RULES)
    shop.landed(-100, LETTER)
    shop.ordered("R1")
    shop.end(60)
    if landing["stamped_s"] == 61:
        shop.landed(60, DIRECT)
    shop.landed(-50, CLICK, **landing)
    shop.end(1_000)
    conversion, found = expired(shop)
    assert outcome(conversion)[0] == "email"
    assert (again(found).agrees, again(found).conversion.channel) == ((False, "aw") if in_time else (True, "email"))


def test_an_order_that_came_late_with_all_else_finds_its_sessions() -> None:
    """Where the shop's records were delayed, or copied from another cluster."""
    shop = Shop(RULES)
    shop.landed(-100, LETTER, stamped_s=7_000)
    shop.ordered("R1", stamped_s=7_001)
    shop.end(60)
    conversion, found = expired(shop)
    assert (again(found).agrees, again(found).conversion) == (True, conversion)
    assert conversion.channel == "email"


def test_sessions_that_are_gone_are_told() -> None:
    """With the time since when there are any; the answer may be another then."""
    shop = Shop(RULES)
    shop.landed(-2_000, LETTER, "bob")
    shop.landed(-100, CLICK)
    shop.landed(-50, DIRECT)
    shop.ordered("R1")
    shop.end(60)
    whole = expired(shop)[1]
    assert (again(whole).agrees, again(whole).sessions_since_ms) == (True, None)
    shop.cluster.log.truncate(SESSIONS, 0, 1)
    assert again(shop.explained("R1")).sessions_since_ms == START_MS - 100_000
    shop.cluster.log.truncate(SESSIONS, 0, 2)
    found = shop.explained("R1")
    assert (again(found).agrees, again(found).sessions_since_ms) == (False, START_MS - 50_000)
    assert outcome(again(found).conversion) == ("na", "direct_only", ())


def test_an_order_of_a_forgotten_visitor_is_told_without_what_was_erased() -> None:
    """What came before the request is not dug up again; what came after it counts."""
    shop = Shop(RULES)
    shop.landed(-100, CLICK)
    shop.forget(-60)
    shop.landed(-50, LETTER)
    shop.work()
    shop.ordered("R1")
    shop.end(60)
    shop.forget(70)
    shop.work()
    conversion, found = expired(shop)
    assert conversion.notes == ("forgotten",)
    assert (again(found).agrees, again(found).conversion) == (True, conversion)
    assert found.forgotten is not None
    assert found.forgotten.asked_at_ms == START_MS - 60_000
    assert [each.rule for each in found.touches] == ["utm_email"]


def test_an_order_that_waited_at_the_request_saw_what_was() -> None:
    """Also where the clocks say that the request was first."""
    for asked_s in (1, -1):
        shop = Shop(RULES)
        shop.landed(-100, CLICK)
        shop.ordered("R1")
        shop.work()
        shop.forget(asked_s)
        shop.end(60)
        conversion, found = expired(shop)
        assert (conversion.session_cut, conversion.click_checksums) == (2, (AWC,))
        assert (again(found).agrees, again(found).conversion) == (True, conversion)
        assert found.forgotten is None


def test_an_order_forced_behind_a_request_did_not_see_what_was() -> None:
    """Though the request was the last session, as it is for an order that waited; and though the clocks differ."""
    for asked_s in (-1, 1):
        shop = Shop(RULES, forces=True)
        shop.landed(-100, CLICK)
        shop.forget(asked_s)
        if asked_s > 0:
            shop.landed(2, DIRECT, "bob", stamped_s=2)
        shop.work()
        shop.ordered("R1")
        shop.work()
        shop.quiet()
        conversion, found = expired(shop)
        assert (conversion.session_cut, conversion.notes) == (2 + (asked_s > 0), ("forgotten",))
        assert (again(found).agrees, again(found).conversion) == (True, conversion)


def test_an_order_without_visitor_has_no_touches() -> None:
    """But what it carried itself."""
    shop = Shop(AWIN)
    shop.ordered("R1", visitor=None, channel="tv")
    shop.end(60)
    found = again(shop.explained("R1"))
    assert outcome(found.conversion) == ("tv", "order_channel", ())
    assert (found.agrees, found.sessions_since_ms) == (True, None)


def test_without_its_record_or_its_programme_nothing_is_decided_again() -> None:
    """Nor where the settings would refuse it by now: what is remembered is all that can be told."""
    shop = Shop(AWIN)
    shop.landed(-100, LETTER)
    piece = OrderLine(product_id="p", unit_price=Decimal(3), quantity=1, amount=Decimal(3))
    shop.ordered("R1", lines=(piece,))
    shop.end(60)
    assert shop.explained("R1").again is not None
    for rules in (replace(AWIN, advertiser_id="2002"), replace(AWIN, parts_mismatch="reject")):
        shop.rulebook = Rulebook((rules,))
        found = shop.explained("R1", ["1001"])
        assert (found.state, found.again) == ("not_reportable", None)
    shop.rulebook = Rulebook((AWIN,))
    shop.cluster.log.truncate(ORDERS, 0, 1)
    assert shop.explained("R1").again is None


class Silent(LogReader):
    """A reader that gets no sessions."""

    def read(
        self, spans: Mapping[TopicPartition, Span], keys: Collection[bytes] | None = None
    ) -> Generator[Record, None, None]:
        if any(at.topic == SESSIONS for at in spans):
            raise Unavailable("the broker does not answer")
        return super().read(spans, keys)


def test_sessions_that_do_not_answer_are_noted() -> None:
    """The rest is told still."""
    shop = Shop(AWIN)
    shop.landed(-100, LETTER)
    shop.ordered("R1")
    shop.end(60)
    found = shop.explained("R1", reader=Silent(shop.cluster.log))
    assert found.notes == ("the broker does not answer",)
    assert (found.state, again(found).agrees) == ("not_reportable", False)
