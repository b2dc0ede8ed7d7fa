"""Visitors are forgotten and refused checksums erased: in state, in its changelog, and for later orders."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from consumer.attribution.rules import Rules
from consumer.attribution.touch import Kind, Touch
from consumer.events import FORGET_ORDER_HEADER, Consent, SessionLanded
from consumer.state import orders, touches
from consumer.stream.memory import in_order
from tests.attribute.cluster import (
    DECODE_CONVERSION,
    ENCODE_SESSION,
    SESSIONS,
    START_MS,
    Cluster,
    Member,
)
from tests.attribute.endings import ledger_of
from tests.attribute.test_stage import AWC, ORDER, checksums, letters, produce_order, produce_session

SETTLE_MS = 60_000
RULES = Rules(advertiser_id="1001", consent_settle_ms=SETTLE_MS)
CLICK = f"https://shop.example/?awc={AWC}"
HOUR_S = 3_600


def landed(cluster: Cluster, after_ms: int, url: str, consent: Consent | None = None, visitor: str = "ann") -> None:
    """Append a landing that says something about consent."""
    event = SessionLanded(f"s{after_ms}", visitor, START_MS + after_ms, url, consent=consent)
    cluster.log.produce(SESSIONS, b"key", ENCODE_SESSION(event), 0, timestamp_ms=START_MS + after_ms)


def forget(cluster: Cluster, visitor: bytes | None = b"ann", order: bytes | None = None) -> None:
    """Append a record without a value."""
    headers = () if order is None else ((FORGET_ORDER_HEADER, order),)
    cluster.log.produce(SESSIONS, visitor, None, 0, headers=headers)


def kept(member: Member) -> list[Touch]:
    """Return every touch and marker in the local state of partition 0."""
    return [touches.decode(value) for _, value in member.tables[0].scan(0, touches.PREFIX)]


def stored(member: Member) -> list[Touch]:
    """Return every touch in the local state of partition 0."""
    return [touch for touch in kept(member) if touch.kind != Kind.FORGOTTEN]


def markers(member: Member) -> list[int]:
    """Return the offsets of the requests of which a marker is there."""
    return [touch.offset for touch in kept(member) if touch.kind == Kind.FORGOTTEN]


def notes(cluster: Cluster) -> dict[str, tuple[str, ...]]:
    """Return the notes of each order's conversion."""
    decided = [DECODE_CONVERSION(record.value) for record in cluster.conversions()]
    return {each.order_ref: each.notes for each in decided}


def sweep(cluster: Cluster) -> None:
    """Let an hour pass, and the pass over the touches be made."""
    cluster.clock.advance(HOUR_S)
    cluster.settle()
    cluster.step(5)
    cluster.settle()


def agree(cluster: Cluster, member: Member) -> None:
    """Assert that whoever restores from the changelogs knows what the member knows."""
    assert cluster.restored(0) == member.state(0)


def test_a_forgotten_visitor_is_gone() -> None:
    """From state and for later orders; other visitors, and what comes later, stay."""
    cluster = Cluster(RULES)
    produce_session(cluster, -5_000, CLICK)
    produce_session(cluster, -4_000, CLICK, visitor="anna")
    member = cluster.start()
    cluster.settle()
    forget(cluster)
    cluster.settle()
    produce_session(cluster, -1_000, "https://shop.example/?utm_medium=email")
    produce_order(cluster)
    produce_session(cluster, 60_000, visitor="bob")
    cluster.settle()
    assert [touch.landed_at_ms - START_MS for touch in stored(member)] == [-1_000, 60_000, -4_000]
    assert [DECODE_CONVERSION(record.value).channel for record in cluster.conversions()] == ["email"]
    assert member.metrics.counts["erased visitors"] == 1
    assert markers(member) == [2]
    assert ledger_of(cluster, 0).sessions_dead == 0
    agree(cluster, member)


def test_what_comes_in_the_same_transaction_is_forgotten_too() -> None:
    """Touches before the request go, those after it stay, whether committed or not."""
    cluster = Cluster(RULES)
    produce_session(cluster, -5_000, CLICK)
    forget(cluster)
    produce_session(cluster, -4_000)
    forget(cluster)
    produce_session(cluster, -1_000)
    member = cluster.start()
    cluster.settle()
    assert [touch.landed_at_ms - START_MS for touch in stored(member)] == [-1_000]
    assert markers(member) == [3]
    agree(cluster, member)


