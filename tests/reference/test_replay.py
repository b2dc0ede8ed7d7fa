"""Section 8 by hand, and what holds of the reference in every world."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from msgspec.structs import replace

from consumer.attribution.rules import Rulebook, Rules
from consumer.demo.reference import Facts, LoggedOrder, LoggedSession, expect
from tests.reference.cases import GOOGLE_AD, NOON_MS, RULES, landing, line, log, ordered
from tests.strategies.worlds import World, worlds

BAD = Decimal(-1)


@pytest.mark.parametrize(
    ("orders", "endings"),
    [
        pytest.param([ordered(), ordered(offset=1)], "conversion duplicate", id="repeat"),
        pytest.param(
            [ordered(), ordered(offset=1, order_id="2", channel="ppc", completed_at_ms=NOON_MS + 5)],
            "conversion duplicate",
            id="repeat with other details",
        ),
        pytest.param([ordered(), ordered(offset=1, subtotal=Decimal(99))], "conversion conflict", id="other subtotal"),
        pytest.param([ordered(), ordered(offset=1, currency="GBP")], "conversion conflict", id="other currency"),
        pytest.param([ordered(), ordered(offset=1, lines=(line("100"),))], "conversion conflict", id="other lines"),
        pytest.param(
            [ordered(), ordered(offset=1, currency="GBP"), ordered(offset=2, currency="GBP")],
            "conversion conflict conflict",
            id="a conflict is no first",
        ),
        pytest.param([ordered(), ordered(offset=1, order_ref="R2")], "conversion conversion", id="other reference"),
        pytest.param([ordered(), ordered(partition=1)], "conversion conversion", id="other partition"),
        pytest.param(
            [ordered(subtotal=BAD), ordered(offset=1), ordered(offset=2)],
            "dead_letter conversion duplicate",
            id="corrected after a dead letter",
        ),
        pytest.param(
            [ordered(), ordered(offset=1, subtotal=BAD)], "conversion dead_letter", id="bad content of a known order"
        ),
        pytest.param([ordered(offset=1, currency="GBP"), ordered()], "conflict conversion", id="lower offset first"),
        pytest.param([ordered(stamped_s=100)], "conversion", id="as late as can be"),
        pytest.param([ordered(stamped_s=100.001)], "dead_letter", id="too late"),
        pytest.param([ordered(), ordered(offset=1, stamped_s=101)], "conversion duplicate", id="repeat, too late"),
        pytest.param(
            [ordered(stamped_s=101), ordered(offset=1), ordered(offset=2, stamped_s=101, currency="GBP")],
            "dead_letter conversion conflict",
            id="a late record leaves the reference free",
        ),
        pytest.param([ordered(stamped_s=-60)], "conversion", id="as early as can be"),
        pytest.param([ordered(stamped_s=-60.001)], "dead_letter", id="from the future"),
    ],
)
def test_endings(orders: list[LoggedOrder], endings: str) -> None:
    """The first acceptable record of a reference is reported, and later ones are told apart."""
    found = expect([], orders, RULES)
    assert [found[order.partition, order.offset].ending for order in orders] == endings.split()


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        pytest.param(ordered(stamped_s=100.001), "order_too_late", id="too late"),
        pytest.param(ordered(stamped_s=-60.001), "event_time_in_future", id="from the future"),
        pytest.param(ordered(stamped_s=101, subtotal=BAD), "negative_amount", id="too late and bad"),
        pytest.param(ordered(stamped_s=-61, subtotal=BAD), "event_time_in_future", id="from the future and bad"),
    ],
)
def test_the_first_reason_holds(order: LoggedOrder, reason: str) -> None:
    """Of several reasons against an order, the first of section 8 is named."""
    assert expect([], [order], RULES)[0, 0].reason == reason


def test_before_cut_over() -> None:
    """Orders completed before the cut-over, bad and late ones among them, are counted and leave the reference free."""
    orders = [
        ordered(),
        ordered(offset=1, subtotal=BAD),
        ordered(offset=2, stamped_s=101),
        ordered(offset=3, completed_at_ms=NOON_MS + 1),
    ]
    found = expect([], orders, RULES, cut_over_ms=NOON_MS + 1)
    assert [found[0, offset].ending for offset in range(4)] == ["before_cut_over"] * 3 + ["conversion"]


def test_a_session_without_a_visitor_is_no_session() -> None:
    """A session that names no visitor is a dead letter and moves no watermark."""
    sessions = log(landing(50, visitor=""), landing(-1, GOOGLE_AD))
    assert expect(sessions, [ordered()], RULES)[0, 0].channel == "ppcgoogle"


@pytest.mark.parametrize("ids", [{"visitor": "v" * 1_001}, {"session": "s" * 1_001}])
def test_a_session_with_a_long_id_is_no_session(ids: dict[str, Any]) -> None:
    """It is a dead letter and moves no watermark; one of 1,000 characters is none."""
    sessions = log(landing(50, **ids), landing(-1, GOOGLE_AD))
    assert expect(sessions, [ordered()], RULES)[0, 0].channel == "ppcgoogle"
    shorter = {name: text[:-1] for name, text in ids.items()}
    assert expect(log(landing(50, **shorter), landing(-1, GOOGLE_AD)), [ordered()], RULES)[0, 0].channel == "aw"


def test_default_rules() -> None:
    """The settings' own defaults see thirty days."""
    day_s = 86_400
    sessions = log(landing(-30 * day_s, GOOGLE_AD), landing(-30 * day_s - 1, GOOGLE_AD, visitor="bob"))
    orders = [ordered(), ordered(offset=1, order_ref="R2", visitor_id="bob")]
    found = expect(sessions, orders, Rules(advertiser_id="1001"))
    assert [found[0, 0].channel, found[0, 1].channel] == ["ppcgoogle", "aw"]


