"""What is explained of orders whose visitor was forgotten."""

from __future__ import annotations

from consumer.attribution.rules import Rules
from consumer.inspect.traces import Forgotten
from tests.attribute.cluster import SESSIONS, START_MS
from tests.inspect.shop import Shop

RULES = Rules(advertiser_id="1001", window_ms=1_000_000)
LETTER = "https://shop.example/?utm_medium=email"


def forgotten() -> Shop:
    """Return a shop in which ann came by a letter, was forgotten, ordered R1, and was forgotten again."""
    shop = Shop(RULES)
    shop.landed(-100, LETTER)
    shop.forget(-50)
    shop.landed(-40, "https://shop.example/", "bob")
    shop.work()
    shop.ordered("R1")
    shop.ordered("R2", visitor="bob")
    shop.end(60)
    shop.forget(70)
    shop.work()
    return shop


def test_when_the_visitor_was_forgotten_is_told() -> None:
    """By the last request before the decision."""
    found = forgotten().explained("R1")
    assert found.forgotten is not None
    assert found.forgotten.asked_at_ms == START_MS - 50_000
    assert (found.forgotten.at.topic, found.forgotten.at.partition, found.forgotten.at.offset) == (SESSIONS, 0, 1)
    assert found.conversion is not None
    assert (found.conversion.conversion.reason, found.touches) == ("no_landing", ())


def test_of_other_orders_nothing_is_told() -> None:
    """Bob was never forgotten."""
    assert forgotten().explained("R2").forgotten is None


def test_a_request_that_has_expired_has_no_time() -> None:
    """That the visitor was forgotten is known still, by the conversion."""
    shop = forgotten()
    shop.cluster.log.truncate(SESSIONS, 0, 2)
    found = shop.explained("R1")
    assert (found.forgotten, found.notes) == (None, ())
    assert found.conversion is not None
    assert found.conversion.conversion.notes == ("forgotten",)


def test_a_request_behind_a_forced_decision_is_not_taken_for_it() -> None:
    """Whatever the clocks say: the decision had not read it."""
    shop = Shop(RULES, forces=True)
    shop.forget(-50)
    shop.work()
    shop.ordered("R1")
    shop.work()
    shop.quiet()
    shop.forget(-49)
    shop.work()
    request = shop.explained("R1").forgotten
    assert request is not None
    assert request == Forgotten(at=request.at, asked_at_ms=START_MS - 50_000)
    assert request.at.offset == 0
