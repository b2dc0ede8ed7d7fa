"""The generated worlds are worth testing with: they reach every rule and every boundary."""

from __future__ import annotations

from collections import defaultdict
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from consumer.demo.reference import LoggedOrder, expect
from consumer.demo.reference.channels import DEFAULT_TABLE
from tests.strategies.features import SITUATIONS, VERDICTS, Feature, features
from tests.strategies.rulebooks import LINES
from tests.strategies.worlds import readings, world, worlds

WORLDS = 3_000

ENDINGS = {"conversion", "duplicate", "conflict", "before_cut_over", "not_reportable"}
FAULTS = {
    ("order_ref_empty", "order_ref"),
    ("order_ref_too_long", "order_ref"),
    ("order_ref_bad", "order_ref"),
    ("visitor_id_too_long", "visitor_id"),
    ("no_programme", ""),
    ("currency_not_enabled", "currency"),
    ("bad_currency", "currency"),
    ("bad_amount", "subtotal"),
    ("bad_amount", "lines"),
    ("negative_amount", "subtotal"),
    ("bad_commission_group", "lines"),
    ("parts_mismatch", "lines"),
    ("negative_amount", "lines"),
    ("bad_channel", "channel"),
    ("order_too_late", "completed_at"),
    ("event_time_in_future", "completed_at"),
}
WHYS = {"last_click", "order_channel", "direct_only", "no_landing", "no_model"}
NOTES = {"unknown_group", "pro_rata", "default_group", "malformed_awc"}
RULES = {rule for rule, _, _ in DEFAULT_TABLE} | {line.name for line in LINES} | {"awc", None}
KINDS = {"normal", "strictly_necessary", "gclid", None}


def test_worlds_reach_everything() -> None:
    """Every ending, reason, note, rule, kind and boundary occurs in some thousands of worlds."""
    found: set[Feature] = set()
    for number in range(WORLDS):
        made = world(Random(number))
        found.update(features(made, expect(made.sessions, made.orders, made.rules, cut_over_ms=made.cut_over_ms)))
    wanted: set[Feature] = {*ENDINGS, *FAULTS, *WHYS, *SITUATIONS}
    wanted |= {("rule", rule) for rule in RULES} | {("kind", kind) for kind in KINDS}
    wanted |= {("note", note) for note in NOTES} | {("verdict", verdict) for verdict in VERDICTS}
    assert wanted - found == set()


@given(st.data())
def test_readings_keep_every_partition_in_order(data: st.DataObject) -> None:
    """A reading holds every record once, and those of a partition in the order of their offsets."""
    made = data.draw(worlds())
    reading = data.draw(readings(made))
    assert len(reading) == len(made.sessions) + len(made.orders)
    logs: dict[tuple[bool, int], list[int]] = defaultdict(list)
    for record in reading:
        logs[isinstance(record, LoggedOrder), record.partition].append(record.offset)
    assert all(offsets == list(range(len(offsets))) for offsets in logs.values())