def test_an_order_read_later_says_that_its_visitor_was_forgotten() -> None:
    """Which is counted; those of others, and one so much later that it would have seen nothing, do not."""
    cluster = Cluster(RULES)
    produce_session(cluster, -5_000, CLICK)
    member = cluster.start()
    cluster.settle()
    forget(cluster)
    cluster.settle()
    asked_ms = cluster.log.records(SESSIONS, 0)[1].timestamp_ms
    at_ms = {"before": START_MS, "in": asked_ms + RULES.window_ms, "after": asked_ms + RULES.window_ms + 1}
    for ref, completed_at_ms in at_ms.items():
        produce_order(cluster, replace(ORDER, order_ref=ref, completed_at_ms=completed_at_ms))
    produce_order(cluster, replace(ORDER, order_ref="bob", visitor_id="bob"))
    produce_order(cluster, replace(ORDER, order_ref="guest", visitor_id=None))
    landed(cluster, 2 * RULES.window_ms, "https://shop.example/", visitor="eve")
    cluster.settle()
    assert notes(cluster) == {"before": ("forgotten",), "in": ("forgotten",), "after": (), "bob": (), "guest": ()}
    assert member.metrics.counts["forgotten"] == 2


def test_a_refusal_is_forgotten_too() -> None:
    """With the visitor: silence afterwards is as if nothing had ever been said."""
    for rules, sent in ((RULES, (AWC,)), (replace(RULES, consent_missing="deny"), ())):
        cluster = Cluster(rules)
        landed(cluster, -5_000, CLICK, "denied")
        forget(cluster)
        landed(cluster, -4_000, CLICK)
        cluster.start()
        cluster.settle()
        produce_order(cluster)
        landed(cluster, 60_000, "https://shop.example/", visitor="bob")
        cluster.settle()
        assert checksums(cluster) == [sent]


def test_a_later_request_replaces_the_marker() -> None:
    """Whoever restores has the last one alone, and decides by it as the member that was there."""
    cluster = Cluster(RULES)
    produce_session(cluster, -5_000, CLICK)
    member = cluster.start()
    for _ in range(3):
        cluster.settle()
        cluster.clock.advance(1)
        forget(cluster)
    cluster.settle()
    assert markers(member) == [3]
    agree(cluster, member)
    cluster.stop("a")
    other = cluster.start("b")
    produce_order(cluster)
    landed(cluster, 60_000, "https://shop.example/", visitor="bob")
    cluster.settle()
    assert markers(other) == [3]
    assert notes(cluster) == {"R1": ("forgotten",)}


def test_a_marker_is_left_alone_by_sweeps() -> None:
    """What the visitor refuses afterwards is erased as ever."""
    cluster = Cluster(RULES)
    member = cluster.start()
    forget(cluster)
    landed(cluster, 0, CLICK, "denied")
    landed(cluster, 2 * SETTLE_MS, "https://shop.example/", visitor="bob")
    cluster.settle()
    sweep(cluster)
    assert [touch.awc for touch in stored(member)] == ["1001_1700000000", None]
    assert markers(member) == [0]
    agree(cluster, member)


def test_orders_that_wait_see_what_was() -> None:
    """They are decided at once, and say with which sessions."""
    cluster = Cluster(RULES)
    produce_session(cluster, -5_000, CLICK)
    produce_order(cluster)
    produce_order(cluster, replace(ORDER, order_ref="other", visitor_id="bob"))
    member = cluster.start()
    cluster.settle()
    assert cluster.conversions() == []
    forget(cluster)
    cluster.settle()
    assert checksums(cluster) == [(AWC,)]
    assert DECODE_CONVERSION(cluster.conversions()[0].value).session_cut == 2
    assert notes(cluster) == {"R1": ()}
    assert member.metrics.counts["decided"] == 1
    produce_session(cluster, 60_000, visitor="bob")
    cluster.settle()
    assert len(cluster.conversions()) == 2
    assert ledger_of(cluster, 0).pending() == 0


