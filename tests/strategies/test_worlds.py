"""The generated worlds are worth testing with: they reach every rule and every boundary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from consumer.demo.reference import Expected, LoggedOrder, expect
from consumer.demo.reference.decision import counting_clicks, is_seen, own_time_ms
from consumer.demo.reference.landing import CHANNEL_TABLE, Touch
from consumer.demo.reference.replay import touches_by_visitor, without_empty_text
from tests.strategies.worlds import World, readings, worlds

ENDINGS = {"conversion", "duplicate", "conflict", "before_cut_over"}
FAULTS = {
    ("order_ref_empty", "order_ref"),
    ("order_ref_too_long", "order_ref"),
    ("order_ref_bad", "order_ref"),
    ("visitor_id_too_long", "visitor_id"),
    ("bad_currency", "currency"),
    ("bad_amount", "subtotal"),
    ("bad_amount", "lines"),
    ("negative_amount", "subtotal"),
    ("bad_commission_group", "lines"),
    ("parts_mismatch", "lines"),
    ("negative_amount", "lines"),
    ("bad_channel", "channel"),
    ("bad_awc", "awc"),
    ("order_too_late", "completed_at"),
    ("event_time_in_future", "completed_at"),
}
WHYS = {"last_click", "order_channel", "direct_only", "no_landing", "no_model"}
RULES = {rule for rule, _, _ in CHANNEL_TABLE} | {"awc", None}
KINDS = {"normal", "strictly_necessary", "gclid", None}
SITUATIONS = {
    "landed at the window's edge",
    "landed just before the window",
    "landed with the order",
    "landed just after the order",
    "watermark at the end of the grace",
    "watermark just before the end of the grace",
    "came too late",
    "landing of another programme",
    "click at the window's edge",
    "click just before the window",
    "click the delay before its landing",
    "click just more than the delay before its landing",
    "click after its landing",
    "click landed twice",
    "session landed twice",
    "statement of consent by a repeat",
    "session dead letter",
    "no checksum",
    "one checksum",
    "two checksums",
    "consent takes a checksum",
    "order's own awc seen on a landing",
    "order's own awc alone",
    "order without visitor",
    "empty text",
    "order corrected after a dead letter",
    "same order in two partitions",
}


@settings(max_examples=500, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds())
def count_features(found: Counter[object], world: World) -> None:
    """Count what occurs in many worlds."""
    for feature in set(features(world)):
        event(str(feature))
        found[feature] += 1


def features(world: World) -> Iterator[object]:
    """Name everything noteworthy that occurs in a world."""
    expected = expect(world.sessions, world.orders, world.rules, cut_over_ms=world.cut_over_ms)
    visitors = touches_by_visitor(world.sessions, world.rules)
    if sum(len(touches) for touches in visitors.values()) < len(world.sessions):
        yield "session dead letter"
    for touches in visitors.values():
        for touch in touches:
            yield ("rule", touch.rule)
            yield ("kind", touch.kind)
    refused: set[tuple[int, str]] = set()
    reported: dict[str, int] = {}
    for order in world.orders:
        ending = expected[order.partition, order.offset]
        yield from features_of_ending(ending)
        if ending.ending == "dead_letter":
            refused.add((order.partition, ending.order_ref))
        if ending.ending == "conversion":
            if (order.partition, ending.order_ref) in refused:
                yield "order corrected after a dead letter"
            if reported.setdefault(ending.order_ref, order.partition) != order.partition:
                yield "same order in two partitions"
            touches = visitors.get((order.partition, order.event.visitor_id or ""), ())
            yield from features_of_touches(world, order, list(touches))
            yield from features_of_clicks(world, order, ending, list(touches))


def features_of_ending(ending: Expected) -> Iterator[object]:
    """Name what an expectation says."""
    if ending.ending == "dead_letter":
        yield (ending.reason, ending.field)
    else:
        yield ending.ending
    if ending.ending == "conversion":
        yield ending.why
        yield ("no checksum", "one checksum", "two checksums")[len(ending.click_checksums)]


def features_of_touches(world: World, order: LoggedOrder, touches: list[Touch]) -> Iterator[object]:
    """Name where an order's touches stand."""
    completed_at_ms = order.event.completed_at_ms
    opens_at_ms = completed_at_ms - world.rules.window_ms
    closes_at_ms = completed_at_ms + world.rules.grace_ms
    if not order.event.visitor_id:
        yield "order without visitor"
    if "" in (order.event.visitor_id, order.event.channel, order.event.awc):
        yield "empty text"
    landings = Counter((touch.session_id, touch.channel, touch.checksum) for touch in touches)
    for touch in touches:
        yield from named(
            {
                "landed at the window's edge": touch.landed_at_ms == opens_at_ms,
                "landed just before the window": touch.landed_at_ms == opens_at_ms - 1,
                "landed with the order": touch.landed_at_ms == completed_at_ms,
                "landed just after the order": touch.landed_at_ms == completed_at_ms + 1,
            }
        )
        if not opens_at_ms <= touch.landed_at_ms <= completed_at_ms or touch.watermark_ms is None:
            continue
        is_repeat = landings[touch.session_id, touch.channel, touch.checksum] > 1
        yield from named(
            {
                "came too late": touch.watermark_ms >= closes_at_ms,
                "watermark at the end of the grace": touch.watermark_ms == closes_at_ms,
                "watermark just before the end of the grace": touch.watermark_ms == closes_at_ms - 1,
                "session landed twice": is_repeat,
                "statement of consent by a repeat": is_repeat and touch.consent in ("granted", "denied"),
            }
        )


