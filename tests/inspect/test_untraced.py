"""What is explained of orders that left nothing but their record."""

from __future__ import annotations

from decimal import Decimal
from itertools import count

import pytest
from msgspec.structs import replace

from consumer.attribution.rules import Condition, Rulebook, Rules
from tests.attribute.cluster import DEAD_LETTERS, ORDER_STATE, ORDERS, START_MS
from tests.inspect.log_reader import LogReader
from tests.inspect.shop import Shop

RULES = Rules(advertiser_id="1001", window_ms=1_000_000, max_order_delay_ms=3_600_000, zero_value="skip")
FRENCH = replace(RULES, advertiser_id="2002", when=(Condition("market", frozenset({"fr"})),))
STAFF = (
    Condition("customer_type", frozenset({"RETURNING"})),
    Condition("voucher_codes", frozenset({"STAFF", "PRESS"})),
)
MARKETPLACE = (Condition("custom.source", frozenset({"marketplace"})),)
BOOK = Rulebook((FRENCH, RULES), (STAFF, MARKETPLACE))


def test_an_excluded_order_is_told_with_the_set_that_takes_it_out() -> None:
    """By its place and its conditions; it is no programme's."""
    shop = Shop(BOOK)
    shop.ordered("R1", custom={"source": "marketplace"})
    shop.ordered("R2", custom={"source": "marketplace"}, voucher_codes=("PRESS",), customer_type="RETURNING")
    shop.end(60)
    found = shop.explained("R1")
    assert (found.state, found.programme, found.since_ms) == ("excluded", None, None)
    assert found.excluded_by is not None
    assert found.excluded_by.number == 2
    (check,) = found.excluded_by.checks
    assert (check.field, check.wanted, check.found) == ("custom.source", ("marketplace",), ("marketplace",))
    assert found.order is not None
    assert (found.order.order.order_ref, found.order.recorded_at_ms) == ("R1", START_MS)
    first = shop.explained("R2").excluded_by
    assert first is not None
    assert (first.number, [each.found for each in first.checks]) == (1, [("RETURNING",), ("PRESS",)])


def test_an_order_before_the_cut_over_says_so() -> None:
    """Whether it was read or stood there before the first that was; also one that would be excluded."""
    shop = Shop(BOOK, cut_over_ms=START_MS)
    shop.ordered("early", -1_000)
    shop.ordered("R1", -10, custom={"source": "marketplace"})
    shop.ordered("R2")
    shop.end(60)
    assert shop.cluster.log.records(ORDERS, 0)[0].timestamp_ms < START_MS - RULES.max_clock_skew_ms
    for ref in ("early", "R1"):
        found = shop.explained(ref)
        assert (found.state, found.programme) == ("before_cut_over", None)
        assert found.judgement is not None
        assert found.judgement.cut_over_ms == START_MS
    assert shop.explained("R2").state == "outstanding"


def test_an_order_that_is_worth_nothing_says_so() -> None:
    """It is its programme's."""
    shop = Shop(BOOK)
    shop.ordered("R1", subtotal=Decimal("0.004"), market="fr")
    shop.end(60)
    found = shop.explained("R1")
    assert (found.state, found.programme) == ("zero_value", "2002")


def test_an_order_that_is_not_read_yet_says_so() -> None:
    """In a partition that was worked on, or never."""
    shop = Shop(BOOK)
    shop.ordered("R1")
    assert shop.explained("R1").state == "unread"
    shop.end(60)
    shop.ordered("R2")
    assert (shop.explained("R1").state, shop.explained("R2").state) == ("outstanding", "unread")


@pytest.mark.parametrize("question", range(1, 16))
def test_an_order_that_is_read_meanwhile_is_not_taken_for_one_without_trace(question: int) -> None:
    """Whatever is asked before and after."""
    shop = Shop(BOOK)
    shop.ordered("R0")
    shop.end(60)
    shop.ordered("R1", 70)
    reader, questions = LogReader(shop.cluster.log, (ORDER_STATE,)), count(1)
    reader.before_reading = lambda: shop.work() if next(questions) == question else None
    assert shop.explained("R1", reader=reader).state in {"unread", "pending"}


def test_an_order_whose_traces_have_expired_is_judged_by_the_settings() -> None:
    """It says what is wrong with it, or that nothing is."""
    shop = Shop(BOOK)
    shop.ordered("late", -4_000, stamped_s=0)
    shop.ordered("ahead", 400, stamped_s=0)
    shop.ordered("bad", currency="euro")
    shop.ordered("R1")
    shop.end(60)
    log = shop.cluster.log
    log.truncate(DEAD_LETTERS, 0, log.end_offset(DEAD_LETTERS, 0))
    log.truncate(ORDER_STATE, 0, log.records(ORDER_STATE, 0)[-1].offset)  # of the ledger
    shop.expire_conversions()
    messages = {}
    for ref in ("late", "ahead", "bad", "R1"):
        found = shop.explained(ref)
        assert found.state == "untraced"
        assert found.judgement is not None
        messages[ref] = found.judgement.ending, found.judgement.message.partition(" ")[0], found.programme
    assert messages == {
        "late": ("refused", "the", "1001"),
        "ahead": ("refused", "completed_at", None),
        "bad": ("refused", "currency", "1001"),
        "R1": ("accepted", "", "1001"),
    }


def test_the_newest_record_of_a_reference_is_told() -> None:
    """And how many there are; a dead letter of an earlier one stands beside it."""
    shop = Shop(BOOK)
    shop.ordered("R1", currency="euro")
    shop.work()
    refused = shop.explained("R1")
    assert (refused.state, refused.programme, refused.other_records) == ("dead_letter", "1001", 0)
    assert refused.order is not None
    shop.ordered("R1", 1, custom={"source": "marketplace"})
    shop.ordered("R10", 2)
    shop.end(60)
    found = shop.explained("R1")
    assert (found.state, found.other_records, len(found.refusals)) == ("excluded", 1, 1)
    assert found.order is not None
    assert found.order.recorded_at_ms == START_MS + 1_000


def test_a_record_of_another_programme_is_told_as_such() -> None:
    """Whatever became of it: it was not asked for."""
    shop = Shop(BOOK)
    shop.ordered("R1", market="fr")
    shop.ordered("R1", 1, market="fr", custom={"source": "marketplace"})
    shop.ordered("R2", market="fr")
    shop.end(60)
    for asked, state in (("2002", "outstanding"), ("1001", "unknown")):
        assert shop.explained("R2", [asked]).state == state
    assert shop.explained("R2", ["1001"]).notes == ("programme 2002 has an order of this reference: --programme 2002",)
    excluded = shop.explained("R1", ["1001"])
    assert (excluded.state, excluded.other_records) == ("excluded", 1)


def test_an_order_that_is_nowhere_is_not_found() -> None:
    """All records were looked at."""
    shop = Shop(BOOK)
    shop.ordered("R1")
    shop.end(60)
    found = shop.explained("R")
    assert (found.state, found.order, found.judgement, found.unread_orders) == ("unknown", None, None, 0)