@given(worlds())
def test_expectations_hold_together(world: World) -> None:
    """Every order has one ending, its parts add up, and a partition reports a reference once to a programme."""
    found = expect(world.sessions, world.orders, world.rules, cut_over_ms=world.cut_over_ms)
    assert set(found) == {(order.partition, order.offset) for order in world.orders}
    reported = [ending for ending in found.values() if ending.ending == "conversion"]
    assert len(reported) == len({(ending.partition, ending.programme, ending.order_ref) for ending in reported})
    for ending in reported:
        assert sum(part.amount for part in ending.parts) == ending.amount
        assert all(part.amount >= 0 for part in ending.parts)
    for ending in found.values():
        assert (ending.reason != "") == (ending.ending in {"dead_letter", "conflict"})


@given(worlds())
def test_the_logs_may_be_given_in_any_order(world: World) -> None:
    """Only offsets say which record came first."""
    forwards = expect(world.sessions, world.orders, world.rules, cut_over_ms=world.cut_over_ms)
    backwards = expect(world.sessions[::-1], world.orders[::-1], world.rules, cut_over_ms=world.cut_over_ms)
    assert forwards == backwards


@given(worlds())
def test_forced_and_by_watermark_agree_when_nothing_is_late(world: World) -> None:
    """Where sessions come in the order of time, an order forced after all of them is decided as by the watermark."""
    landed = [record for record in world.sessions if isinstance(record, LoggedSession)]
    in_time = sorted(landed, key=lambda session: min(session.event.landed_at_ms, session.timestamp_ms))
    sessions = log(*in_time)
    rules = Rulebook(tuple(replace(rules, grace_ms=1) for rules in world.rules.programmes), world.rules.exclude)
    cuts = {(order.partition, order.offset): len(sessions) for order in world.orders}
    assert expect(sessions, world.orders, rules) == expect(sessions, world.orders, rules, facts=Facts(cuts=cuts))