def features_of_clicks(world: World, order: LoggedOrder, ending: Expected, touches: list[Touch]) -> Iterator[object]:
    """Name where an order's clicks stand."""
    said = without_empty_text(order.event)
    seen = [touch for touch in touches if is_seen(touch, said, world.rules, None)]
    seen.sort(key=lambda touch: (touch.landed_at_ms, touch.offset))
    clicks = counting_clicks(said, seen, world.rules)
    if len(ending.click_checksums) < len({click.kind == "strictly_necessary" for click in clicks}):
        yield "consent takes a checksum"
    if said.awc is not None:
        same = any(touch.checksum == said.awc for touch in seen)
        yield "order's own awc seen on a landing" if same else "order's own awc alone"
    landed = Counter(touch.checksum for touch in seen)
    opens_at_ms = said.completed_at_ms - world.rules.window_ms
    for touch in seen:
        if touch.checksum is None or touch.kind == "gclid":
            continue
        own_ms = own_time_ms(touch.checksum)
        before_ms = touch.landed_at_ms - own_ms
        is_long_before = before_ms > world.rules.click_delay_ms
        yield from named(
            {
                "landing of another programme": not touch.checksum.startswith(world.rules.advertiser_id),
                "click landed twice": landed[touch.checksum] > 1,
                "click after its landing": before_ms < 0,
                "click the delay before its landing": before_ms == world.rules.click_delay_ms,
                "click just more than the delay before its landing": 0 < before_ms - world.rules.click_delay_ms <= 1000,
                "click at the window's edge": is_long_before and own_ms == opens_at_ms,
                "click just before the window": is_long_before and 0 < opens_at_ms - own_ms <= 1000,
            }
        )


def named(situations: dict[str, bool]) -> Iterator[str]:
    """Name those that hold."""
    return (situation for situation, holds in situations.items() if holds)


@pytest.mark.slow
def test_worlds_reach_everything() -> None:
    """Every ending, reason, rule, kind and boundary occurs in some hundreds of worlds."""
    found: Counter[object] = Counter()
    count_features(found)
    wanted: set[object] = {*ENDINGS, *FAULTS, *WHYS, *SITUATIONS}
    wanted |= {("rule", rule) for rule in RULES} | {("kind", kind) for kind in KINDS}
    assert wanted - set(found) == set(), found


@given(st.data())
def test_readings_keep_every_partition_in_order(data: st.DataObject) -> None:
    """A reading holds every record once, and those of a partition in the order of their offsets."""
    world = data.draw(worlds())
    reading = data.draw(readings(world))
    assert len(reading) == len(world.sessions) + len(world.orders)
    for log in (world.sessions, world.orders):
        for partition in {record.partition for record in log}:
            offsets = [r.offset for r in reading if isinstance(r, type(log[0])) and r.partition == partition]
            assert offsets == list(range(len(offsets)))