def test_an_order_that_waits_for_nothing_is_not_forced() -> None:
    """Though it came in the same batch: it is decided as ever, without what landed too late for it."""
    cluster = Cluster(RULES)
    produce_session(cluster, -5_000, CLICK)
    produce_order(cluster)
    produce_session(cluster, 60_000, visitor="bob")
    produce_session(cluster, -1_000, "https://shop.example/?utm_medium=email")
    forget(cluster)
    cluster.start()
    cluster.settle()
    (decided,) = [DECODE_CONVERSION(record.value) for record in cluster.conversions()]
    assert (decided.channel, decided.session_cut) == ("aw", None)


def test_a_refused_transaction_forgets_nothing_twice() -> None:
    """What was taken back is done again."""
    cluster = Cluster(RULES)
    produce_session(cluster, -5_000, CLICK)
    produce_order(cluster)
    member = cluster.start()
    cluster.settle()
    forget(cluster)
    cluster.share()
    cluster.settle()
    assert checksums(cluster) == [(AWC,)]
    assert (stored(member), markers(member)) == ([], [1])
    assert notes(cluster) == {"R1": ()}
    agree(cluster, member)


def test_an_orders_checksums_are_forgotten_on_request() -> None:
    """The link stays, so that repeats are known; what it says of the click goes."""
    cluster = Cluster(RULES)
    produce_session(cluster, -5_000, CLICK)
    produce_order(cluster)
    produce_session(cluster, 60_000, visitor="bob")
    member = cluster.start()
    cluster.settle()
    key = orders.link_key(b"1001:R1")
    before = orders.decode_link(member.state(0)[key])
    forget(cluster, order=b"1001:R1")
    produce_order(cluster)
    cluster.settle()
    assert before.click_checksums == (AWC,)
    assert orders.decode_link(member.state(0)[key]) == replace(before, click_checksums=())
    assert ledger_of(cluster, 0).duplicates == 1
    assert (member.metrics.counts["erased visitors"], member.metrics.counts["erased orders"]) == (1, 1)
    agree(cluster, member)


@pytest.mark.parametrize("key", [b"", None])
def test_an_order_is_forgotten_without_its_visitor(key: bytes | None) -> None:
    """By a record with nobody's key: touches and markers stay as they are, and no visitor is counted."""
    cluster = Cluster(RULES)
    produce_session(cluster, -5_000, CLICK)
    produce_order(cluster)
    produce_session(cluster, 60_000, visitor="bob")
    member = cluster.start()
    cluster.settle()
    for order in (b"1001:R1", b"1001:R1", b"1001:R2"):
        forget(cluster, key, order)
    cluster.settle()
    link = orders.decode_link(member.state(0)[orders.link_key(b"1001:R1")])
    assert (link.channel, link.click_checksums) == ("aw", ())
    assert ([touch.awc for touch in stored(member)], markers(member)) == ([AWC, None], [])
    counts = member.metrics.counts
    assert (counts["erased visitors"], counts["erased orders"]) == (0, 1)
    assert (ledger_of(cluster, 0).sessions, ledger_of(cluster, 0).sessions_dead) == (5, 0)
    assert letters(cluster) == []
    agree(cluster, member)


def test_the_checksums_of_an_order_in_the_same_batch_are_forgotten_too() -> None:
    """An order without a visitor waits for nothing."""
    cluster = Cluster(RULES)
    produce_order(cluster, replace(ORDER, visitor_id=None, awc=AWC))
    forget(cluster, order=b"1001:R1")
    member = cluster.start()
    cluster.settle()
    assert checksums(cluster) == [(AWC,)]
    assert orders.decode_link(member.state(0)[orders.link_key(b"1001:R1")]).click_checksums == ()


def test_whom_to_forget_must_be_said() -> None:
    """A record with neither value nor key, or with a key that is no text, is a dead letter."""
    cluster = Cluster(RULES)
    cluster.log.produce(SESSIONS, None, None, 0)
    cluster.log.produce(SESSIONS, b"", None, 0)
    cluster.log.produce(SESSIONS, b"\xff", None, 0)
    cluster.log.produce(SESSIONS, b"v" * 70_000, None, 0)
    cluster.start()
    cluster.settle()
    assert [letter.reason for letter in letters(cluster)] == [
        *("null_value", "null_value"),
        *("bad_visitor_key", "visitor_id_too_long"),
    ]


def test_a_refused_checksum_is_erased_when_it_has_settled() -> None:
    """By the next pass; the touch and its channel stay, and a restored member has no checksum either."""
    cluster = Cluster(RULES)
    landed(cluster, 0, CLICK)
    landed(cluster, 1_000, "https://shop.example/", "denied")
    member = cluster.start()
    cluster.settle()
    sweep(cluster)
    assert [touch.awc for touch in stored(member)] == [AWC, None]
    landed(cluster, 1_000 + SETTLE_MS, "https://shop.example/", visitor="bob")
    sweep(cluster)
    assert [touch.awc for touch in stored(member)] == ["1001_1700000000", None, None]
    assert [touch.channel for touch in stored(member)] == ["aw", None, None]
    assert member.metrics.counts["erased checksums"] == 1
    agree(cluster, member)


def test_a_granted_checksum_stays() -> None:
    """A banner may be answered twice."""
    cluster = Cluster(RULES)
    landed(cluster, 0, CLICK, "denied")
    landed(cluster, 30_000, "https://shop.example/", "granted")
    landed(cluster, 10 * SETTLE_MS, "https://shop.example/", visitor="bob")
    member = cluster.start()
    cluster.settle()
    sweep(cluster)
    assert stored(member)[0].awc == AWC


def test_nothing_is_erased_while_an_order_before_it_waits() -> None:
    """The order was placed before the refusal and still gets its checksum; then it goes."""
    cluster = Cluster(replace(RULES, grace_ms=5 * SETTLE_MS))
    landed(cluster, -1_000, CLICK)
    produce_order(cluster)
    landed(cluster, 1_000, "https://shop.example/", "denied")
    landed(cluster, 2 * SETTLE_MS, "https://shop.example/", visitor="bob")
    member = cluster.start()
    cluster.settle()
    sweep(cluster)
    assert stored(member)[0].awc == AWC
    landed(cluster, 10 * SETTLE_MS, "https://shop.example/", visitor="bob")
    cluster.settle()
    sweep(cluster)
    assert checksums(cluster) == [(AWC,)]
    assert stored(member)[0].awc == "1001_1700000000"


def test_a_pass_is_made_in_pieces_over_every_visitor() -> None:
    """However few touches are looked at in a turn, and by whoever has the partition."""
    cluster = Cluster(RULES)
    for number in range(30):
        landed(cluster, number, CLICK, "denied", visitor=f"v{number % 10}")
    landed(cluster, 2 * SETTLE_MS, "https://shop.example/", visitor="bob")
    cluster.settings = replace(cluster.settings, sweep_touches=2)
    member = cluster.start()
    cluster.settle()
    cluster.wait(30)
    agree(cluster, member)
    moved = cluster.stop("a")
    other = cluster.start("b", moved.disk)
    cluster.wait(30)
    assert {touch.awc for touch in stored(other)} == {"1001_1700000000", None}
    agree(cluster, other)


def test_a_grant_that_is_read_but_not_committed_counts() -> None:
    """However records are batched, a checksum is not erased over a grant that came in time."""
    cluster = Cluster(RULES)
    landed(cluster, 0, CLICK, "denied")
    member = cluster.start()
    cluster.settle()
    cluster.clock.advance(HOUR_S)
    landed(cluster, 4_000, "https://shop.example/", "granted")
    landed(cluster, 10 * SETTLE_MS, "https://shop.example/", visitor="bob")
    cluster.step()
    cluster.settle()
    cluster.step(5)
    cluster.settle()
    assert stored(member)[0].awc == AWC


def test_nothing_is_erased_while_orders_are_there_to_be_read() -> None:
    """An order placed before the refusal may be among them."""
    cluster = Cluster(RULES, max_poll_records=1)
    landed(cluster, -1_000, CLICK)
    member = cluster.start(chooser=lambda ready, most: [(each, most) for each in ready if each.topic == SESSIONS])
    cluster.clock.advance(HOUR_S)
    produce_order(cluster)
    landed(cluster, 1_000, "https://shop.example/", "denied")
    landed(cluster, 2 * SETTLE_MS, "https://shop.example/", visitor="bob")
    for _ in range(20):
        cluster.clock.advance(HOUR_S)
        cluster.step()
    assert [touch.awc for touch in stored(member)] == [AWC, None, None]
    member.source._chooser = in_order
    cluster.settle()
    sweep(cluster)
    assert checksums(cluster) == [(AWC,)]
    assert stored(member)[0].awc == "1001_1700000000"
